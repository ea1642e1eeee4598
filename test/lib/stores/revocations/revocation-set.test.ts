import { test } from 'tap'
import type { RevocableToken } from '../../../../lib/stores/revocations/revocation-store.ts'
import { revocationKeysOf } from '../../../../lib/stores/revocations/revocation.ts'
import { createRevocationSet } from '../../../../lib/stores/revocations/revocation-set.ts'

const token: RevocableToken = {
  issuer: 'https://login.example.com', subject: 'ann', tokenId: 't', grantId: null, sessionId: null, actor: null, issuedAt: 1000, authenticatedAt: null
}
const [subjectKey, tokenKey] = revocationKeysOf(token).map(({ key }) => key) as [string, string]

test('a revocation applies to tokens of its second and before, for the longest lifetime of a token', t => {
  const set = createRevocationSet(10, 100)
  t.equal(set.covers(token, 1000), false)
  t.equal(set.add(subjectKey, 1000, 1000), true)
  t.same([999, 1000, 1000.9, 1001].map(issuedAt => set.covers({ ...token, issuedAt }, 1000)), [true, true, true, false])
  t.same([1099, 1099.9, 1100, 1101].map(now => set.covers(token, now)), [true, true, false, false])
  t.same([1099, 1100].map(now => [...set.entries(now)]), [[[subjectKey, 1000]], []])
  t.equal(set.size, 1, 'and is forgotten when the next one comes')
  t.equal(set.add('a', 1100, 1100), true)
  t.equal(set.size, 1)
  t.end()
})

test('of two revocations with one key the later counts, in whichever order they come', t => {
  const set = createRevocationSet(2, 100)
  for (const at of [1000, 1010, 1005]) t.equal(set.add(subjectKey, at, 1010), true)
  t.equal(set.size, 1)
  t.same([1005, 1010, 1011].map(issuedAt => set.covers({ ...token, issuedAt }, 1010)), [true, true, false])
  t.equal(set.add(tokenKey, 1001, 1010), true)
  t.equal(set.add(subjectKey, 1020, 1020), true, 'also when the set is full')
  t.same([...set.entries(1020)], [[tokenKey, 1001], [subjectKey, 1020]], 'the oldest first')
  t.end()
})

test('a full set takes no other revocation, but those whose tokens have expired take no room', t => {
  const set = createRevocationSet(2, 100)
  for (const key of ['a', 'b']) t.equal(set.add(key, 1000, 1000), true)
  t.equal(set.add('c', 1000, 1099), false)
  t.equal(set.add('old', 999, 1099), true, 'all of its tokens have expired')
  t.equal(set.add('old', 900, 1000), true)
  t.equal(set.size, 2)
  t.equal(set.add('c', 1001, 1100), true, 'a and b are forgotten')
  t.equal(set.size, 1)
  t.end()
})

test('revocations that are forgotten are the oldest: one that is younger stays', t => {
  const set = createRevocationSet(10, 100)
  for (const [key, at] of [['a', 1000], ['b', 1050], ['c', 1001]] as const) set.add(key, at, 1050)
  set.add('d', 1101, 1101)
  t.same(set.size, 3, 'a is gone, and c waits behind b')
  t.same([...set.entries(1101)].map(([key]) => key), ['b', 'd'])
  t.end()
})
