/**
 * Mutation testing: changes the code in small ways, one at a time, and lists those that no test notices. See test/README.md.
 *
 *     npm run mutate -- lib/token                        # one folder, or several
 *     npm run mutate -- lib/token/checks.ts              # one file
 *     npm run mutate -- lib/token/checks.ts:40-60        # some of its lines
 *     npm run mutate -- --wide lib/token/checks.ts:52-52 # with all tests of lib, plugins, rfc and acceptance
 *     npm run mutate -- --force lib/token                # forgets the results of earlier runs
 *     npm run mutate                                     # every folder, for hours
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const given = process.argv.slice(2)
const shell = process.platform === 'win32'

process.chdir(fileURLToPath(new URL('../..', import.meta.url)))
if (!existsSync(`${here}node_modules`)) run('npm', ['ci', '--prefix', here, '--no-audit', '--no-fund'])
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  run('npx', ['-y', 'node@24', fileURLToPath(import.meta.url), ...given])
  process.exit()
}

// The processes of the tests inherit all of it: the priority, the version of Node.js, the code that is compiled already.
os.setPriority(os.constants.priority.PRIORITY_LOW)
process.env.PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../../.mutate/compile-cache', import.meta.url))
process.env.TAP_TIMEOUT = '600'

const { Stryker } = await import('@stryker-mutator/core')
const { folders, optionsFor } = await import('./config.js')

const flags = new Set(given.filter(argument => argument.startsWith('--')))
const paths = given.filter(argument => !flags.has(argument)).map(path => path.replace(/\/$/, ''))
for (const path of paths.length > 0 ? paths : folders) {
  const folder = folders.find(one => path === one || path.startsWith(`${one}/`))
  if (folder === undefined) throw new Error(`${path} is in none of ${folders.join(', ')}`)
  const files = /\.ts(?::|$)/.test(path) ? [path] : [`${path}/**/*.ts`]
  await new Stryker({ ...optionsFor(folder, { files, wide: flags.has('--wide') }), force: flags.has('--force') }).runMutationTest()
}

function run (command, parameters) {
  const { status } = spawnSync(command, parameters, { stdio: 'inherit', shell })
  if (status !== 0) process.exit(status ?? 1)
}
