import { test } from 'tap'
import { createConnectionAuthorization } from '../../../../lib/client/connect/request-authorization.ts'
import type { ConnectionAuthorization } from '../../../../lib/client/connect/request-authorization.ts'
import { emptyHint } from '../../../../lib/client/fetch/classify.ts'
import { createTestClock } from '../../../support/clock.ts'

interface Fixture {
  readonly authorization: ConnectionAuthorization
  /** Whether a response with this challenge leads to an authorization. */
  readonly authorizes: (challenge: string) => Promise<boolean>
}

function createFixture (usesGrant = false): Fixture {
  const authorization: ConnectionAuthorization = createConnectionAuthorization({
    authorize: async hint => { authorization.authorized(hint.scopes, hint) }, usesGrant, coolDownMs: 60_000, clock: createTestClock()
  })
  return {
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
