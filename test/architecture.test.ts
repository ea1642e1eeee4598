import { readFile, readdir } from 'node:fs/promises'
import { test } from 'tap'
import { rules } from './support/architecture.ts'
import type { Manifest, SourceTree } from './support/architecture.ts'

const root = new URL('../', import.meta.url)

async function readTree (): Promise<SourceTree> {
  const tree = new Map<string, string>()
  for (const folder of ['lib', 'plugins']) {
    for (const entry of await readdir(new URL(folder, root), { recursive: true })) {
      const path = `${folder}/${entry.replaceAll('\\', '/')}`
      if (path.endsWith('.ts')) tree.set(path, await readFile(new URL(path, root), 'utf8'))
    }
  }
  return tree
}

test('the tree keeps every rule', async t => {
  const tree = await readTree()
  const manifest = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as Manifest
  t.ok(tree.size > 40, 'there is a tree')
  for (const [name, rule] of Object.entries(rules)) t.same(rule(tree, manifest), [], name)
})

// Coverage knows only files that were loaded: one that no test imports would be missing from the report, not uncovered in it.
test('every file can be loaded by itself', async t => {
  for (const path of (await readTree()).keys()) await t.resolves(import(new URL(path, root).href), path)
})

interface Example {
  rule: string
  files: Record<string, string>
  manifest?: Manifest
  /** What the rule has to say; nothing when the tree is fine. */
  says: string[]
}

const examples: Example[] = [
  {
    rule: 'what is loaded can be read from the source',
    files: { 'lib/a.ts': "const name = 'x'\nawait import(name)\n", 'lib/b.ts': "await import('./a.ts')\nimport.meta.url\n" },
    says: ['lib/a.ts computes what it imports']
  },
  {
    rule: 'imports point down',
    files: { 'lib/errors.ts': "import type { A } from '../plugins/a.ts'\n", 'plugins/a.ts': "import '../lib/errors.ts'\n" },
    says: ['lib/errors.ts imports plugins/a.ts']
  },
  {
    rule: 'imports point down',
    files: { 'plugins/a.ts': "import '../test/support/app.ts'\nimport '../lib/gone.ts'\n" },
    says: [
      'plugins/a.ts imports ../test/support/app.ts, which is not a file of lib or plugins',
      'plugins/a.ts imports ../lib/gone.ts, which is not a file of lib or plugins'
    ]
  },
  {
    rule: 'lib knows no Fastify',
    files: {
      'lib/a.ts': "import type { FastifyRequest } from 'fastify'\n",
      'lib/b.ts': "import fp from 'fastify-plugin'\n",
      'lib/c.ts': "type Sensible = import('@fastify/sensible').FastifySensibleOptions\n",
      'lib/d.ts': "export {}\ndeclare module 'fastify' {}\n",
      'lib/e.ts': '/// <reference types="fastify" />\n',
      'lib/f.ts': "import fastify = require('fastify/lib/errors.js')\n",
      'lib/g.ts': "import { faster } from 'fasti'\n",
      'plugins/a.ts': "import fp from 'fastify-plugin'\n"
    },
    says: [
      'lib/a.ts knows fastify', 'lib/b.ts knows fastify-plugin', 'lib/c.ts knows @fastify/sensible', 'lib/d.ts knows fastify',
      'lib/e.ts knows fastify', 'lib/f.ts knows fastify/lib/errors.js'
    ]
  },
  {
    rule: 'no plugin imports another one',
    files: {
      'plugins/index.ts': "import './a.ts'\n",
      'plugins/a.ts': "import type { B } from './b.ts'\nimport '../lib/errors.ts'\n",
      'plugins/b.ts': "export * from './index.ts'\n",
      'plugins/entry-points/b.ts': "export { b } from '../b.ts'\n",
      'plugins/entry-points/c.ts': "export { a } from '../index.ts'\nexport { b } from './b.ts'\nimport '../shared/d.ts'\n",
      'plugins/c.ts': "import './shared/d.ts'\n",
      'plugins/shared/d.ts': "import './e.ts'\n",
      'plugins/shared/e.ts': "import '../a.ts'\n"
    },
    says: [
      'plugins/a.ts imports plugins/b.ts', 'plugins/b.ts imports plugins/index.ts', 'plugins/entry-points/c.ts imports plugins/index.ts',
      'plugins/entry-points/c.ts imports plugins/entry-points/b.ts', 'plugins/entry-points/c.ts imports plugins/shared/d.ts',
      'plugins/shared/e.ts imports plugins/a.ts'
    ]
  },
  {
    rule: 'the layers of lib',
    files: {
      'lib/token/jwt.ts': "import '../errors.ts'\nimport '../http/fetch-json.ts'\nimport './checks.ts'\n",
      'lib/token/checks.ts': "import '../policy/scopes.ts'\n",
      'lib/errors.ts': "import type { Clock } from './challenge/grammar.ts'\n",
      'lib/clock.ts': '',
      'lib/http/fetch-json.ts': "import { quote } from '../challenge/grammar.ts'\n",
      'lib/challenge/grammar.ts': '',
      'lib/policy/scopes.ts': '',
      'lib/utils.ts': ''
    },
    says: [
      'lib/utils.ts is in no layer',
      'lib/token/checks.ts imports lib/policy/scopes.ts',
      'lib/errors.ts imports lib/challenge/grammar.ts',
      'lib/http/fetch-json.ts imports lib/challenge/grammar.ts'
    ]
  },
  {
    rule: 'no cycles',
    files: {
      'lib/a.ts': "import './b.ts'\n",
      'lib/b.ts': "import './c.ts'\nimport './d.ts'\n",
      'lib/c.ts': "import type { B } from './b.ts'\n",
      'lib/d.ts': "import './d.ts'\n",
      'lib/e.ts': "import './a.ts'\nimport './c.ts'\n"
    },
    says: ['lib/b.ts → lib/c.ts → lib/b.ts', 'lib/d.ts → lib/d.ts']
  },
  {
    rule: 'runtime dependencies are those of package.json',
    files: {
      'lib/a.ts': "import { sign } from 'node:crypto'\nimport fs from 'fs'\nimport * as Value from 'typebox/value'\n",
      'lib/b.ts': "import type { A } from 'types-alone'\nimport { b } from 'loaded'\n",
      'plugins/a.ts': "import sensible from '@fastify/sensible/package.json'\nimport type { App } from 'fastify'\nimport 'node:nothing'\n"
    },
    manifest: { dependencies: { typebox: '1', '@fastify/sensible': '6', jose: '6' }, devDependencies: { 'types-alone': '1', loaded: '1' }, peerDependencies: { fastify: '5' } },
    says: [
      'lib/a.ts imports fs, which package.json does not declare',
      'lib/b.ts imports loaded, which package.json does not declare',
      'plugins/a.ts imports node:nothing, which package.json does not declare',
      'package.json declares jose, which nothing imports'
    ]
  },
  {
    rule: 'TypeBox is not loaded at run time',
    files: {
      'lib/a.ts': "import Type from 'typebox'\n",
      'lib/b.ts': "import type { TSchema } from 'typebox'\n",
      'lib/c.ts': "await import('typebox/value')\n",
      'lib/d.ts': "import { typebox } from './typebox.ts'\n"
    },
    says: ['lib/a.ts loads typebox', 'lib/c.ts loads typebox/value']
  },
  {
    rule: 'no barrel files',
    files: {
      'plugins/index.ts': "export { a } from './a.ts'\n",
      'plugins/a.ts': 'export const a = 1\nexport { a as b }\n',
      'lib/token/index.ts': '',
      'lib/token/all.ts': "export * from './jwt.ts'\n",
      'plugins/entry-points/token.ts': "export { jwt } from '../../lib/token/jwt.ts'\n"
    },
    says: ['lib/token/index.ts is named like a barrel', 'lib/token/all.ts exports from ./jwt.ts']
  },
  {
    rule: 'entry points list names and have no code',
    files: {
      'plugins/index.ts': 'export const a = 1\n',
      'plugins/a.ts': 'export const a = 1\n',
      'plugins/entry-points/a.ts': "export { a } from '../a.ts'\nexport * from '../index.ts'\nexport const b = 1\n"
    },
    says: ["plugins/entry-points/a.ts has code: export * from '../index.ts'", 'plugins/entry-points/a.ts has code: export const b = 1']
  },
  {
    rule: 'every entry point is exported, and everything exported is there',
    files: { 'plugins/index.ts': '', 'plugins/a.ts': '', 'plugins/entry-points/a.ts': '', 'plugins/entry-points/stores/b.ts': '' },
    manifest: {
      exports: {
        '.': { types: './dist/plugins/index.d.ts', default: './dist/plugins/index.js' },
        './stores/b': { types: './dist/plugins/entry-points/stores/b.d.ts', default: './dist/plugins/entry-points/stores/b.js' },
        './c': { types: './dist/plugins/entry-points/c.d.ts', default: './dist/plugins/entry-points/c.js' },
        './sql/*': './sql/*',
        './package.json': './package.json'
      },
      typesVersions: { '*': { c: ['./dist/plugins/entry-points/c.d.ts'] } }
    },
    says: [
      'package.json does not export plugins/entry-points/a.ts', 'package.json exports plugins/entry-points/c.ts, which is not there',
      'package.json has no typesVersions for ./stores/b'
    ]
  },
  {
    rule: 'no dead files',
    files: {
      'plugins/entry-points/a.ts': "export { d } from '../../lib/d.ts'\n",
      'lib/d.ts': '',
      'plugins/index.ts': "import './a.ts'\n",
      'plugins/a.ts': "import type { B } from '../lib/b.ts'\n",
      'lib/b.ts': '',
      'lib/c.ts': "import './b.ts'\n"
    },
    says: ['lib/c.ts is not reached from an entry point']
  }
]

const lines = (count: number): string => 'x()\n'.repeat(count)
examples.push({
  rule: 'files are of a size to be read',
  files: { 'lib/stores/connections/memory-connection-store.ts': lines(15) },
  says: ['lib/stores/connections/memory-connection-store.ts has 15 lines and needs no reason for being short']
}, {
  rule: 'files are of a size to be read',
  files: {
    'lib/a.ts': lines(260), 'lib/b.ts': lines(261), 'lib/c.ts': lines(15), 'lib/d.ts': lines(14), 'plugins/entry-points/e.ts': lines(1),
    'lib/stores/connections/memory-connection-store.ts': lines(14)
  },
  says: [
    'lib/b.ts has 261 lines, and 260 are enough', 'lib/d.ts has 14 lines: merge it with what imports it'
  ]
}, {
  rule: 'lib/client stays a house that one can walk through',
  files: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`lib/client/${i}.ts`, ''])),
  says: ['lib/client has 33 files']
})

test('every rule finds what breaks it', t => {
  for (const { rule, files, manifest = {}, says } of examples) t.same(rules[rule]!(new Map(Object.entries(files)), manifest), says, rule)
  t.same([...new Set(examples.map(({ rule }) => rule))], Object.keys(rules), 'no rule is left out')
  t.end()
})
