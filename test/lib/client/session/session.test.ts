import { test } from 'tap'
import type { Test } from 'tap'
import type { SessionError } from '../../../../lib/errors/client-errors.ts'
import { RefreshError, sessionErrorTable } from '../../../../lib/errors/client-errors.ts'
import { createSession } from '../../../../lib/client/session/session.ts'
import { OptionError } from '../../../../lib/errors/errors.ts'
import { createMemoryTokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import type { TokenSet, TokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createSessionFixture, failureOf, lifetimeMs } from '../../../support/client-session.ts'
import { createDeferred } from '../../../support/deferred.ts'

const lifetime = lifetimeMs / 1000
const network = (): Error => new TypeError('fetch failed')

async function fails (t: Test, promise: Promise<unknown>, code: SessionError['code'], message: string = code): Promise<SessionError> {
  const error = await failureOf(promise)
  t.match(error, { name: 'SessionError', code }, message)
  return error as SessionError
}

test('a session without stored tokens, and one with stored tokens', async t => {
  const { session, server, store, states, sibling } = createSessionFixture()
  t.equal(session.state, 'starting')
  t.equal(session.refreshableUntil, null)
  const error = await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  t.equal(error.message, sessionErrorTable.FST_OAUTH_SESSION_NOT_SIGNED_IN.message)
  t.ok(error.needsAuthorization)
  t.equal(session.state, 'signed_out')

  const tokens = server.grant()
  await session.signIn(tokens)
  t.equal(session.state, 'signed_in')
  t.equal(await session.token(), tokens, 'R1 the token as it is')
  t.strictSame((await store.read())!.tokens, tokens)
  t.equal(await sibling().token(), tokens, 'another process finds it')
  t.strictSame(states, ['signed_out', 'signed_in'])
  t.strictSame(server.presented, [], 'R1 and no token request')
})

test('a session that another process begins later is found', async t => {
  const { session, server, sibling } = createSessionFixture()
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  const tokens = server.grant()
  await sibling().signIn(tokens)
  t.equal((await session.token()).accessToken, tokens.accessToken)
})

test('fifty callers with an expired token cause one token request [F65 R20 R23 RFSH-04]', async t => {
  const { session, server } = createSessionFixture()
  const dead = server.grant()
  await session.signIn(dead)
  const renewed = await Promise.all(Array.from({ length: 50 }, () => session.refresh(dead.accessToken)))
  t.strictSame(server.presented, [dead.refreshToken])
  t.equal(new Set(renewed).size, 1, 'all get the same')
  t.not(renewed[0]!.accessToken, dead.accessToken)
  t.equal(session.refreshes, 1)
})

test('a call from within the refresh function waits for the same refresh', async t => {
  const { session, server } = createSessionFixture()
  const dead = server.grant()
  await session.signIn(dead)
  let calls = 0
  const asked = createSessionFixture({
    tokenStore: createMemoryTokenStore(),
    async refresh () {
      calls++
      // Whoever asks from within is one of those who wait.
      inner = asked.session.refresh(first.accessToken)
      return server.grant()
    }
  })
  let inner: Promise<TokenSet> | undefined
  const first = asked.server.grant()
  await asked.session.signIn(first)
  const outer = await asked.session.refresh(first.accessToken)
  t.equal(await inner, outer)
  t.equal(calls, 1)
})

test('start does not wait for a refresh that hangs, and later callers share it [R21 R34]', async t => {
  const { server, store, clock, sibling, time } = createSessionFixture()
  const tokens = server.grant()
  await store.write(tokens, null)
  clock.advance(lifetime + 1)
  const going = createDeferred<void>()
  server.next.push(() => going.promise)
  const session = sibling()
  t.equal(await session.start(), 'signed_in', 'it has started')
  const later = [session.token(), session.token(), session.refresh(tokens.accessToken)]
  going.resolve()
  const got = await Promise.all(later)
  t.equal(new Set(got).size, 1)
  t.equal(server.presented.length, 1)
  t.equal(time.pending.size, 0, 'no timer is left')
})

test('start begins a refresh that is due, without a further call [R21]', async t => {
  const { server, store, clock, sibling } = createSessionFixture()
  await store.write(server.grant(), null)
  clock.advance(lifetime + 1)
  const asked = createDeferred<void>()
  server.next.push(() => asked.resolve())
  await sibling().start()
  await asked.promise
  t.equal(server.presented.length, 1)
})

test('a token request that hangs ends after attemptTimeoutMs [R34]', async t => {
  const { session, server, time } = createSessionFixture({ attempts: 1, attemptTimeoutMs: 7000 })
  const dead = server.grant()
  await session.signIn(dead)
  let ended = false
  server.next.push(() => new Promise(() => {}))
  const renewal = failureOf(session.refresh(dead.accessToken)).finally(() => { ended = true })
  const limit = await time.of(7000)
  t.notOk(ended)
  limit.end()
  t.match(await renewal, { code: 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', cause: { outcome: 'retry', message: 'no answer within 7000 ms' } })
  t.equal(time.pending.size, 0)
})

test('a refresh that waits for the lock of another process ends after totalTimeoutMs [R34]', async t => {
  const stuck: TokenStore = { ...createMemoryTokenStore(), exclusively: () => new Promise(() => {}) }
  const { session, server, time } = createSessionFixture({ tokenStore: stuck, totalTimeoutMs: 9000 })
  const dead = server.grant()
  const signingIn = session.signIn(dead)
  await signingIn
  const renewal = fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  ;(await time.of(9000)).end()
  await renewal
  t.strictSame(server.presented, [])
})

test('refresh with a token that was already replaced returns the current one [R22]', async t => {
  const { session, server } = createSessionFixture()
  const old = server.grant()
  await session.signIn(old)
  const current = await session.refresh(old.accessToken)
  t.equal(await session.refresh(old.accessToken), current)
  t.equal(server.presented.length, 1)
})

test('a sign-out during a refresh is final [R24]', async t => {
  const { session, server, store, states } = createSessionFixture()
  const tokens = server.grant()
  await session.signIn(tokens)
  const going = createDeferred<void>()
  server.next.push(() => going.promise)
  const waiting = fails(t, session.refresh(tokens.accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN', 'who waited hears of it')
  const asked = createDeferred<void>()
  setImmediate(() => asked.resolve())
  await asked.promise
  t.equal(server.presented.length, 1, 'it is under way')
  const out = session.signOut()
  t.equal(session.state, 'signed_out', 'at once')
  going.resolve()
  await out
  await waiting
  t.equal((await store.read())!.tokens, null, 'nothing is stored')
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  t.equal(states.at(-1), 'signed_out')
})

test('a sign-out while refreshed tokens are being written is final [R24]', async t => {
  const inner = createMemoryTokenStore()
  const writing = createDeferred<void>()
  const held = createDeferred<void>()
  let holds = false
  const store: TokenStore = {
    ...inner,
    async write (tokens, insteadOf) {
      if (holds) {
        holds = false
        writing.resolve()
        await held.promise
      }
      return await inner.write(tokens, insteadOf)
    }
  }
  const { session, server } = createSessionFixture({ tokenStore: store })
  const tokens = server.grant()
  await session.signIn(tokens)
  holds = true
  const waiting = fails(t, session.refresh(tokens.accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  await writing.promise
  const out = session.signOut()
  held.resolve()
  await waiting
  await out
  t.equal((await store.read())!.tokens, null)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
})

test('the refresh of one user never overwrites the session of the next [R25]', async t => {
  const { session, server, store } = createSessionFixture()
  const ann = server.grant('ann')
  const bob = server.grant('bob')
  await session.signIn(ann)
  const going = createDeferred<void>()
  const asked = createDeferred<void>()
  server.next.push(() => {
    asked.resolve()
    return going.promise
  })
  const waiting = fails(t, session.refresh(ann.accessToken), 'FST_OAUTH_SESSION_SUPERSEDED', 'what ann asked for is not done as bob')
  await asked.promise
  await session.signIn(bob)
  going.resolve()
  t.notOk((await waiting).needsAuthorization, 'somebody is signed in')
  t.equal(await session.token(), bob)
  t.strictSame((await store.read())!.tokens, bob)
  const renewed = await session.refresh(bob.accessToken)
  t.match(renewed.accessToken, /bob/)
  t.equal(session.state, 'signed_in')
})

test('a sign-in ends the calls for a token of the session before it [R25]', async t => {
  const { session, server, clock } = createSessionFixture()
  await session.signIn(server.grant('ann'))
  clock.advance(lifetime - 10)
  const asked = createDeferred<void>()
  server.next.push(() => {
    asked.resolve()
    return new Promise(() => {})
  })
  const waiting = fails(t, session.token(), 'FST_OAUTH_SESSION_SUPERSEDED')
  await asked.promise
  await session.signIn(server.grant('bob'))
  await waiting
})

test('a refresh during a sign-in does not take the new tokens for those of another process [R25]', async t => {
  const inner = createMemoryTokenStore()
  let held: Promise<void> | null = null
  const { session, server } = createSessionFixture({
    tokenStore: {
      ...inner,
      async write (tokens, insteadOf) {
        const written = await inner.write(tokens, insteadOf)
        await held
        return written
      }
    }
  })
  const [ann, bob] = [server.grant('ann'), server.grant('bob')]
  await session.signIn(ann)
  const answered = createDeferred<void>()
  held = answered.promise
  const signIn = session.signIn(bob)
  const waiting = fails(t, session.refresh(ann.accessToken), 'FST_OAUTH_SESSION_SUPERSEDED')
  await new Promise(resolve => { setImmediate(resolve) })
  answered.resolve()
  await signIn
  await waiting
  t.equal(await session.token(), bob)
})

test('a sign-out between two attempts: a caller whose token has not expired gets none [R24]', async t => {
  const { session, server, clock } = createSessionFixture({
    wait: async (ms, signal) => {
      if (ms === 500) session.signOut().catch(t.threw)
      return await new Promise((_resolve, reject) => { signal.addEventListener('abort', () => reject(new Error('given up'))) })
    }
  })
  await session.signIn(server.grant())
  clock.advance(lifetime - 10)
  server.next.push(network())
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
})

test('of two sign-outs with a sign-in in between, the last one is not saved: it is effective in this process all the same [R24]', async t => {
  const inner = createMemoryTokenStore()
  let writes = 0
  const { session, server } = createSessionFixture({
    tokenStore: {
      ...inner,
      async write (tokens, insteadOf) {
        if (++writes === 4) throw new Error('disk full')
        return await inner.write(tokens, insteadOf)
      }
    }
  })
  await session.signIn(server.grant('ann'))
  const [, , last] = await Promise.allSettled([session.signOut(), session.signIn(server.grant('bob')), session.signOut()])
  t.match(last, { status: 'rejected', reason: { code: 'FST_OAUTH_SESSION_STORE_FAILED' } })
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
})

test('of a sign-in and a sign-out, the last one counts [R25]', async t => {
  const { session, server, store } = createSessionFixture()
  const [ann, bob] = [server.grant('ann'), server.grant('bob')]
  await Promise.all([session.signIn(ann), session.signOut(), session.signIn(bob)])
  t.equal(await session.token(), bob)
  await Promise.all([session.signIn(ann), session.signOut()])
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  t.equal((await store.read())!.tokens, null)
  await Promise.all([session.signOut(), session.signOut()])
  t.equal(session.state, 'signed_out')
})

test('a temporary failure is retried up to three times with growing delays [R26 RFSH-08]', async t => {
  const { session, server, time } = createSessionFixture({ random: () => 0.5 })
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(network(), new RefreshError('retry', { message: 'status 503', responseStatus: 503 }))
  const renewal = session.refresh(dead.accessToken)
  ;(await time.of(500)).end()
  ;(await time.of(1000)).end()
  t.not((await renewal).accessToken, dead.accessToken)
  t.strictSame(server.presented, Array(3).fill(dead.refreshToken))

  const again = await session.token()
  server.next.push(network(), network(), network(), network())
  const failing = fails(t, session.refresh(again.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  ;(await time.of(500)).end()
  ;(await time.of(1000)).end()
  t.notOk((await failing).needsAuthorization, 'R26 the session is kept')
  t.equal(server.presented.length, 6)
  t.equal(session.state, 'signed_in')
})

test('the back-off has jitter and respects Retry-After [R26]', async t => {
  for (const [random, retryAfterMs, ms] of [[0, null, 250], [1, null, 750], [0.5, 4000, 4000]] as const) {
    const { session, server, time } = createSessionFixture({ random: () => random })
    const dead = server.grant()
    await session.signIn(dead)
    server.next.push(new RefreshError('retry', { message: 'x', retryAfterMs }))
    const renewal = session.refresh(dead.accessToken)
    ;(await time.of(ms)).end()
    await renewal
  }
  const longest = createSessionFixture({ attemptTimeoutMs: 7000 })
  const first = longest.server.grant()
  await longest.session.signIn(first)
  longest.server.next.push(new RefreshError('retry', { message: 'x', retryAfterMs: 7000 }))
  const renewal = longest.session.refresh(first.accessToken)
  await new Promise(resolve => { setImmediate(resolve) })
  ;(await longest.time.of(7000)).end()
  t.not((await renewal).accessToken, first.accessToken, 'as long as a token request may take')

  const { session, server, clock } = createSessionFixture()
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(new RefreshError('retry', { message: 'x', retryAfterMs: 120_000 }))
  const { retryAt } = await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', 'longer than anybody waits')
  t.equal(retryAt, clock.now() + 120_000)
})

test('RFC 6749 5.2: an invalid refresh token ends the session after one attempt [R27 RFSH-07]', async t => {
  const { session, server, store, states } = createSessionFixture()
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(new RefreshError('over', { message: 'invalid_grant', oauthError: 'invalid_grant' }))
  const error = await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_OVER')
  t.match(error, { needsAuthorization: true, cause: { oauthError: 'invalid_grant' } })
  await fails(t, session.token(), 'FST_OAUTH_SESSION_OVER')
  await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_OVER')
  t.equal(server.presented.length, 1)
  t.equal((await store.read())!.tokens, null)
  t.equal(session.state, 'over')
  t.strictSame(states, ['signed_in', 'over'])

  await session.signIn(server.grant())
  t.equal(session.state, 'signed_in', 'until somebody signs in')
})

test('RFC 6749 5.2: an error of the client keeps the session, is not retried and starts a cool-down [R28 R29]', async t => {
  const { session, server, clock } = createSessionFixture({ coolDownMs: 10_000 })
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(new RefreshError('keep', { message: 'invalid_client', oauthError: 'invalid_client' }))
  const error = await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_REFUSED')
  t.match(error, { needsAuthorization: true, retryAt: clock.now() + 10_000, cause: { oauthError: 'invalid_client' } })
  clock.advance(9.999)
  await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_REFUSED', 'R29 no token request')
  t.equal(server.presented.length, 1)
  clock.advance(0.001)
  await session.refresh(dead.accessToken)
  t.equal(server.presented.length, 2)
})

test('after the last retry no token request is made until the cool-down ends [R29]', async t => {
  const { session, server, clock } = createSessionFixture({ attempts: 1, coolDownMs: 30_000 })
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(network())
  const { retryAt } = await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  t.equal(retryAt, clock.now() + 30_000)
  for (let i = 0; i < 10; i++) {
    await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
    t.equal(await session.token(), dead, 'requests are still sent')
  }
  t.equal(server.presented.length, 1)
  clock.advance(30)
  t.not(await session.token(), dead)
  t.equal(server.presented.length, 2)
})

test('a sign-in ends the cool-down of the session before it, and what was rejected then no longer counts [R25 R29]', async t => {
  const { session, server } = createSessionFixture()
  const ann = server.grant('ann')
  await session.signIn(ann)
  session.refuse(ann.accessToken)
  server.next.push(new RefreshError('keep', { message: 'invalid_client' }))
  await fails(t, session.refresh(ann.accessToken), 'FST_OAUTH_SESSION_REFRESH_REFUSED')
  const bob = server.grant('bob')
  await session.signIn(bob)
  session.refuse(bob.accessToken)
  t.not((await session.refresh(bob.accessToken)).accessToken, bob.accessToken)
})

test('a Retry-After of years is limited to one hour [R29]', async t => {
  const { session, server, clock } = createSessionFixture({ attempts: 1, coolDownMs: 1000 })
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(new RefreshError('retry', { message: 'x', retryAfterMs: 999_999_999_000 }))
  const { retryAt } = await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  t.equal(retryAt, clock.now() + 3_600_000)
  clock.advance(3600)
  t.ok(await session.token())

  const patient = createSessionFixture({ attempts: 1, coolDownMs: 7_200_000 })
  await patient.session.signIn(dead)
  patient.server.next.push(new RefreshError('keep', { message: 'x' }))
  t.equal((await fails(t, patient.session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_REFUSED')).retryAt, patient.clock.now() + 7_200_000, 'what was configured is not cut')
})

test('a cool-down stops refreshing, never sending: other requests still get a rejected token that nothing replaced [C3] (R30)', async t => {
  const { session, server, clock, time } = createSessionFixture({ attempts: 1, coolDownMs: 1000 })
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(network())
  await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  t.equal(await session.token(), dead)
  await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', 'but not the request that found it rejected')
  clock.advance(1)
  const hanging = createDeferred<void>()
  server.next.push(() => hanging.promise)
  const asked = session.token()
  ;(await time.of(2000)).end()
  t.equal(await asked, dead, 'nor does a slow refresh keep them waiting')
  hanging.resolve()

  const same = createSessionFixture({ refresh: async tokens => tokens, coolDownMs: 1000 })
  await same.session.signIn(dead)
  await fails(t, same.session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_TOKEN_REJECTED', 'also when the refresh gives the same token')
  t.equal((await same.session.token()).accessToken, dead.accessToken)
})

test('a resource that rejects every token does not use up the session [C3] (R30)', async t => {
  const { session, server, clock } = createSessionFixture({ coolDownMs: 1000 })
  const first = server.grant()
  await session.signIn(first)
  const second = await session.refresh(first.accessToken)
  session.refuse(second.accessToken)
  session.refuse(second.accessToken)
  t.equal(await session.token(), second, 'other requests send it')
  const third = await session.refresh(second.accessToken)
  session.refuse(first.accessToken)
  session.refuse(third.accessToken)
  const { retryAt, needsAuthorization } = await fails(t, session.refresh(third.accessToken), 'FST_OAUTH_SESSION_TOKEN_REJECTED')
  t.equal(retryAt, clock.now() + 1000)
  t.notOk(needsAuthorization)
  t.equal(await session.token(), third, 'and still do in the cool-down')
  await session.online()
  t.equal(server.presented.length, 2, 'a network that is back does not help')
  clock.advance(1)
  t.not(await session.token(), third)
  t.equal(server.presented.length, 3)
})

test('a clock that is set back ends a cool-down [F12]', async t => {
  const { session, server, clock } = createSessionFixture({ attempts: 1, coolDownMs: 1000 })
  const dead = { ...server.grant(), expiresAt: null }
  await session.signIn(dead)
  server.next.push(network())
  await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  clock.advance(-86_400)
  t.not((await session.refresh(dead.accessToken)).accessToken, dead.accessToken)
  const second = await session.token()
  session.refuse(second.accessToken)
  clock.advance(-86_400)
  const third = await session.refresh(second.accessToken)
  session.refuse(third.accessToken)
  t.not(await session.refresh(third.accessToken), third, 'nor do tokens rejected in the future count')

  const again = createSessionFixture({ attempts: 1, coolDownMs: 1000 })
  const first = { ...again.server.grant(), expiresAt: null }
  await again.session.signIn(first)
  again.server.next.push(network())
  await fails(t, again.session.refresh(first.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  again.clock.advance(-86_400)
  const renewed = await again.session.refresh(first.accessToken)
  again.clock.advance(86_400)
  t.not((await again.session.refresh(renewed.accessToken)).accessToken, renewed.accessToken, 'nor does it come back with the clock, after a refresh')
})

test('the number of remembered rejected tokens is bounded [R30]', async t => {
  const { session, server, clock } = createSessionFixture({ attempts: 1, coolDownMs: 1000 })
  const first = server.grant()
  await session.signIn(first)
  server.next.push(network(), network())
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  for (let i = 0; i < 999; i++) await session.refresh(`other-${i}`)
  clock.advance(1)
  t.equal(await session.token(), first)
  t.equal(server.presented.length, 2, 'the oldest of a thousand is still known, so that a refresh is due')
  await session.refresh('other')
  clock.advance(1)
  t.equal(await session.token(), first)
  t.equal(server.presented.length, 2, 'and then it is not')
})

test('a token is refreshed before it expires, and still used if that fails [R31 RFSH-11]', async t => {
  const { session, server, clock } = createSessionFixture({ skewSeconds: 30, attempts: 1, coolDownMs: 5000 })
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetime - 30.001)
  t.equal(await session.token(), first, 'not yet')
  clock.advance(0.001)
  server.next.push(network())
  t.equal(await session.token(), first, 'R31')
  t.equal(await session.token(), first, 'R29 and no token request each time')
  t.equal(server.presented.length, 1)
  clock.advance(5)
  const second = await session.token()
  t.not(second.accessToken, first.accessToken)

  clock.advance(lifetime - 4)
  server.next.push(network())
  t.equal(await session.token(), second)
  clock.advance(4)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', 'it has expired in the cool-down')
})

test('callers with an unexpired token do not wait for a second attempt [R31]', async t => {
  const { session, server, clock, time } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetime - 10)
  server.next.push(network())
  t.equal(await session.token(), first)
  const dead = session.refresh(first.accessToken)
  ;(await time.of(500)).end()
  t.not((await dead).accessToken, first.accessToken, 'who found it dead does')
  t.equal(server.presented.length, 2)

  const second = await session.token()
  clock.advance(lifetime + 1)
  server.next.push(network())
  const expired = session.token()
  ;(await time.of(500)).end()
  t.not((await expired).accessToken, second.accessToken, 'and who found it expired')
})

test('an early refresh that is refused with invalid_grant ends the session, and the token is no longer used [R32]', async t => {
  const { session, server, clock } = createSessionFixture()
  await session.signIn(server.grant())
  clock.advance(lifetime - 10)
  server.next.push(new RefreshError('over', { message: 'invalid_grant' }))
  await fails(t, session.token(), 'FST_OAUTH_SESSION_OVER')
  await fails(t, session.token(), 'FST_OAUTH_SESSION_OVER')
})

test('RFC 6749 6: an authorization server that extends the same access token is asked once', async t => {
  const { session, server, clock } = createSessionFixture({
    async refresh (tokens) {
      requests++
      return { ...tokens, expiresAt: clock.now() + lifetimeMs }
    }
  })
  let requests = 0
  await session.signIn(server.grant())
  const { generation } = session
  clock.advance(lifetime - 10)
  t.equal((await session.token()).expiresAt, clock.now() + lifetimeMs)
  clock.advance(lifetime - 31)
  await session.token()
  t.equal(requests, 1)
  t.equal(session.generation, generation, 'the access token has not changed')
  clock.advance(1)
  await session.token()
  t.equal(requests, 2)
})

test('a token that lives shorter than the skew is used for half of its time', async t => {
  const { session, clock, server } = createSessionFixture({ skewSeconds: 600 })
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetime / 2 - 1)
  t.equal(await session.token(), first)
  clock.advance(1)
  t.not(await session.token(), first)
  t.equal(server.presented.length, 1)
})

test('new tokens that expire when the ones before them do are used for half of the time that is left', async t => {
  const { session, clock, server } = createSessionFixture({
    skewSeconds: 600,
    refresh: async tokens => ({ ...tokens, accessToken: `next-${++requests}` })
  })
  let requests = 0
  await session.signIn(server.grant())
  clock.advance(lifetime / 2)
  for (const seconds of [0, lifetime / 4 - 1]) {
    clock.advance(seconds)
    t.equal((await session.token()).accessToken, 'next-1')
  }
  clock.advance(1)
  t.equal((await session.token()).accessToken, 'next-2')
})

test('a token without a known expiry is used until it is refused', async t => {
  const { session, server, clock } = createSessionFixture()
  const tokens: TokenSet = { ...server.grant(), expiresAt: null }
  await session.signIn(tokens)
  clock.advance(1e9)
  t.equal(await session.token(), tokens)
  t.not(await session.refresh(tokens.accessToken), tokens)
})

test('without a network no token request is made; afterwards there is one refresh [R33]', async t => {
  let online = false
  const { session, server, clock } = createSessionFixture({ isOnline: () => online })
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetime - 10)
  t.equal(await session.token(), first, 'the token is alive')
  clock.advance(10)
  t.notOk((await fails(t, session.token(), 'FST_OAUTH_SESSION_OFFLINE')).needsAuthorization)
  await session.online()
  t.strictSame(server.presented, [])

  online = true
  await Promise.all([session.online(), session.online(), session.token(), session.online()])
  t.equal(server.presented.length, 1, 'concurrent triggers are one')
  t.not(await session.token(), first)
  await session.online()
  t.equal(server.presented.length, 1, 'nothing is due')
})

test('without a network no caller waits for the lock of another process [R33]', async t => {
  const { session, server, clock } = createSessionFixture({ tokenStore: { ...createMemoryTokenStore(), exclusively: () => new Promise(() => {}) }, isOnline: () => false })
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetime - 10)
  t.equal(await session.token(), first)
  clock.advance(10)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_OFFLINE')
})

test('a network that is lost between two attempts, and one whose return ends a cool-down [R33]', async t => {
  let online = true
  const { session, server, time } = createSessionFixture({ isOnline: () => online })
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(network(), network(), network(), network())
  const renewal = fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_OFFLINE')
  const pause = await time.of(500)
  online = false
  pause.end()
  await renewal
  t.equal(server.presented.length, 1)

  online = true
  const failing = fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  ;(await time.of(500)).end()
  ;(await time.of(1000)).end()
  await failing
  await session.online()
  t.equal(server.presented.length, 5)
  t.ok(await session.token())
})

test('a response without a refresh token, scopes or issuer keeps those before it (R37, RFSH-03)', async t => {
  const { session, server, store, clock } = createSessionFixture({ rotates: false })
  const first = { ...server.grant(), issuer: 'https://login.example.com', refreshableUntil: clock.now() + 1e6 }
  await session.signIn(first)
  const second = await session.refresh(first.accessToken)
  t.match(second, { refreshToken: first.refreshToken, scopes: ['read'], issuer: first.issuer, refreshableUntil: first.refreshableUntil })
  t.strictSame((await store.read())!.tokens, second)
  await session.refresh(second.accessToken)
  t.strictSame(server.presented, [first.refreshToken, first.refreshToken])
})

test('one with a refresh token replaces it, and what was known of it (R37, RFSH-03)', async t => {
  const { session, server, store, clock } = createSessionFixture()
  const first = { ...server.grant(), refreshableUntil: clock.now() + 1e6 }
  await session.signIn(first)
  t.equal(session.refreshableUntil, first.refreshableUntil)
  const second = await session.refresh(first.accessToken)
  t.not(second.refreshToken, first.refreshToken)
  t.equal(session.refreshableUntil, null)
  t.strictSame((await store.read())!.tokens, second)
})

test('new tokens are stored before any caller gets them [R38 RFSH-06]', async t => {
  const inner = createMemoryTokenStore()
  const held = createDeferred<void>()
  const writing = createDeferred<TokenSet | null>()
  let holds = false
  const store: TokenStore = {
    ...inner,
    async write (tokens, insteadOf) {
      if (holds) {
        writing.resolve(tokens)
        await held.promise
      }
      return await inner.write(tokens, insteadOf)
    }
  }
  const { session, server } = createSessionFixture({ tokenStore: store })
  const dead = server.grant()
  await session.signIn(dead)
  holds = true
  let got = false
  const renewal = session.refresh(dead.accessToken).finally(() => { got = true })
  const written = await writing.promise
  await new Promise(resolve => { setImmediate(resolve) })
  t.notOk(got)
  held.resolve()
  t.equal((await renewal).accessToken, written!.accessToken)
})

test('a failing store leaves the session unchanged and loses no refresh token [R38 RFSH-06]', async t => {
  const inner = createMemoryTokenStore()
  let broken = false
  const store: TokenStore = {
    ...inner,
    async write (tokens, insteadOf) {
      if (broken) throw new Error('disk full')
      return await inner.write(tokens, insteadOf)
    }
  }
  const { session, server, clock } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetime - 10)
  broken = true
  t.equal(await session.token(), first, 'the old token is still used')
  t.equal((await store.read())!.tokens, first)
  const error = await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_STORE_FAILED', 'who cannot use it hears of it')
  t.match(error.cause, { message: 'disk full' })
  t.strictSame(server.presented, [first.refreshToken])

  broken = false
  const second = await session.token()
  t.not(second.accessToken, first.accessToken)
  t.strictSame(server.presented, [first.refreshToken], 'what was got is stored; the refresh token is used up')
  t.strictSame((await store.read())!.tokens, second)

  broken = true
  await fails(t, session.signIn(server.grant('bob')), 'FST_OAUTH_SESSION_STORE_FAILED')
  t.equal(await session.token(), second, 'a sign-in that cannot be stored changes nothing')
})

test('a write that failed after it was carried out is detected [R38]', async t => {
  const inner = createMemoryTokenStore()
  let lies = false
  const store: TokenStore = {
    ...inner,
    async write (tokens, insteadOf) {
      const written = await inner.write(tokens, insteadOf)
      if (lies) throw new Error('no answer')
      return written
    }
  }
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  lies = true
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_STORE_FAILED')
  lies = false
  t.equal(await session.token(), (await store.read())!.tokens)
  t.equal(server.presented.length, 1)
})

test('tokens without a refresh token stay in memory until they expire [R39]', async t => {
  const { session, server, store, clock, states } = createSessionFixture()
  await session.signIn(server.grant())
  const short: TokenSet = { ...server.grant('bob'), refreshToken: null }
  await session.signIn(short)
  t.equal((await store.read())!.tokens, null, 'nothing is stored, nor is the session before it')
  clock.advance(lifetime - 0.001)
  t.equal(await session.token(), short, 'no renewal ahead of time')
  t.equal(session.state, 'signed_in')
  clock.advance(0.001)
  t.equal(session.state, 'over')
  t.ok((await fails(t, session.token(), 'FST_OAUTH_SESSION_EXPIRED')).needsAuthorization)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_EXPIRED')
  t.strictSame(states, ['signed_in', 'over'])
  t.strictSame(server.presented, [])
})

test('a caller that comes while tokens without a refresh token are signed in gets them [R39]', async t => {
  const { session, server } = createSessionFixture()
  const short: TokenSet = { ...server.grant(), refreshToken: null }
  const [, given] = await Promise.all([session.signIn(short), session.token()])
  t.equal(given, short)
  t.equal(await session.token(), short)
})

test('when its token is rejected the user has to sign in; other requests send it until it expires [C3] (R39)', async t => {
  const { session, server, store, clock } = createSessionFixture()
  const short: TokenSet = { ...server.grant(), refreshToken: null }
  await session.signIn(short)
  t.equal(await store.read(), null)
  t.ok((await fails(t, session.refresh(short.accessToken), 'FST_OAUTH_SESSION_EXPIRED')).needsAuthorization)
  t.equal(session.state, 'signed_in')
  t.equal(await session.token(), short)
  clock.advance(lifetime)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_EXPIRED')
  t.equal(session.state, 'over')
})

test('after refreshableUntil tokens are not refreshed, and used until they expire [RFSH-15]', async t => {
  const { session, server, store, clock, sibling } = createSessionFixture()
  const first = { ...server.grant(), refreshableUntil: clock.now() + 1000 }
  await session.signIn(first)
  clock.advance(lifetime - 1)
  t.equal(await session.token(), first)
  clock.advance(1)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_EXPIRED')
  await fails(t, session.token(), 'FST_OAUTH_SESSION_EXPIRED', 'though the store still has it')
  t.ok((await store.read())!.tokens)
  t.strictSame(server.presented, [])
  t.equal(session.state, 'over')
  await fails(t, sibling().token(), 'FST_OAUTH_SESSION_EXPIRED')
})

test('refreshableUntil may pass while another process holds the lock [RFSH-15]', async t => {
  const { session, server, store, clock } = createSessionFixture()
  const first = { ...server.grant(), refreshableUntil: clock.now() + 1000 }
  await session.signIn(first)
  const turn = createDeferred<void>()
  const others = store.exclusively(() => turn.promise)
  const renewal = fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_EXPIRED')
  await new Promise(resolve => { setImmediate(resolve) })
  clock.advance(2)
  turn.resolve()
  await others
  await renewal
  t.strictSame(server.presented, [])
})

test('a session that is found to be over while a refresh waits for the lock is over for that refresh, too [RFSH-15]', async t => {
  for (const [losses, forCall, forRefresh] of [
    [[false, false], 'FST_OAUTH_SESSION_EXPIRED', 'FST_OAUTH_SESSION_EXPIRED'],
    [[true, true], 'FST_OAUTH_SESSION_NOT_SIGNED_IN', 'FST_OAUTH_SESSION_NOT_SIGNED_IN'],
    [[true, false], 'FST_OAUTH_SESSION_NOT_SIGNED_IN', 'FST_OAUTH_SESSION_EXPIRED']
  ] as const) {
    const inner = createMemoryTokenStore()
    let isLost = false
    const { session, server, store, clock } = createSessionFixture({ tokenStore: { ...inner, read: async () => isLost ? null : await inner.read() } })
    const first = { ...server.grant(), refreshableUntil: clock.now() + lifetimeMs }
    await session.signIn(first)
    const turn = createDeferred<void>()
    const others = store.exclusively(() => turn.promise)
    const refreshed = fails(t, session.refresh(first.accessToken), forRefresh, 'the refresh that waited')
    await new Promise(resolve => { setImmediate(resolve) })
    clock.advance(lifetime)
    isLost = losses[0]
    for (let calls = 0; calls < 2; calls++) await fails(t, session.token(), forCall, 'the calls that found it')
    isLost = losses[1]
    turn.resolve()
    await others
    await refreshed
    t.strictSame(server.presented, [])
  }
})

test('of two processes one refreshes, and the other one uses its tokens [F66 RFSH-05]', async t => {
  const { session, server, sibling } = createSessionFixture()
  const other = sibling()
  const first = server.grant()
  await session.signIn(first)
  await other.token()
  const [mine, theirs] = await Promise.all([session.refresh(first.accessToken), other.refresh(first.accessToken)])
  t.equal(mine.accessToken, theirs.accessToken)
  t.equal(server.presented.length, 1)
  t.equal(other.refreshes + session.refreshes, 1)
})

test('tokens of another process are used also without a known expiry; without a record in the store the session is signed out [RFSH-05]', async t => {
  const { session, server, store } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  const theirs: TokenSet = { ...server.grant(), expiresAt: null }
  await store.write(theirs, (await store.read())!.generation)
  t.equal(await session.refresh(first.accessToken), theirs)
  t.strictSame(server.presented, [])

  let lost = false
  const inner = createMemoryTokenStore()
  const losing = createSessionFixture({ tokenStore: { ...inner, read: async () => lost ? null : await inner.read() } })
  await losing.session.signIn(first)
  lost = true
  await fails(t, losing.session.refresh(first.accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  t.equal(losing.session.state, 'signed_out')
})

test('a session that another process ended is over in this process too [RFSH-05]', async t => {
  const { session, server, sibling } = createSessionFixture()
  const other = sibling()
  const first = server.grant()
  await session.signIn(first)
  await other.token()
  await session.signOut()
  t.equal((await other.token()).accessToken, first.accessToken, 'it is not asked for every token')
  await fails(t, other.refresh(first.accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  t.equal(other.state, 'signed_out')
  t.strictSame(server.presented, [])

  await other.signIn(server.grant())
  await session.token()
  await session.signOut()
  await fails(t, other.refresh((await other.token()).accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  const next = server.grant()
  await session.signIn(next)
  t.equal(await other.token(), next, 'a session that the other process begins afterwards is found')
})

test('a refresh token that another process has used does not end the session [RFSH-07]', async t => {
  const { session, server, store } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  const theirs: TokenSet = server.grant()
  // It had lost its turn, and wrote all the same.
  server.next.push(async () => {
    await store.write(theirs, (await store.read())!.generation)
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  t.equal((await session.refresh(first.accessToken)).accessToken, theirs.accessToken)
  t.equal(session.state, 'signed_in')
})

test('tokens of another process are not used if the resource rejected them [RFSH-07]', async t => {
  const { session, server, store } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  const theirs: TokenSet = server.grant()
  await session.refresh(theirs.accessToken)
  server.next.push(async () => {
    await store.write(theirs, (await store.read())!.generation)
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
  t.not((await session.token()).accessToken, theirs.accessToken, 'it is renewed the next time')
})

test('an invalid refresh token ends the session, also when another process has signed out meanwhile [RFSH-07]', async t => {
  const { session, server, store } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  server.next.push(async () => {
    await store.write(null, (await store.read())!.generation)
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_OVER')
})

test('an invalid refresh token in a newer record ends the session too [RFSH-07]', async t => {
  const { session, server, store } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  server.next.push(async () => {
    await store.write({ ...first, accessToken: 'other' }, (await store.read())!.generation)
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_OVER')
  t.equal((await store.read())!.tokens, null)
})

test('a newer record with a refresh token that was rejected is not used again, even if it cannot be removed [RFSH-07]', async t => {
  const inner = createMemoryTokenStore()
  let broken = false
  const store: TokenStore = {
    ...inner,
    async write (tokens, insteadOf) {
      if (broken) throw new Error('disk full')
      return await inner.write(tokens, insteadOf)
    }
  }
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  server.next.push(async () => {
    await inner.write({ ...first, accessToken: 'other' }, (await inner.read())!.generation)
    broken = true
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_OVER')
  t.equal((await inner.read())!.tokens!.accessToken, 'other')
  await fails(t, session.token(), 'FST_OAUTH_SESSION_OVER')
})

test('if another process wrote first, its tokens are used', async t => {
  for (const theirs of ['live', 'refused', 'none'] as const) {
    const { session, server, store } = createSessionFixture()
    const first = server.grant()
    await session.signIn(first)
    const other = theirs === 'none' ? null : server.grant('bob')
    if (theirs === 'refused') await session.refresh(other!.accessToken)
    server.next.push(async () => await store.write(other, (await store.read())!.generation))
    const renewal = session.refresh(first.accessToken)
    if (theirs === 'live') t.equal((await renewal).accessToken, other!.accessToken)
    else await fails(t, renewal, theirs === 'none' ? 'FST_OAUTH_SESSION_NOT_SIGNED_IN' : 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
    t.equal((await store.read())!.tokens, other)
  }
})

test('a session that is over stays over if the store fails', async t => {
  const inner = createMemoryTokenStore()
  let broken = false
  const store: TokenStore = {
    ...inner,
    async write (tokens, insteadOf) {
      if (broken) throw new Error('disk full')
      return await inner.write(tokens, insteadOf)
    }
  }
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  broken = true
  server.next.push(new RefreshError('over', { message: 'invalid_grant' }))
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_OVER')
  await fails(t, session.token(), 'FST_OAUTH_SESSION_OVER')
  t.equal(server.presented.length, 1)
})

test('a sign-out that the store did not save is effective in this process', async t => {
  const inner = createMemoryTokenStore()
  let broken = false
  const store: TokenStore = {
    ...inner,
    async read () {
      if (broken) throw new Error('no disk')
      return await inner.read()
    }
  }
  const { session, server } = createSessionFixture({ tokenStore: store })
  await inner.write(server.grant(), null)
  broken = true
  await fails(t, session.token(), 'FST_OAUTH_SESSION_STORE_FAILED')
  await fails(t, session.signOut(), 'FST_OAUTH_SESSION_STORE_FAILED')
  broken = false
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  await session.signOut()
  t.equal((await inner.read())!.tokens, null)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
})

test('a sign-out gives its caller the tokens that it removes, from memory and from the store, and writes once [R7009-03]', async t => {
  const { session, server, store, sibling } = createSessionFixture()
  const removedBy = async (): Promise<TokenSet[]> => {
    const removed: TokenSet[] = []
    await session.signOut(tokens => removed.push(tokens))
    return removed
  }
  const short: TokenSet = { ...server.grant(), refreshToken: null }
  await session.signIn(short)
  t.strictSame(await removedBy(), [short], 'tokens that are only in memory')
  const first = server.grant()
  await session.signIn(first)
  const other = sibling()
  const theirs = await other.refresh((await other.token()).accessToken)
  t.strictSame(await removedBy(), [first, theirs])
  const { generation } = (await store.read())!
  t.strictSame(await removedBy(), [], 'nothing is left')
  t.equal((await store.read())!.generation, generation)
})

test('after a sign-out, a session that another process begins is found', async t => {
  const { session, server, sibling } = createSessionFixture()
  await session.signIn(server.grant())
  await session.signOut()
  const tokens = server.grant('bob')
  await sibling().signIn(tokens)
  t.equal(await session.token(), tokens)
})

test('a sign-in gives up when others keep writing', async t => {
  let writes = 0
  const store: TokenStore = {
    ...createMemoryTokenStore(),
    async write () {
      writes++
      return null
    }
  }
  const { session, server } = createSessionFixture({ tokenStore: store })
  t.match((await fails(t, session.signIn(server.grant()), 'FST_OAUTH_SESSION_STORE_FAILED')).cause, { message: 'another process replaced the record before each of 20 writes' })
  t.equal(writes, 20)
})

test('a record that was read before a sign-in does not come after it', async t => {
  const inner = createMemoryTokenStore()
  const reading = createDeferred<void>()
  let holds = true
  const store: TokenStore = {
    ...inner,
    async read () {
      const found = await inner.read()
      if (holds) await reading.promise
      holds = false
      return found
    }
  }
  const { session } = createSessionFixture({ tokenStore: store })
  const early = fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  const out = session.signOut()
  reading.resolve()
  await early
  await out
  t.equal(session.state, 'signed_out')
})

test('the refresh token of an answer that is of no use otherwise is stored, and shown the next time (R38, RFSH-03)', async t => {
  const inner = createMemoryTokenStore()
  let broken = false
  const store: TokenStore = {
    ...inner,
    async write (tokens, insteadOf) {
      if (broken) throw new Error('disk full')
      return await inner.write(tokens, insteadOf)
    }
  }
  for (const failsFirst of [false, true]) {
    const { session, server, clock } = createSessionFixture({ tokenStore: store, coolDownMs: 1000 })
    const first = server.grant()
    const { refreshToken } = server.grant()
    await session.signIn(first)
    clock.advance(lifetime - 20)
    broken = failsFirst
    server.next.push(new RefreshError('keep', { message: 'the token is of type DPoP', responseStatus: 200, rotatedTo: refreshToken! }))
    t.equal((await session.token()).accessToken, first.accessToken, 'the token is used for as long as it is alive')
    t.equal((await store.read())!.tokens!.refreshToken, failsFirst ? first.refreshToken : refreshToken)
    broken = false
    clock.advance(1)
    await session.token()
    t.strictSame(server.presented, [first.refreshToken, refreshToken], 'the one before it is not shown again')
    t.equal(session.refreshes, 1)
  }
  const same = createSessionFixture()
  const tokens = same.server.grant()
  await same.session.signIn(tokens)
  same.server.next.push(new RefreshError('keep', { message: 'x', rotatedTo: tokens.refreshToken }))
  await fails(t, same.session.refresh(tokens.accessToken), 'FST_OAUTH_SESSION_REFRESH_REFUSED')
  t.equal((await same.store.read())!.tokens, tokens, 'one that is the same changes nothing')
})

test('an unexpired token is given when another process wrote before a rotated refresh token could be stored [R31]', async t => {
  const { session, server, store, clock } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetime - 10)
  server.next.push(async () => {
    await store.write(server.grant(), (await store.read())!.generation)
    throw new RefreshError('keep', { message: 'x', rotatedTo: 'rotated' })
  })
  t.equal(await session.token(), first)
})

test('a sign-out while a rotated refresh token is being stored is final [R24]', async t => {
  const inner = createMemoryTokenStore()
  const { session, server } = createSessionFixture({
    tokenStore: {
      ...inner,
      async write (tokens, insteadOf) {
        if (tokens?.refreshToken === 'rotated') session.signOut().catch(t.threw)
        return await inner.write(tokens, insteadOf)
      }
    }
  })
  const tokens = server.grant()
  await session.signIn(tokens)
  server.next.push(new RefreshError('keep', { message: 'x', rotatedTo: 'rotated' }))
  await fails(t, session.refresh(tokens.accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  await session.signOut()
  t.equal((await inner.read())!.tokens, null)
})

test('a response that comes together with a sign-out is not written [R24]', async t => {
  const inner = createMemoryTokenStore()
  const written: Array<TokenSet | null> = []
  const { session, server } = createSessionFixture({
    tokenStore: {
      ...inner,
      async write (tokens, insteadOf) {
        written.push(tokens)
        return await inner.write(tokens, insteadOf)
      }
    },
    async refresh () {
      session.signOut().catch(t.threw)
      return server.grant()
    }
  })
  const first = server.grant()
  await session.signIn(first)
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  await session.signOut()
  t.strictSame(written, [first, null])
})

test('a process whose tokens can no longer be refreshed reads the store before the session ends [RFSH-15 F66]', async t => {
  const { session, server, clock, sibling, store, states } = createSessionFixture()
  const other = sibling()
  const first = { ...server.grant(), refreshableUntil: clock.now() + 1_000_000 }
  await session.signIn(first)
  clock.advance(900)
  const renewed = await other.token()
  clock.advance(150)
  t.equal(session.state, 'signed_in')
  const given = await Promise.all([session.token(), session.token()])
  t.strictSame(given, [renewed, renewed])
  t.strictSame(states, ['signed_in'], 'nobody is told that it is over')

  clock.advance(lifetime)
  const short = { ...server.grant(), refreshToken: null }
  await session.signIn(short)
  clock.advance(lifetime)
  const signedIn = server.grant()
  await store.write(signedIn, (await store.read())!.generation)
  t.equal(await session.token(), signedIn, 'also where there was none to renew with')
})

test('a record that was read does not replace a sign-in or sign-out that came meanwhile [RFSH-15]', async t => {
  const inner = createMemoryTokenStore()
  const { session, server, clock } = createSessionFixture({
    tokenStore: {
      ...inner,
      async read () {
        const found = await inner.read()
        onRead?.()
        return found
      }
    }
  })
  let onRead: (() => void) | null = null
  await session.signIn({ ...server.grant(), refreshToken: null })
  clock.advance(lifetime)
  await inner.write(server.grant('bob'), null)
  onRead = () => {
    onRead = null
    session.signOut().catch(t.threw)
  }
  await fails(t, session.token(), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
})

test('a record that was read does not replace tokens that were refreshed meanwhile [RFSH-15]', async t => {
  const inner = createMemoryTokenStore()
  let held: Promise<void> | null = null
  const { session, server, store, clock } = createSessionFixture({
    tokenStore: {
      ...inner,
      async read () {
        const found = await inner.read()
        await held
        return found
      }
    }
  })
  const immediate = async (): Promise<void> => await new Promise(resolve => { setImmediate(resolve) })
  const first = { ...server.grant(), refreshableUntil: clock.now() + lifetimeMs }
  await session.signIn(first)
  const turn = createDeferred<void>()
  const others = store.exclusively(() => turn.promise)
  const refreshed = session.refresh(first.accessToken)
  await immediate()
  clock.advance(lifetime)
  const theirs = server.grant()
  await inner.write(theirs, (await inner.read())!.generation)
  const reading = createDeferred<void>()
  held = reading.promise
  const reread = session.token()
  await immediate()
  held = null
  turn.resolve()
  await others
  t.equal(await refreshed, theirs)
  const latest = await session.refresh(theirs.accessToken)
  const { generation } = session
  reading.resolve()
  t.equal((await reread).accessToken, latest.accessToken)
  t.equal(session.generation, generation)
})

test('an unexpired token is given while another process holds the lock [R31]', async t => {
  const turn = createDeferred<void>()
  const inner = createMemoryTokenStore()
  for (const [left, ms] of [[20, 2000], [3, 1500]] as const) {
    const { session, server, clock, time } = createSessionFixture({ tokenStore: { ...inner, exclusively: async work => { await turn.promise; return await work() } } })
    const first = server.grant()
    await session.signIn(first)
    clock.advance(lifetime - left)
    const asked = session.token()
    ;(await time.of(ms)).end()
    t.equal(await asked, first)
    t.equal(await session.token(), first, 'nobody else waits for that renewal')
    clock.advance(left)
    const expired = session.token()
    turn.resolve()
    t.not(await expired, first)
    t.equal(server.presented.length, 1, 'it went on')
    t.equal(time.pending.size, 0)
  }
})

test('a callback of the host that throws does not leave the session in between [R27]', async t => {
  const bug = new Error('bug of the host')
  const thrown = createDeferred<unknown>()
  t.intercept(globalThis, 'queueMicrotask', { value: (work: () => void) => { try { work() } catch (error) { thrown.resolve(error) } } })
  const { session, server, store } = createSessionFixture({ onChange: state => { if (state === 'over') throw bug } })
  const dead = server.grant()
  await session.signIn(dead)
  server.next.push(new RefreshError('over', { message: 'invalid_grant' }))
  await fails(t, session.refresh(dead.accessToken), 'FST_OAUTH_SESSION_OVER')
  t.equal((await store.read())!.tokens, null)
  t.equal(await thrown.promise, bug, 'and it is not kept quiet')
})

test('a request that may not refresh gets the tokens that replaced its own (R30)', async t => {
  const { session, server, clock } = createSessionFixture()
  t.equal(session.refuse('none'), null)
  const first = server.grant()
  await session.signIn(first)
  t.equal(session.refuse('other'), first)
  t.equal(session.refuse(first.accessToken), null)
  const second = await session.refresh(first.accessToken)
  t.equal(session.refuse(first.accessToken), second)
  t.equal(server.presented.length, 1)
  clock.advance(lifetime)
  t.equal(session.refuse(first.accessToken), null, 'unless they expired')
})

test('an access token with characters that no header can hold is refused [R54]', async t => {
  const { session, server, store } = createSessionFixture({ refresh: async tokens => ({ ...tokens, accessToken: 'secret\nx', refreshToken: 'rotated' }) })
  const error = await failureOf(session.signIn({ ...server.grant(), accessToken: 'secret\nx' }))
  t.match(error, { name: 'TypeError', message: 'the access token contains characters that no header can hold' })
  const first = server.grant()
  await session.signIn(first)
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_REFRESH_REFUSED')
  t.match((await store.read())!.tokens, { accessToken: first.accessToken, refreshToken: 'rotated' })
})

test('a session that is closed waits for no turn', async t => {
  const { session, server, time, store } = createSessionFixture()
  const turn = createDeferred<void>()
  const others = store.exclusively(() => turn.promise)
  const first = server.grant()
  await session.signIn(first)
  const renewal = fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_CLOSED')
  await new Promise(resolve => { setImmediate(resolve) })
  session.close().catch(t.threw)
  await renewal
  t.equal(time.pending.size, 0)
  turn.resolve()
  await others
  t.strictSame(server.presented, [])
})

test('a store that loses the record loses the session', async t => {
  const inner = createMemoryTokenStore()
  let lost = false
  const store: TokenStore = { ...inner, read: async () => lost ? null : await inner.read() }
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  server.next.push(() => {
    lost = true
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_OVER')
})

test('a closed session gives no tokens, and stores the response to its pending token request', async t => {
  const { session, server, store, time } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  const going = createDeferred<void>()
  const asked = createDeferred<void>()
  server.next.push(() => {
    asked.resolve()
    return going.promise
  })
  const renewal = session.refresh(first.accessToken)
  await asked.promise
  session.close().catch(t.threw)
  session.close().catch(t.threw)
  going.resolve()
  t.strictSame((await store.read())!.tokens, first)
  t.equal(await renewal, (await store.read())!.tokens, 'it is stored: the refresh token before it is used up')
  t.equal(time.pending.size, 0)
  await fails(t, session.token(), 'FST_OAUTH_SESSION_CLOSED')
  await fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_CLOSED')
  await fails(t, session.signIn(first), 'FST_OAUTH_SESSION_CLOSED')
  await session.online()
  await session.signOut()
  t.equal((await store.read())!.tokens, null, 'a sign-out is possible all the same')
})

test('a caller whose refresh fails after the session was closed is told why it failed', async t => {
  const { session, server } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  const going = createDeferred<void>()
  const asked = createDeferred<void>()
  server.next.push(async () => {
    asked.resolve()
    await going.promise
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  const renewal = fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_OVER')
  await asked.promise
  session.close().catch(t.threw)
  going.resolve()
  await renewal
})

test('a session that is closed makes no further attempt', async t => {
  const { session, server, time } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  server.next.push(network())
  const renewal = fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_CLOSED')
  await time.of(500)
  session.close().catch(t.threw)
  await renewal
  t.equal(server.presented.length, 1)
  t.equal(time.pending.size, 0)
})

test('a sign-out during a back-off ends it', async t => {
  const { session, server, time } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  server.next.push(network())
  const renewal = fails(t, session.refresh(first.accessToken), 'FST_OAUTH_SESSION_NOT_SIGNED_IN')
  await time.of(500)
  await session.signOut()
  await renewal
  t.equal(time.pending.size, 0)
})

test('the generation grows with the tokens', async t => {
  const { session, server } = createSessionFixture()
  const first = server.grant()
  t.equal(session.generation, 0)
  await session.signIn(first)
  const before = session.generation
  await session.token()
  t.equal(session.generation, before)
  await session.refresh(first.accessToken)
  t.ok(session.generation > before)
})

test('with the defaults it waits for real', async t => {
  const store = createMemoryTokenStore()
  let asked = 0
  const session = createSession({
    tokenStore: store,
    refresh: async tokens => {
      if (++asked === 1) throw new TypeError('fetch failed')
      return { ...tokens, accessToken: 'b' }
    },
    backOffMs: 1
  })
  await session.signIn({ accessToken: 'a', tokenType: 'Bearer', refreshToken: 'r', expiresAt: null, scopes: null })
  t.equal((await session.refresh('a')).accessToken, 'b')
  t.equal(asked, 2)
})

test('options that cannot be', t => {
  const good = { tokenStore: createMemoryTokenStore(), refresh: async (tokens: TokenSet) => tokens }
  const { tokenStore } = good
  const milliseconds = ['attemptTimeoutMs', 'totalTimeoutMs', 'backOffMs']
  const table: object[] = [
    { attempts: 0 }, { attempts: 11 }, { skewSeconds: -1 }, { skewSeconds: 86_401 }, { attemptTimeoutMs: NaN }, { coolDownMs: 1.5 }, { coolDownMs: -1 }, { coolDownMs: 2 ** 31 }, { skewMs: 1 },
    ...milliseconds.flatMap(name => [{ [name]: 0 }, { [name]: 2 ** 31 }]),
    ...['refresh', 'isOnline', 'onChange', 'random', 'wait', 'clock', 'usesGrant', 'tokenStore'].map(name => ({ [name]: 'x' })),
    { clock: {} }, ...(['read', 'write', 'exclusively'] as const).map(name => ({ tokenStore: { ...tokenStore, [name]: undefined } }))
  ]
  for (const wrong of table) {
    t.throws(() => createSession({ ...good, ...wrong } as never), OptionError, JSON.stringify(wrong))
  }
  t.throws(() => createSession({ ...good, attempts: 0 }), { message: /^attempts must be an integer from 1 to 10, got 0$/ })
  t.ok(createSession({ ...good, attempts: 10, skewSeconds: 86_400, coolDownMs: 0, attemptTimeoutMs: 1, totalTimeoutMs: 2 ** 31 - 1, backOffMs: 2 ** 31 - 1, usesGrant: true, isOnline: () => true, onChange () {}, random: () => 0, wait: async () => {}, clock: { now: () => 0 } }))
  t.end()
})
