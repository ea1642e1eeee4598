import { randomBytes } from 'node:crypto'
import { test } from 'tap'
import { createDpopNonces } from '../../../lib/proof/dpop-nonces.ts'
import { createTestClock } from '../../support/clock.ts'

const secret = randomBytes(32)

test('RFC 9449 8.1: a nonce is of the grammar and cannot be guessed (R9449-29)', t => {
  const clock = createTestClock()
  const seen = new Set<string>()
  for (let i = 0; i < 100; i++) seen.add(createDpopNonces({ secret: randomBytes(32), rotateMs: 60_000 }, clock).current())
  t.equal(seen.size, 100)
  for (const nonce of seen) t.match(nonce, /^[\x21\x23-\x5B\x5D-\x7E]{32}$/)
  t.end()
})

test('RFC 9449 8: the nonce before the current one is still good, and no older one (R9449-12)', t => {
  const clock = createTestClock()
  const nonces = createDpopNonces({ secret, rotateMs: 60_000 }, clock)
  const first = nonces.current()
  t.equal(nonces.current(), first)
  clock.advance(60)
  const second = nonces.current()
  t.not(second, first)
  t.ok(nonces.isGood(second))
  t.ok(nonces.isGood(first))
  clock.advance(60)
  t.notOk(nonces.isGood(first))
  t.ok(nonces.isGood(second))
  t.end()
})

test('servers with one secret take the nonces of each other, others do not', t => {
  const clock = createTestClock()
  const [one, other, stranger] = [secret, secret, null].map(value => createDpopNonces({ secret: value, rotateMs: 60_000 }, clock))
  t.ok(other!.isGood(one!.current()))
  t.notOk(stranger!.isGood(one!.current()))
  t.notOk(createDpopNonces({ secret, rotateMs: 30_000 }, clock).isGood(one!.current()))
  t.end()
})

test('a nonce that nobody provided is not good', t => {
  const nonces = createDpopNonces({ secret, rotateMs: 60_000 }, createTestClock())
  for (const wrong of [undefined, null, 1, '', 'x'.repeat(32), 'ä'.repeat(32), '€'.repeat(32), `${nonces.current()} `]) t.notOk(nonces.isGood(wrong), String(wrong))
  t.end()
})
