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
  t.end()
})

test('the last segment of a beginning is not whole, and no dot segment', t => {
  t.same(prefixSpellingsOf('notes://a/.'), ['notes://a/.', 'notes:/a/.'])
  t.same(prefixSpellingsOf('notes://a/../b'), ['notes://a/../b', 'notes:/b'])
  t.same(prefixSpellingsOf('notes://'), ['notes://', 'notes:/'])
  t.same(prefixSpellingsOf('notes://a?b'), ['notes://a?b', 'notes:/a?b'])
  t.end()
})
