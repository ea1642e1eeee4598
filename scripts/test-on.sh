#!/usr/bin/env bash
# Runs the tests on another Node.js: scripts/test-on.sh 24 [what tap takes]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

major=${1:?usage: scripts/test-on.sh NODE_MAJOR [argument of tap]...}
shift
# `node` is put first on the PATH, so that the processes that tests start are of the same version.
exec npx --yes --package "node@$major" -- sh -c 'node --version && exec node node_modules/.bin/tap "$@"' tap "$@"
