import { readdir, readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { test } from 'tap'
import { inspect } from '../../lib/forward/inspection.ts'
import { fetchJson } from '../../lib/http/fetch-json.ts'
import { parseJson } from '../../lib/parse-json.ts'
import { createMemoryIntrospectionCache } from '../../lib/stores/introspection/introspection-cache.ts'

/** A text of a stranger, which Node.js 24 and 26 take a name from (https://github.com/nodejs/node/issues/63785). */
function readBefore (text: string): void {
  for (let i = 0; i < 3; i++) JSON.parse(text)
}

const asPhpWritesIt = (first: string): string => `{"${first}":1,"https:\\/\\/a":[2,"\\n"]}`
const strangers = (first: string): string => `{"${first}":1,"https:\\\\/\\\\":2}`
const meant = (first: string): object => ({ [first]: 1, 'https://a': [2, '\n'] })

test('a name with an escape is read as it is, whatever was read before', t => {
  readBefore(strangers('p1'))
  t.same(parseJson(asPhpWritesIt('p1')), meant('p1'))
  readBefore('{"p2":{"p3":1,"\\\\":2}}')
  t.equal(JSON.stringify(parseJson('{"p2":{"p3":1,"\\u005f_proto__":{}},"list":[[],{},null]}')), '{"p2":{"p3":1,"__proto__":{}},"list":[[],{},null]}')
  t.end()
})

test('it reads what JSON.parse reads, and refuses what JSON.parse refuses', t => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), value => {
    const text = JSON.stringify(value)
    return JSON.stringify(parseJson(text)) === JSON.stringify(JSON.parse(text))
  }))
  for (const text of ['', '{', '{"a\\n":}', 'undefined', '{"a":1}}']) t.throws(() => parseJson(text), SyntaxError, text)
  for (const [text, value] of [['"\\u0062"', 'b'], ['["\\n"]', ['\n']], ['7', 7], ['null', null], ['{"\\u0061":1,"a":2}', { a: 2 }]] as const) t.same(parseJson(text), value, text)
  t.end()
})

test('nesting without end is refused where a name has an escape', t => {
  const nested = (depth: number, name: string): string => `${'['.repeat(depth)}{"${name}":1}${']'.repeat(depth)}`
  t.doesNotThrow(() => parseJson(nested(100_000, 'a')))
  t.doesNotThrow(() => parseJson(nested(999, '\\u0061')))
  for (const depth of [1000, 100_000]) t.throws(() => parseJson(nested(depth, '\\u0061')), { name: 'SyntaxError', message: 'nested too deeply' })
  t.end()
})

test('documents of other servers, bodies on their way, and answers that were kept are read by it', async t => {
  const limits = { timeoutMs: 5000, maxBytes: 1000 }
  readBefore(strangers('d1'))
  t.same((await fetchJson('https://a.example', async () => new Response(asPhpWritesIt('d1')), limits)).body, meant('d1'))

  readBefore(strangers('d2'))
  const body = Readable.from([Buffer.from(asPhpWritesIt('d2'))], { objectMode: false })
  const answer = { status: 200, headers: ['content-type', 'application/json'], body, isWhole: false }
  t.same((await inspect(answer, 'POST', { maxBytes: 1000, maxMs: 10_000 })).body, meant('d2'))

  readBefore('{"d3":1,"a\\\\":2}')
  const cache = createMemoryIntrospectionCache()
  await cache.set('key', { members: { d3: 1, 'a"b': 2 }, untilMs: Date.now() + 60_000 })
  t.same((await cache.get('key'))!.members, { d3: 1, 'a"b': 2 })
})

/** Where `JSON.parse` reads no text of another party, or reads single strings. */
const ownTexts: Readonly<Record<string, string>> = {
  'lib/parse-json.ts': 'the check of the form, and single strings',
  'lib/token/strict-json.ts': 'the check of the form: names with escapes are read again',
  'lib/metadata/check-metadata.ts': 'the configuration of the operator, at boot',
  'lib/stores/connections/stored-connection.ts': 'written by this package, names without escapes',
  'lib/stores/organizations/postgres-organization-directory.ts': 'written by the database from fixed names',
  'lib/stores/tokens/stored-tokens.ts': 'written by this package, fixed names',
  'lib/stores/tokens/file-token-store.ts': 'written by this package, fixed names',
  'lib/doctor/explain/sources.ts': 'a file of the user',
  'lib/doctor/command/read-token.ts': 'a file of the user',
  'lib/doctor/command/command.ts': 'package.json'
}

test('text of other parties is read by parseJson or parseStrictJson: every other JSON.parse has its reason', async t => {
  const root = new URL('../../', import.meta.url)
  const found: string[] = []
  for (const folder of ['lib/', 'plugins/']) {
    for (const file of await readdir(new URL(folder, root), { recursive: true })) {
      if (file.endsWith('.ts') && /(?<!`)\bJSON\.parse\(|\.json\(\)/.test(await readFile(new URL(folder + file, root), 'utf8'))) found.push(folder + file)
    }
  }
  t.same(found.sort(), Object.keys(ownTexts).sort())
})
