import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const app = join(import.meta.dirname, 'app')
const require = createRequire(import.meta.url)

// The application as the generator writes it, in CommonJS, and the files that a user adds. The generator runs `npm init`,
// which looks for workspaces in the folders above.
const generated = mkdtempSync(join(tmpdir(), 'fastify-cli-'))
execFileSync(process.execPath, [require.resolve('fastify-cli/cli.js'), 'generate', 'app'], { cwd: generated, stdio: 'ignore' })
cpSync(join(generated, 'app'), app, { recursive: true })
rmSync(generated, { recursive: true })
for (const folder of ['plugins', 'routes']) cpSync(join(import.meta.dirname, folder), join(app, folder), { recursive: true })

process.chdir(app)
require('fastify-cli/start.js').start(['--port', '0', '--address', '127.0.0.1', '--log-level', 'info', 'app.js'])
