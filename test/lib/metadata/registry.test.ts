import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { createMetadataDocument } from '../../../lib/metadata/document.ts'
import type { LiveDocument } from '../../../lib/metadata/live-document.ts'
import { createLiveDocument } from '../../../lib/metadata/live-document.ts'
import { parseIdentifier } from '../../../lib/identifier.ts'
import type { MetadataRegistry } from '../../../lib/metadata/registry.ts'
import { createMetadataRegistry } from '../../../lib/metadata/registry.ts'

const wellKnown = '/.well-known/oauth-protected-resource'
type Added = readonly [resource: string, rootAlias?: boolean | null | undefined, name?: string | undefined, publishedAt?: string | null]

function add (registry: MetadataRegistry, [resource, rootAlias = null, name = 'N', publishedAt = null]: Added): LiveDocument {
  const document = createMetadataDocument({ resource, binding: { dpopAlgorithms: [], dpopRequired: false, certificates: false }, advertisedIssuers: [], advertisedScopes: [], metadata: { resource_name: name } })
  return registry.add(parseIdentifier(resource), createLiveDocument({ document, routes: null, liveScopes: null }), { maxAgeSeconds: 60, rootAlias, publishedAt })
}
const of = (added: readonly Added[]): MetadataRegistry => {
  const registry = createMetadataRegistry()
  for (const one of added) add(registry, one)
  return registry
}

const atRoot: ReadonlyArray<readonly [string, readonly Added[], string | null]> = [
  ['nobody', [], null],
  ['the resource of the origin', [['https://h']], 'https://h'],
  ['the only resource', [['https://h/a']], 'https://h/a'],
  ['the only resource, in two scopes', [['https://h/a'], ['https://h/a']], 'https://h/a'],
  ['the only resource, unless it does not want to', [['https://h/a', false]], null],
  ['none of two', [['https://h/a'], ['https://h/b']], null],
  ['none of three', [['https://h/a'], ['https://h/b'], ['https://h/c']], null],
  ['the one of two that wants to', [['https://h/a'], ['https://h/b', true]], 'https://h/b'],
  ['the one of two that wants to, first', [['https://h/a', true], ['https://h/b']], 'https://h/a'],
  ['the resource of the origin beside another', [['https://h/a'], ['https://h']], 'https://h'],
  ['the resource of the origin, which wants what it has', [['https://h', true], ['https://h/a']], 'https://h']
]
for (const [title, added, resource] of atRoot) {
  test(`at the root answers: ${title} (F3)`, t => {
    t.equal(of(added).find(wellKnown, 'h')?.document.configured.resource ?? null, resource)
    t.end()
  })
}

test('documents are found by the very target', t => {
  const registry = of([['https://h/a', false], ['https://h/a/'], ['https://h/a?x=1'], ['https://h/A']])
  for (const [suffix, resource] of [
    ['/a', 'https://h/a'], ['/a/', 'https://h/a/'], ['/a?x=1', 'https://h/a?x=1'], ['/A', 'https://h/A'], ['/a?x=2', undefined],
    ['/a//', undefined], ['/%61', undefined], ['/b', undefined], ['', undefined], ['/', undefined], ['/a?x=1&y=2', undefined]
  ] as const) t.equal(registry.find(wellKnown + suffix, 'h')?.document.configured.resource, resource, suffix)
  t.equal(registry.find('/a', 'h'), null)
  t.equal(registry.find(`${wellKnown}/a`, 'h')?.maxAgeSeconds, 60)
  t.ok(registry.has('https://h/a'))
  t.notOk(registry.has('https://h/b'))
  t.end()
})

const conflicts: ReadonlyArray<readonly [readonly Added[], Added, string]> = [
  [[['https://h']], ['https://h/'], `the metadata of https://h/ and of https://h would both be at ${wellKnown}`],
  [[['https://h/a']], ['https://h/a', undefined, 'M'],
    `two scopes of this server belong to https://h/a and describe it differently at ${wellKnown}/a`],
  [[['https://h/a', true]], ['https://h/b', true],
    `https://h/b and https://h/a cannot both be at ${wellKnown}: set rootAlias for one of them`],
  [[['https://h/a', true]], ['https://h'], `https://h and https://h/a cannot both be at ${wellKnown}: set rootAlias for one of them`],
  [[['https://h']], ['https://h/a', true], `https://h/a and https://h cannot both be at ${wellKnown}: set rootAlias for one of them`]
]
for (const [added, one, message] of conflicts) {
  test(`refused: ${message}`, t => {
    const registry = of(added)
    t.throws(() => add(registry, one), new OptionError(message))
    t.end()
  })
}

test('two scopes of one resource share the document that came first', t => {
  const registry = createMetadataRegistry()
  const first = add(registry, ['https://h/a'])
  t.equal(add(registry, ['https://h/a']), first)
  t.not(add(registry, ['https://h/b']), first)
  t.equal(registry.find(`${wellKnown}/a`, 'h')?.document, first)
  t.end()
})

test('resources of several hosts can have the same path, and the host decides between their documents [B9]', t => {
  const registry = of([['https://a.example/mcp', true], ['https://b.example:8443/mcp', true]])
  for (const target of [wellKnown, `${wellKnown}/mcp`]) {
    for (const [host, resource] of [['a.example', 'https://a.example/mcp'], ['B.example:8443', 'https://b.example:8443/mcp'], ['c.example', undefined]] as const) {
      t.equal(registry.find(target, host)?.document.configured.resource, resource, `${target} of ${host}`)
    }
  }
  t.ok(registry.has('https://b.example:8443/mcp'))
  t.equal(of([['https://a.example/mcp']]).find(`${wellKnown}/mcp`, 'internal')?.document.configured.resource, 'https://a.example/mcp', 'a proxy may have changed the host of the only one')
  t.end()
})

test('a document can have a second place, below the prefix of a gateway [B9]', t => {
  const registry = of([['https://gw.example/team/mcp', null, undefined, `/team${wellKnown}`]])
  for (const target of [`${wellKnown}/team/mcp`, `/team${wellKnown}`, wellKnown]) t.ok(registry.find(target, 'gw.example'), target)
  t.equal(registry.find('/team', 'gw.example'), null)
  t.end()
})
