import { test } from 'tap'
import { RefreshError } from '../../../../lib/errors/client-errors.ts'
import { createMemoryTokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import type { TokenRecord, TokenSet, TokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createSessionFixture, failureOf, lifetimeMs } from '../../../support/client-session.ts'
import { createDeferred } from '../../../support/deferred.ts'

const settled = async (): Promise<void> => { for (let i = 0; i < 20; i++) await new Promise(resolve => { setImmediate(resolve) }) }

/** A store that can be set back to an earlier record, as a restored backup or a replica that lagged does. */
function createRestorableStore (): TokenStore & { record: TokenRecord | null, onWrite: () => void } {
  let serial: Promise<unknown> = Promise.resolve()
  return {
    record: null,
    onWrite: () => {},
    async read () { return this.record },
    async write (tokens, insteadOf) {
      this.onWrite()
      if ((this.record?.generation ?? null) !== insteadOf) return null
      this.record = { generation: (insteadOf ?? 0) + 1, tokens }
      return this.record
    },
    async exclusively (work) {
      const result = serial.then(work)
      serial = result.catch(() => {})
      return await result
    }
  }
}

test('a refresh that is refused in whatever words, once the resource has rejected the access token, asks the user to sign in [F3] (R28)', async t => {
  for (const oauthError of ['invalid_client', 'invalid_request', null]) {
    const { session, server, store, clock, states } = createSessionFixture({ coolDownMs: 10_000 })
    const first = server.grant()
    await session.signIn(first)
    server.next.push(new RefreshError('keep', { message: 'refresh_token_not_found', responseStatus: 400, oauthError }))
    t.match(await failureOf(session.refresh(first.accessToken)), { code: 'FST_OAUTH_SESSION_REFRESH_REFUSED', needsAuthorization: true, retryAt: clock.now() + 10_000 })
    t.match(await failureOf(session.refresh(first.accessToken)), { code: 'FST_OAUTH_SESSION_REFRESH_REFUSED', needsAuthorization: true }, 'also in the cool-down')
    t.equal(session.state, 'over')
    t.strictSame((await store.read())!.tokens, first, 'the refresh token is kept')
    clock.advance(10)
    t.not((await session.refresh(first.accessToken)).accessToken, first.accessToken, 'and used when the configuration was corrected')
    t.equal(session.state, 'signed_in')
    t.strictSame(states, ['signed_in', 'over', 'signed_in'])
  }
})

test('the same before the access token expires changes nothing; after it, the user is asked [F3] (R28, R31)', async t => {
  const { session, server, clock } = createSessionFixture({ coolDownMs: 1 })
  const first = server.grant()
  await session.signIn(first)
  clock.advance(lifetimeMs / 1000 - 10)
  server.next.push(new RefreshError('keep', { message: 'no' }))
  t.equal(await session.token(), first)
  t.equal(session.state, 'signed_in')
  clock.advance(10)
  server.next.push(new RefreshError('keep', { message: 'no' }))
  t.match(await failureOf(session.token()), { needsAuthorization: true })
  t.equal(session.state, 'over')
})

test('a store that went back in time: the tokens in memory are newer, and are written [F5] (R38)', async t => {
  const store = createRestorableStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const backup = store.record
  const second = await session.refresh(first.accessToken)
  store.record = backup
  const third = await session.refresh(second.accessToken)
  t.not(third.accessToken, second.accessToken)
  t.strictSame(server.presented, [first.refreshToken, second.refreshToken], 'no refresh token is shown twice')
  t.strictSame(store.record!.tokens, third)
  t.equal(store.record!.generation, 4, 'and other processes see a later generation: one above the last for the known tokens, one more for the new')
})

test('a store that went far back in time takes 101 writes at most until other processes see a later generation [F5] (R38)', async t => {
  const store = createRestorableStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  store.record = { generation: 1000, tokens: first }
  await session.start()
  let writes = 0
  store.onWrite = () => { writes++ }
  const second = await session.refresh(first.accessToken)
  t.equal(writes, 1)
  store.record = { generation: 1, tokens: first }
  await session.refresh(second.accessToken)
  t.equal(writes, 1 + 101 + 1)
})

test('a store that went back in time has the tokens in memory before they are refreshed: a refresh that fails leaves them there [F5] (R38)', async t => {
  const store = createRestorableStore()
  const { session, server, sibling } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const backup = store.record
  const second = await session.refresh(first.accessToken)
  store.record = backup
  server.next.push(new RefreshError('keep', { message: 'no' }))
  t.match(await failureOf(session.refresh(second.accessToken)), { code: 'FST_OAUTH_SESSION_REFRESH_REFUSED' })
  t.strictSame(store.record!.tokens, second)
  t.equal((await sibling().token()).accessToken, second.accessToken, 'another process uses them')
})

test('a store that went back in time while the token request was under way [F5] (R38)', async t => {
  const store = createRestorableStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const backup = store.record
  const second = await session.refresh(first.accessToken)
  server.next.push(() => { store.record = backup })
  const third = await session.refresh(second.accessToken)
  t.strictSame(store.record!.tokens, third)

  server.next.push(() => {
    store.record = backup
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  t.match(await failureOf(session.refresh(third.accessToken)), { code: 'FST_OAUTH_SESSION_OVER' }, 'an older refresh token is not tried')
  t.equal(server.presented.length, 3)
})

test('a store that went back to before the sign-in does not sign the user out; a sign-out of another process does [F5] (R38)', async t => {
  const store = createRestorableStore()
  store.record = { generation: 1, tokens: null }
  const { session, server, sibling } = createSessionFixture({ tokenStore: store })
  const backup = store.record
  const first = server.grant()
  await session.signIn(first)
  const second = await session.refresh(first.accessToken)
  store.record = backup
  const third = await session.refresh(second.accessToken)
  t.not(third.accessToken, second.accessToken)

  store.record = { generation: 2, tokens: null }
  t.match(await failureOf(session.refresh(third.accessToken)), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })

  const found = server.grant()
  store.record = { generation: 5, tokens: found }
  const other = sibling()
  await other.start()
  const later = await other.refresh((await other.refresh(found.accessToken)).accessToken)
  t.equal(store.record.generation, 7)
  store.record = { generation: 6, tokens: null }
  t.match(await failureOf(other.refresh(later.accessToken)), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' }, 'also of a session that was found in the store')
})

test('a store that went back in time, and that another process writes to first: its tokens are taken [F5] (R38)', async t => {
  const store = createRestorableStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const backup = store.record!
  const second = await session.refresh(first.accessToken)
  store.record = backup
  const theirs = server.grant()
  let writes = 0
  store.onWrite = () => {
    writes++
    store.record = { generation: 9, tokens: theirs }
  }
  t.equal(await session.refresh(second.accessToken), theirs)
  t.equal(writes, 1)
})

test('new tokens that an older store did not take are written later, and no refresh token is shown twice [F5] (R38)', async t => {
  const store = createRestorableStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const backup = store.record
  const second = await session.refresh(first.accessToken)
  server.next.push(() => { store.onWrite = () => { throw new Error('disk full') } })
  t.match(await failureOf(session.refresh(second.accessToken)), { code: 'FST_OAUTH_SESSION_STORE_FAILED' })
  store.onWrite = () => {}
  store.record = backup
  const third = await session.refresh(second.accessToken)
  t.strictSame(server.presented, [first.refreshToken, second.refreshToken])
  t.strictSame(store.record!.tokens, third)
})

test('RFC 6749 4.4: a session that uses a grant refreshes without a refresh token, and shares its tokens by the store [F6]', async t => {
  let issued = 0
  const machine = (): TokenSet => ({ accessToken: `machine-${++issued}`, tokenType: 'Bearer', refreshToken: null, expiresAt: null, scopes: null })
  const { session, store, sibling } = createSessionFixture({ usesGrant: true, refresh: async () => machine() })
  const first = machine()
  await session.signIn(first)
  t.equal((await store.read())!.tokens, first)
  t.equal((await session.refresh(first.accessToken)).accessToken, 'machine-2')
  t.equal((await sibling().token()).accessToken, 'machine-2')
  await session.signOut()
  t.match(await failureOf(session.token()), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
})

test('close() resolves when the response to the token request under way is stored [F11]', async t => {
  const { session, server, store } = createSessionFixture()
  const first = server.grant()
  await session.signIn(first)
  const answered = createDeferred<void>()
  const asked = createDeferred<void>()
  server.next.push(() => {
    asked.resolve()
    return answered.promise
  })
  session.refresh(first.accessToken).catch(() => {})
  await asked.promise
  let isClosed = false
  const closing = session.close().finally(() => { isClosed = true })
  await settled()
  t.notOk(isClosed)
  answered.resolve()
  await closing
  t.not((await store.read())!.tokens!.refreshToken, first.refreshToken)
  await session.close()
})

/** A store whose reads, writes and turns can be held up. */
function createSlowStore (): TokenStore & { hold: { read?: Promise<void>, write?: Promise<void>, release?: Promise<void> } } {
  const inner = createMemoryTokenStore()
  const hold: { read?: Promise<void>, write?: Promise<void>, release?: Promise<void> } = {}
  return {
    hold,
    async read () {
      const found = await inner.read()
      await hold.read
      return found
    },
    async write (tokens, insteadOf) {
      await hold.write
      return await inner.write(tokens, insteadOf)
    },
    exclusively: async (work, signal) => await inner.exclusively(async () => {
      const result = await work()
      await hold.release
      return result
    }, signal)
  }
}

/** A refresh that has stored its tokens, and does not give its turn back before `releasing` is resolved. */
async function refreshWithoutRelease () {
  const store = createSlowStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const releasing = createDeferred<void>()
  store.hold.release = releasing.promise
  const refreshing = session.refresh(first.accessToken)
  await settled()
  return { store, session, server, releasing, refreshing }
}

test('a sign-out while a sign-in is written ends that session (R24)', async t => {
  const store = createSlowStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  await session.start()
  const writing = createDeferred<void>()
  store.hold.write = writing.promise
  const signIn = session.signIn(server.grant())
  await settled()
  delete store.hold.write
  const signOut = session.signOut()
  writing.resolve()
  await signIn
  await signOut
  t.equal(session.state, 'signed_out')
  t.match(await failureOf(session.token()), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
})

test('a sign-out while the store is read for the first time ends the session that is found (R24)', async t => {
  const store = createSlowStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  await store.write(server.grant(), null)
  const reading = createDeferred<void>()
  store.hold.read = reading.promise
  const start = session.start()
  await settled()
  delete store.hold.read
  const signOut = session.signOut()
  reading.resolve()
  await start
  await signOut
  t.equal(session.state, 'signed_out')
  t.match(await failureOf(session.token()), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
})

test('after a sign-out while a refresh is written, no tokens are given at any moment (R24)', async t => {
  const store = createSlowStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const writing = createDeferred<void>()
  store.hold.write = writing.promise
  session.refresh(first.accessToken).catch(() => {})
  await settled()
  const signingOut = createDeferred<void>()
  store.hold.write = signingOut.promise
  const signOut = session.signOut()
  writing.resolve()
  await settled()
  t.match(await failureOf(session.token()), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
  signingOut.resolve()
  await signOut
  t.match(await failureOf(session.token()), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
})

test('a token that was only just stored and is rejected is refreshed without waiting for the turn to be given back (R22)', async t => {
  const { store, session, releasing, refreshing } = await refreshWithoutRelease()
  const { accessToken } = (await store.read())!.tokens!
  const again = session.refresh(accessToken)
  await settled()
  releasing.resolve()
  t.equal((await refreshing).accessToken, accessToken)
  t.not((await again).accessToken, accessToken)
})

test('one refresh at a time, also when the one before gives its turn back late (R20, R22)', async t => {
  const { store, session, server, releasing, refreshing } = await refreshWithoutRelease()
  delete store.hold.release
  const { accessToken } = (await store.read())!.tokens!
  const answered = createDeferred<void>()
  server.next.push(() => answered.promise)
  const again = session.refresh(accessToken)
  releasing.resolve()
  await refreshing
  await settled()
  const third = session.refresh(accessToken)
  await settled()
  answered.resolve()
  t.equal(await third, await again)
  t.equal(server.presented.length, 2)
})

test('tokens of another process that are rejected are refreshed without waiting for the turn to be given back (R22)', async t => {
  for (const found of ['before the token request', 'after it was refused'] as const) {
    const store = createSlowStore()
    const { session, server } = createSessionFixture({ tokenStore: store })
    const first = server.grant()
    const theirs = server.grant()
    await session.signIn(first)
    const write = async (): Promise<unknown> => await store.write(theirs, (await store.read())!.generation)
    if (found === 'before the token request') await write()
    else {
      server.next.push(async () => {
        await write()
        throw new RefreshError('over', { message: 'invalid_grant' })
      })
    }
    const releasing = createDeferred<void>()
    store.hold.release = releasing.promise
    const refreshing = session.refresh(first.accessToken)
    await settled()
    const again = session.refresh(theirs.accessToken)
    await settled()
    releasing.resolve()
    t.equal((await refreshing).accessToken, theirs.accessToken, found)
    t.not((await again).accessToken, theirs.accessToken, found)
  }
})

test('a sign-out while the store is read after a refused refresh: tokens of another process are not given (R24)', async t => {
  const store = createSlowStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant()
  await session.signIn(first)
  const reading = createDeferred<void>()
  server.next.push(async () => {
    await store.write(server.grant(), (await store.read())!.generation)
    store.hold.read = reading.promise
    throw new RefreshError('over', { message: 'invalid_grant' })
  })
  session.refresh(first.accessToken).catch(() => {})
  await settled()
  delete store.hold.read
  const signingOut = createDeferred<void>()
  store.hold.write = signingOut.promise
  const signOut = session.signOut()
  reading.resolve()
  await settled()
  t.match(await failureOf(session.token()), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
  t.equal(session.state, 'signed_out')
  signingOut.resolve()
  await signOut
})

test('a rotated refresh token that is stored too late begins no cool-down for the next user (R25)', async t => {
  const store = createSlowStore()
  const { session, server } = createSessionFixture({ tokenStore: store })
  const first = server.grant('ann')
  await session.signIn(first)
  const writing = createDeferred<void>()
  server.next.push(() => {
    store.hold.write = writing.promise
    throw new RefreshError('keep', { message: 'x', rotatedTo: 'rotated' })
  })
  session.refresh(first.accessToken).catch(() => {})
  await settled()
  delete store.hold.write
  const next = server.grant('bob')
  await session.signIn(next)
  writing.resolve()
  await settled()
  t.not((await session.refresh(next.accessToken)).accessToken, next.accessToken)
})

test('after a sign-out while a refresh gives its turn back, its caller gets no tokens (R24)', async t => {
  for (const others of ['no other refresh waits', 'another one waits for the turn'] as const) {
    const { store, session, server, releasing, refreshing } = await refreshWithoutRelease()
    const failures = [failureOf(refreshing)]
    if (others === 'another one waits for the turn') failures.push(failureOf(session.refresh((await store.read())!.tokens!.accessToken)))
    await settled()
    await session.signOut()
    releasing.resolve()
    for (const failure of await Promise.all(failures)) t.match(failure, { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' }, others)
    t.equal(server.presented.length, 1)
  }
})
