import { test } from 'tap'
import { createConnectionAuthorization } from '../../../../lib/client/connect/request-authorization.ts'
import type { ConnectionAuthorization } from '../../../../lib/client/connect/request-authorization.ts'
import { emptyHint } from '../../../../lib/client/fetch/classify.ts'
import type { TestClock } from '../../../support/clock.ts'
import { createTestClock } from '../../../support/clock.ts'

interface Fixture {
  readonly clock: TestClock
  /** The next authorization fails with this error. */
  readonly failing: unknown[]
  readonly authorization: ConnectionAuthorization
  /** Whether a response with this challenge leads to an authorization. */
  readonly authorizes: (challenge: string) => Promise<boolean>
}

function createFixture (usesGrant = false): Fixture {
  const clock = createTestClock()
  const failing: unknown[] = []
  const authorization: ConnectionAuthorization = createConnectionAuthorization({
    async authorize (hint) {
      if (failing.length > 0) throw failing.shift()
      authorization.authorized(hint.scopes, hint)
    },
    usesGrant,
    coolDownMs: 60_000,
    clock
  })
  return {
    clock,
    failing,
    authorization,
    authorizes: async challenge => await authorization.run({ kind: 'authorization_needed', scopes: null }, {
      method: 'GET', url: 'https://api.example.com', response: new Response(null, { status: 401, headers: { 'www-authenticate': challenge } }), isRepeatable: true
    })
  }
}

test('a new token that is rejected at once causes no second authorization, one that was accepted before does', async t => {
  for (const [kind, hasFailed, isAccepted] of [['ok', false, true], ['refused', false, true], ['ok', true, false], ['invalid_token', false, false]] as const) {
    const { authorization, authorizes } = createFixture()
    authorization.onResult({ kind }, hasFailed)
    t.equal(await authorizes('Bearer'), true)
    t.equal(await authorizes('Bearer error="invalid_token"'), false)
    authorization.onResult({ kind }, hasFailed)
    t.equal(await authorizes('Bearer error="invalid_token"'), isAccepted, `${kind} ${hasFailed}`)
  }
})

test('RFC 9470 3: an authentication that was required before is not required again, another one is', async t => {
  const stepUp = 'Bearer error="insufficient_user_authentication"'
  const { authorization, authorizes } = createFixture()
  t.equal(await authorizes('Bearer'), true)
  for (const requirement of ['acr_values="gold"', 'max_age="300"', 'acr_values="gold", max_age="300"']) {
    t.equal(await authorizes(`${stepUp}, ${requirement}`), true, requirement)
    authorization.onResult({ kind: 'ok' }, false)
    t.equal(await authorizes(`${stepUp}, ${requirement}`), false, `${requirement} again`)
  }
  t.equal(await authorizes('Bearer error="insufficient_scope"'), false, 'a challenge without a requirement is not another one')
})

test('a grant comes before a request once it was needed, a user is asked first only for a body that is sent once', async t => {
  for (const usesGrant of [true, false]) {
    const { authorization, authorizes } = createFixture(usesGrant)
    t.same([authorization.count(), authorization.comesFirst(true), authorization.comesFirst(false)], [0, false, true])
    await authorizes('Bearer')
    t.same([authorization.count(), authorization.comesFirst(true), authorization.comesFirst(false)], [1, usesGrant, true])
    authorization.authorized(null, emptyHint)
    t.equal(authorization.count(), 2)
  }
})

test('RFC 6750 3.1: an authorization for scopes is not repeated for the same scopes during the cool-down, one for more scopes is made', async t => {
  const { clock, authorizes } = createFixture()
  const needs = (scopes: string): string => `Bearer error="insufficient_scope", scope="${scopes}"`
  t.equal(await authorizes(needs('read list')), true)
  t.equal(await authorizes(needs('read')), false)
  t.equal(await authorizes('Bearer error="insufficient_scope"'), false)
  t.equal(await authorizes(needs('read write')), true)
  clock.advance(59.999)
  t.equal(await authorizes(needs('read write')), false)
  clock.advance(0.001)
  t.equal(await authorizes(needs('read write')), true, 'after the cool-down')
  clock.advance(-1)
  t.equal(await authorizes(needs('read write')), true, 'a clock that was set back ends the cool-down')
})

test('RFC 9470 3: an authentication that is older than max_age is required again, also during the cool-down', async t => {
  const { clock, authorizes } = createFixture()
  const challenge = 'Bearer error="insufficient_user_authentication", max_age="5"'
  t.equal(await authorizes(challenge), true)
  clock.advance(4.999)
  t.equal(await authorizes(challenge), false)
  clock.advance(0.001)
  t.equal(await authorizes(challenge), true)
})

test('an authorization before a request is made even if the last one did not help', async t => {
  const { authorization, authorizes } = createFixture()
  t.equal(await authorizes('Bearer'), true)
  t.equal(await authorization.run({ kind: 'authorization_needed', scopes: null }, { method: 'GET', url: 'https://api.example.com', response: null, isRepeatable: true }), true)
})

test('a sign-in that succeeds ends the cool-down of one that failed', async t => {
  const { authorization, authorizes, failing } = createFixture()
  const error = new Error('declined')
  failing.push(error)
  await t.rejects(authorizes('Bearer'), error)
  await t.rejects(authorizes('Bearer'), error)
  authorization.authorized(null, emptyHint)
  t.equal(await authorizes('Bearer error="insufficient_scope", scope="read"'), true)
})

test('simultaneous requests share one authorization, and the next request makes a new one', async t => {
  const { authorization } = createFixture()
  await Promise.all([authorization.now(emptyHint), authorization.now(emptyHint)])
  t.equal(authorization.count(), 1)
  await authorization.now(emptyHint)
  t.equal(authorization.count(), 2)
})

test('the body of a response is cancelled before the user signs in, unless that response is returned', async t => {
  for (const isRepeatable of [true, false]) {
    const { authorization } = createFixture()
    let isCancelled = false
    const response = new Response(new ReadableStream({ cancel () { isCancelled = true } }), { status: 401 })
    await authorization.run({ kind: 'authorization_needed', scopes: null }, { method: 'GET', url: 'https://api.example.com', response, isRepeatable })
    t.equal(isCancelled, isRepeatable)
  }
})
