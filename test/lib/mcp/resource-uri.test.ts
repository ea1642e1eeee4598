import { test } from 'tap'
import { prefixSpellingsOf, spellingsOf } from '../../../lib/mcp/resource-uri.ts'

for (const [uri, normalized] of [
  ['notes://a/b', 'notes:/a/b'],
  ['NOTES://User@A/B/./c', 'notes:/a/B/c'],
  ['notes:///a//b', 'notes:/a/b'],
  ['notes://a/b/..', 'notes:/a/'],
  ['notes://a/b/.', 'notes:/a/b/'],
  ['notes://../a', 'notes:/a'],
  ['file://localhost/a', 'file:/a'],
  ['file://localhost', 'file:/localhost'],
  ['notes://a/b?c=/../d//e#%2e/..', 'notes:/a/b?c=/../d//e#./..'],
  ['urn:a:b', 'urn:a:b'],
  ['a/../b', 'b'],
  ['a/b/..', 'a/'],
  ['a/./b', 'a/b'],
  ['notes:/%c3%a4', 'notes:/ä'],
  ['notes:\\\\a\\b', 'notes:/a/b'],
  ['', '']
] as const) {
  test(`RFC 3986 section 6: ${uri} is normalized`, t => {
    t.ok(spellingsOf(uri)!.includes(normalized), spellingsOf(uri)!.join(' '))
    t.end()
  })
}

test('a URI that is normal already has no other spelling beside its own', t => {
  t.same(spellingsOf('urn:a:b'), ['urn:a:b'])
  t.same(spellingsOf('notes://a/b'), ['notes://a/b', 'notes:/a/b'])
  t.same(spellingsOf('NOTES://AB/C'), ['notes://ab/C', 'notes:/ab/C'], 'but for the case of scheme and authority')
  t.same(spellingsOf('URN:A:b'), ['urn:A:b'], 'also where there is no authority')
  t.end()
})

test('the last segment of a beginning is not whole, and no dot segment', t => {
  t.same(prefixSpellingsOf('notes://a/.'), ['notes://a/.', 'notes:/a/.'])
  t.same(prefixSpellingsOf('notes://a/../b'), ['notes://a/../b', 'notes:/b'])
  t.same(prefixSpellingsOf('notes://'), ['notes://', 'notes:/'])
  t.same(prefixSpellingsOf('notes://a?b'), ['notes://a?b', 'notes:/a?b'])
  t.end()
})

test('only what is an authority is one, and only what is a scheme is one', t => {
  t.same(spellingsOf('urn:A@B/c'), ['urn:A@B/c'])
  t.same(spellingsOf('notes:/A@B/c'), ['notes:/A@B/c'])
  t.same(spellingsOf('A/B:c'), ['A/B:c'])
  t.end()
})

test('RFC 8089 2: localhost of a file URI is no host, in declarations as well', t => {
  for (const [prefix, normalized] of [
    ['file://localhost/a/b', 'file:/a/b'], ['FILE://LocalHost/a/', 'file:/a/'], ['file://localhost', 'file:/localhost'],
    ['file://other/a', 'file:/other/a'], ['file:///localhost/a', 'file:/localhost/a'], ['notes://localhost/a', 'notes:/localhost/a']
  ] as const) t.equal(prefixSpellingsOf(prefix).at(-1), normalized, prefix)
  t.end()
})

test('the path of a declaration with a query is whole', t => {
  t.equal(prefixSpellingsOf('notes://a/.?b').at(-1), 'notes:/a/?b')
  t.end()
})

test('a URI may be percent-encoded three times, and no more', t => {
  const encoded = (times: number): string => `notes:/${'%'.padEnd(1 + 2 * (times - 1), '25')}41`
  t.ok(spellingsOf(encoded(3))!.includes('notes:/A'), encoded(3))
  t.equal(spellingsOf(encoded(4)), null, encoded(4))
  t.end()
})
