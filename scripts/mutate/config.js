import { fileURLToPath } from 'node:url'

/**
 * The tests that look for the mutants of a folder: those of its own files, and those of plugins and standards that are about them
 * and take no more than about a second. Of these Stryker runs for a mutant only the files that reach its line.
 */
const tests = {
  'lib/token': [
    'test/lib/token/*', 'test/lib/resource/*', 'test/plugins/custom-tokens*', 'test/rfc/rfc7662*', 'test/rfc/rfc8705*', 'test/rfc/rfc9449*', 'test/rfc/rfc9701*',
    'test/rfc/token-status-list'
  ],
  'lib/policy': ['test/lib/policy/*', 'test/lib/refusal/*', 'test/plugins/authorize*', 'test/rfc/rfc9470*', 'test/rfc/rfc9396*'],
  'lib/challenge': ['test/lib/challenge/*', 'test/lib/refusal/*', 'test/rfc/rfc6750-challenge*'],
  'lib/impersonation': ['test/lib/impersonation/*', 'test/plugins/impersonat*'],
  'lib/oidc-provider': ['test/lib/oidc-provider/*'],
  'lib/mcp': ['test/lib/mcp/*', 'test/plugins/mcp', 'test/plugins/mcp-refusals'],
  // Without the tests that take ten seconds.
  'lib/stores': ['test/lib/stores/*/*', 'test/lib/stores/{file-lock,mutex,outage,redis-client,store-options,unreadable-record}'],
  'lib/forward': ['test/lib/forward/*', 'test/plugins/forward*'],
  'lib/client': ['test/lib/client/**/*']
}

export const folders = Object.keys(tests)

/**
 * The options of Stryker for one folder.
 *
 * @param files what of the folder is mutated: patterns, or files with lines (`lib/token/checks.ts:10-20`)
 * @param wide whether all tests of `lib`, `plugins`, `rfc` and `acceptance` run, for mutants that survived the folder's own
 */
export function optionsFor (folder, { files = [`${folder}/**/*.ts`], wide = false } = {}) {
  const found = wide ? ['lib', 'plugins', 'rfc', 'acceptance'].map(place => `test/${place}/**/*`) : tests[folder]
  const report = `.mutate/${folder.replaceAll('/', '-')}${wide ? '-wide' : ''}${process.env.MUTATE_SAMPLE === undefined ? '' : '-sample'}`
  return {
    mutate: files,
    testRunner: 'tap',
    plugins: ['nearest-first.js', 'ignore-sentences.js'].map(name => fileURLToPath(new URL(name, import.meta.url))),
    ignorers: ['sentences'],
    tap: {
      testFiles: found.map(pattern => `${pattern}.test.ts`),
      nodeArgs: ['-r', '{{hookFile}}', '--import=@tapjs/mock/import', '--import=./test/loader/register.js', '{{testFile}}'],
      forceBail: true
    },
    coverageAnalysis: 'perTest',
    // Types are blanked out as they are, and those of a mutant need not be right.
    disableTypeChecks: false,
    concurrency: 2,
    // A machine that has more urgent work must not make mutants time out, which counts as found.
    timeoutMS: 15_000,
    timeoutFactor: 4,
    dryRunTimeoutMinutes: 30,
    // Mutants whose line and tests have not changed keep their result. `--force` forgets them.
    incremental: true,
    incrementalFile: `${report}.incremental.json`,
    tempDirName: '.mutate/tmp',
    ignorePatterns: ['.mutate', '.tap', 'dist', 'bench', 'test/hosts'],
    reporters: ['clear-text', 'progress-append-only', 'json', 'html'],
    clearTextReporter: { reportTests: false, logTests: false },
    jsonReporter: { fileName: `${report}.json` },
    htmlReporter: { fileName: `${report}.html` },
    warnings: { unknownOptions: false }
  }
}
