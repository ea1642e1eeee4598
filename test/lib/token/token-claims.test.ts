import fc from 'fast-check'
import { test } from 'tap'
import { createReader } from '../../../lib/token/jwt.ts'
import { listOf, scopesIn, sharedText } from '../../../lib/token/token-claims.ts'

test('a text is read once, as long as it is kept', async t => {
  const read: string[] = []
  const reader = createReader(text => {
    read.push(text)
    return text.length
  })
  t.strictSame(['a', 'bb', 'a', 'bb'].map(reader), [1, 2, 1, 2])
  t.strictSame(read, ['a', 'bb'])
})

test('500 texts are kept, and with the next one all are forgotten', async t => {
  let reads = 0
  const reader = createReader(text => {
    reads++
    return text
  })
  for (let i = 0; i < 500; i++) reader(`text-${i}`)
  for (let i = 0; i < 500; i++) reader(`text-${i}`)
  t.equal(reads, 500)
  reader('one more')
  reader('text-499')
  t.equal(reads, 502)
  reader('one more')
  t.equal(reads, 502)
})

test('a text of more than 300 characters is not kept', async t => {
  let reads = 0
  const reader = createReader(text => {
    reads++
    return text
  })
  for (const length of [300, 300, 301, 301]) reader('x'.repeat(length))
  t.equal(reads, 3)
})

test('lists are frozen, as all tokens share them', async t => {
  t.strictSame(listOf('api'), ['api'])
  t.equal(listOf('api'), listOf('api'))
  t.ok(Object.isFrozen(listOf('api')))
  t.strictSame(scopesIn(' read  write read '), ['read', 'write'])
  t.equal(scopesIn('read write'), scopesIn('read write'))
  t.ok(Object.isFrozen(scopesIn('read write')))
  t.strictSame(scopesIn(''), [])
})

test('whatever the texts, what is read is that of the text', async t => {
  // Halves of surrogate pairs are texts as well.
  const text = fc.string({ unit: fc.oneof(fc.constantFrom('a', ' ', '\ud800', '\udc00', '\ufffd', '__proto__'), fc.string({ unit: 'binary', maxLength: 1 })) })
  fc.assert(fc.property(fc.array(text), texts => {
    for (const one of [...texts, ...texts]) {
      t.equal(sharedText(one), one)
      t.strictSame(listOf(one), [one])
      t.strictSame(scopesIn(one), [...new Set(one.split(' ').filter(word => word !== ''))])
    }
  }))
})
