import { cp, mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { test } from 'tap'
import { load } from './loader/hooks.js'
import { runNode } from './support/child.ts'
import { missingUnix } from './support/unix.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/** `never` is not called, and of `sometimes` one branch is not taken. */
const source = `import type { Stats } from 'node:fs'
export interface Shape {
  readonly size: number
}
export function never (stats: Stats): Shape {
  return { size: stats.size }
}
export const sometimes = (value: string | undefined): string =>
  value === undefined
    ? 'nothing'
    : value satisfies string
`

test('what no test runs fails the coverage gate, at the lines of the source', { timeout: 120_000, skip: missingUnix('env') }, async t => {
  // tap takes no coverage of what is in its own folder, where `t.testdir` would put it.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'oauth-coverage-')))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'lib'))
  await mkdir(join(folder, 'test'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(join(folder, 'lib/half.ts'), source)
  await writeFile(join(folder, 'test/half.test.ts'),
    "import { test } from 'tap'\nimport { sometimes } from '../lib/half.ts'\ntest('a', async t => { t.equal(sometimes('a' as string), 'a') })\n")
  for (const path of ['.taprc', 'test/coverage-map.js', 'test/loader']) await cp(join(root, path), join(folder, path), { recursive: true })
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  const tap = join(root, 'node_modules/tap/dist/esm/run.mjs')
  const { exitCode, stdout } = await runNode([tap, 'run', '--reporter=tap', '--coverage-report=json', '--coverage-report=text'], {
    cwd: folder, env: { ...withoutTap(), TAP: undefined }
  })
  t.equal(exitCode, 1)
  t.match(stdout, / half\.ts +\| +81\.81 \| +66\.66 \| +50 \| +81\.81 \| 6-7 /)
})

/** tap tells its children about itself. */
function withoutTap (): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.keys(process.env).filter(name => /^_?TAP/.test(name)).map(name => [name, undefined]))
}

test('the loader moves nothing: types become spaces, and all else stays where it is', async t => {
  for (const folder of ['lib', 'plugins']) {
    for (const name of await readdir(join(root, folder), { recursive: true })) {
      if (!name.endsWith('.ts')) continue
      const path = join(root, folder, name)
      const text = await readFile(path, 'utf8')
      const { source } = load(pathToFileURL(path).href, {}, () => t.fail('is not asked'))
      const moved = [...source].findIndex((character, i) => character !== text[i] && !/[\s;]/.test(character))
      t.same({ length: source.length, moved, lines: linesOf(source) }, { length: text.length, moved: -1, lines: linesOf(text) }, `${folder}/${name}`)
    }
  }
})

function linesOf (text: string): number[] {
  return [...text.matchAll(/\n/g)].map(({ index }) => index)
}
