import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { test } from 'tap'
import { parse } from 'yaml'

const root = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const manifest = JSON.parse(read('package.json')) as { scripts: Record<string, string>, engines: { node: string } }

interface Job {
  readonly permissions?: Readonly<Record<string, string>>
  readonly 'timeout-minutes'?: number
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly unknown[]>> }
  readonly steps: ReadonlyArray<{ readonly run?: string, readonly uses?: string }>
}
interface Workflow { readonly on: unknown, readonly permissions: Readonly<Record<string, string>>, readonly jobs: Readonly<Record<string, Job>> }

const workflows = Object.fromEntries(readdirSync(new URL('.github/workflows', root)).map(name => [name, parse(read(`.github/workflows/${name}`)) as Workflow]))

test('SECURITY.md: each guarantee names a test, and the test is there', t => {
  const [, table = ''] = /### What is guaranteed\n([^]*?)\n### /.exec(read('SECURITY.md'))!
  const rows = [...table.matchAll(/^\| (?!-|guarantee)(.+) \| (.+) \|$/gm)]
  t.ok(rows.length > 10)
  for (const [, guarantee, tests] of rows) {
    const paths = [...tests!.matchAll(/`(test\/[^`]+\.test\.ts)`/g)].map(match => match[1]!)
    t.ok(paths.length > 0, guarantee!)
    for (const path of paths) t.ok(existsSync(new URL(path, root)), path)
  }
  t.end()
})

test('CONTRIBUTING.md: the commands and files that it names are there', t => {
  const text = read('CONTRIBUTING.md')
  for (const [, name] of text.matchAll(/\bnpm run ([\w:]+)/g)) t.ok(manifest.scripts[name!], `npm run ${name}`)
  for (const [path] of text.matchAll(/\b(?:scripts|test|docs)\/[\w./-]+\.\w+/g)) {
    if (!path.includes('*')) t.ok(existsSync(new URL(path, root)), path)
  }
  t.end()
})

test('every YAML file of .github can be parsed, and templates have what GitHub asks for', t => {
  const files = readdirSync(new URL('.github', root), { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.yml'))
  t.ok(files.length >= 6)
  for (const file of files) t.type(parse(read(`.github/${file.replaceAll('\\', '/')}`)), 'object', file)
  for (const name of ['bug.yml', 'feature.yml']) t.hasProps(parse(read(`.github/ISSUE_TEMPLATE/${name}`)), ['name', 'description', 'body'])
  t.end()
})

test('workflows have the least permissions, a time limit for each job, and run scripts that are there', t => {
  for (const [name, { permissions, jobs }] of Object.entries(workflows)) {
    t.same(permissions, { contents: 'read' }, name)
    for (const [job, { steps, 'timeout-minutes': minutes }] of Object.entries(jobs)) {
      t.type(minutes, 'number', `${name} ${job}`)
      for (const { run = '' } of steps) {
        for (const [, script] of run.matchAll(/\bnpm run ([\w:]+)/g)) t.ok(manifest.scripts[script!], script!)
        for (const [path] of run.matchAll(/\b(?:scripts|test)\/[\w./-]+\.\w+/g)) t.ok(existsSync(new URL(path, root)), path)
      }
    }
  }
  t.end()
})

test('CI runs on three systems, every supported Node.js, Fastify 6 and TypeScript 5.4 to 7', t => {
  const { test: suite, types, 'fastify-6': fastify6 } = workflows['ci.yml']!.jobs
  t.same(suite!.strategy!.matrix, { os: ['ubuntu-latest', 'macos-latest', 'windows-latest'], node: [20, 22, 24, 26] })
  t.equal(manifest.engines.node, '>=20.19', 'the oldest one is in the matrix')
  t.match(types!.strategy!.matrix.typescript, ['5.4', '5.5', '5.6', '5.7', '5.8', '5.9', '6.0', '7.0'])
  t.ok(fastify6)
  t.ok(existsSync(new URL('test/hosts/fastify-6/package.json', root)))
  t.end()
})

test('a release is published by its tag, with provenance and without a token', t => {
  const { on, jobs } = workflows['release.yml']!
  t.same(on, { push: { tags: ['v*'] } })
  const { permissions, steps } = jobs.publish!
  t.same(permissions, { contents: 'read', 'id-token': 'write' })
  const commands = steps.map(({ run = '' }) => run)
  t.ok(commands.some(run => run === 'npm publish --provenance --access public'))
  t.ok(commands.indexOf('npm test') < commands.length - 1, 'the tests run before')
  t.notMatch(read('.github/workflows/release.yml'), /secrets\./)
  t.end()
})
