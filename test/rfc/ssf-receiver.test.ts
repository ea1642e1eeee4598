import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { test } from 'tap'
import { createSigningKey } from '../../lib/testing/signing-key.ts'
import { createTestIssuer } from '../../plugins/entry-points/testing.ts'
import type { OAuthResourceServerOptions, SharedSignal, TransmitterOptions } from '../../plugins/index.ts'
import { createMemoryRevocationStore } from '../../plugins/index.ts'
import { createApp, resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { caep, createFakeTransmitter, eitherFetch, risc, ssf } from '../support/transmitter.ts'

const login = 'https://login.example.com'
const start = 1_800_000_000
const ann = { format: 'iss_sub', iss: login, sub: 'ann' }
const sessionRevoked = `${caep}session-revoked`

type SignalOptions = NonNullable<OAuthResourceServerOptions['sharedSignals']>

interface Setup {
  transmitter?: Partial<TransmitterOptions>
  signals?: Partial<SignalOptions>
  options?: Partial<OAuthResourceServerOptions>
}

async function world (t: Test, { transmitter: more = {}, signals = {}, options = {} }: Setup = {}) {
  const clock = createTestClock(start)
  const issuer = createTestIssuer({ resource, issuer: login, clock })
  const transmitter = createFakeTransmitter({ clock, audience: resource })
  const revocations = createMemoryRevocationStore({ clock })
  const events: SharedSignal[] = []
  const lines: string[] = []
  const app = await createApp(t, {
    ...issuer.options,
    clock,
    fetch: eitherFetch(transmitter.fetch, issuer.fetch),
    revocations,
    sharedSignals: { transmitters: [{ issuer: login, push: { path: '/events' }, ...more }], onEvent: event => { events.push(event) }, ...signals },
    ...options
  }, { logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  app.get('/me', async request => request.accessToken!.subject)
  const headers = (claims: Record<string, unknown> = {}, subject = 'ann') => issuer.headers({ subject, expiresInSeconds: 3600, claims })
  const statusOf = async (given: Record<string, string>) => (await app.inject({ url: '/me', headers: given })).statusCode
  return { clock, issuer, transmitter, revocations, events, lines, app, headers, statusOf }
}

const post = (app: FastifyInstance, payload: string, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/events', headers: { 'content-type': 'application/secevent+jwt', accept: 'application/json', ...headers }, payload })

test('RFC 8935 2.2: a security event token that is pushed is answered 202, without a body [SSF-01]', async t => {
  const { app, transmitter, events } = await world(t)
  const answer = await post(app, transmitter.set(sessionRevoked, ann))
  t.strictSame([answer.statusCode, answer.body, answer.headers['content-type']], [202, '', undefined])
  t.same(events.map(({ type, outcome, transaction }) => [type, outcome, transaction]), [[sessionRevoked, 'revoked', 'cause-1']])
})

test('RFC 8935 2.3: what is refused is answered 400 with err and description in JSON [SSF-02]', async t => {
  const { app, transmitter, events, revocations } = await world(t)
  const foreignKey = createSigningKey('ES256', 'signals-1')
  const unknownKey = createSigningKey('ES256', 'signals-2')
  const set = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}, key = transmitter.key) =>
    transmitter.set(sessionRevoked, ann, {}, { claims, header, key })
  const good = set()
  const cases: ReadonlyArray<[title: string, body: string, err: string]> = [
    ['no JWT', 'hello', 'invalid_request'],
    ['nothing', '', 'invalid_request'],
    ['too long', `${good}${'a'.repeat(65_536)}`, 'invalid_request'],
    ['typ is JWT [SSF-03]', set({}, { typ: 'JWT' }), 'invalid_request'],
    ['typ of an access token [SSF-03]', set({}, { typ: 'at+jwt' }), 'invalid_request'],
    ['no typ [SSF-03]', set({}, { typ: undefined }), 'invalid_request'],
    ['typ is not a string', set({}, { typ: 7 }), 'invalid_request'],
    ['sub [SSF-04]', set({ sub: 'ann' }), 'invalid_request'],
    ['exp [SSF-04]', set({ exp: start + 60 }), 'invalid_request'],
    ['a critical header', set({}, { crit: ['x'] }), 'invalid_request'],
    ['an unencoded payload', set({}, { b64: false }), 'invalid_request'],
    ['no jti', set({ jti: undefined }), 'invalid_request'],
    ['an endless jti', set({ jti: 'x'.repeat(513) }), 'invalid_request'],
    ['no iat', set({ iat: undefined }), 'invalid_request'],
    ['iat in words', set({ iat: 'now' }), 'invalid_request'],
    ['iat in the future', set({ iat: start + 60 }), 'invalid_request'],
    ['toe in words', set({ toe: 'now' }), 'invalid_request'],
    ['no sub_id', set({ sub_id: undefined }), 'invalid_request'],
    ['sub_id without a format', set({ sub_id: { email: 'ann@example.com' } }), 'invalid_request'],
    ['no events', set({ events: undefined }), 'invalid_request'],
    ['events in a list', set({ events: [] }), 'invalid_request'],
    ['an empty events', set({ events: {} }), 'invalid_request'],
    ['too many events', set({ events: Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`urn:${index}`, {}])) }), 'invalid_request'],
    ['an event that is no object', set({ events: { [sessionRevoked]: true } }), 'invalid_request'],
    ['a subject without the members of its format', set({ sub_id: { format: 'iss_sub', iss: login } }), 'invalid_request'],
    ['another issuer [SSF-05]', set({ iss: 'https://other.example' }), 'invalid_issuer'],
    ['the issuer with a slash [SSF-05]', set({ iss: `${login}/` }), 'invalid_issuer'],
    ['no issuer [SSF-05]', set({ iss: undefined }), 'invalid_issuer'],
    ['another audience [SSF-06]', set({ aud: 'https://other.example' }), 'invalid_audience'],
    ['other audiences [SSF-06]', set({ aud: ['https://other.example', `${resource}/`] }), 'invalid_audience'],
    ['no audience [SSF-06]', set({ aud: undefined }), 'invalid_audience'],
    ['no signature', set({}, { alg: 'none' }), 'invalid_key'],
    ['a shared secret', set({}, { alg: 'HS256' }), 'invalid_key'],
    ['a kid that is no string', set({}, { kid: 7 }), 'invalid_key'],
    ['another key under the same kid', set({}, {}, foreignKey), 'invalid_key'],
    ['an unknown key', set({ iat: start - 60 }, {}, unknownKey), 'invalid_key']
  ]
  for (const [title, body, err] of cases) {
    const answer = await post(app, body)
    t.equal(answer.statusCode, 400, title)
    t.match(answer.headers['content-type'], /^application\/json/)
    t.equal(answer.headers['content-language'], 'en')
    const json = answer.json() as Record<string, unknown>
    t.strictSame(Object.keys(json).sort(), ['description', 'err'], title)
    t.equal(json.err, err, `${title}: ${String(json.description)}`)
    t.notMatch(answer.body, good.split('.')[2]!, 'no part of the token')
  }
  t.strictSame([events.length, revocations.size], [0, 0], 'nothing happened')
  t.match(app.oauthCounters.signals, [{ transmitter: login, outcome: 'refused' }])
})

test('RFC 8935 2.1: another media type is refused, and so is another method', async t => {
  const { app, transmitter } = await world(t)
  for (const type of ['application/json', 'text/plain', 'application/jwt', 'text/html']) {
    const answer = await post(app, type === 'application/json' ? '{}' : transmitter.set(sessionRevoked, ann), { 'content-type': type })
    t.strictSame([answer.statusCode, (answer.json() as { err: string }).err], [400, 'invalid_request'], type)
  }
  t.equal((await app.inject({ url: '/events' })).statusCode, 404)
})

test('SSF 1.0 6.1.1: the Authorization value of the stream is checked before the body is read [SSF-13]', async t => {
  const { app, transmitter, lines } = await world(t, { transmitter: { push: { path: '/events', authorization: 'Bearer of-the-stream' } } })
  for (const authorization of ['Bearer other', 'bearer of-the-stream', 'of-the-stream', '']) {
    const answer = await post(app, transmitter.set(sessionRevoked, ann), { authorization })
    t.strictSame([answer.statusCode, (answer.json() as { err: string }).err], [400, 'authentication_failed'], authorization)
  }
  t.equal((await post(app, transmitter.set(sessionRevoked, ann))).statusCode, 400, 'none')
  t.equal((await post(app, transmitter.set(sessionRevoked, ann), { authorization: 'Bearer of-the-stream' })).statusCode, 202)
  t.equal((await app.inject({ method: 'POST', url: '/events', headers: { 'content-type': 'application/secevent+jwt' }, payload: 'x' })).headers['www-authenticate'], undefined)
  t.notMatch(lines.join(''), /of-the-stream/, 'it is in no log')
  t.notMatch(JSON.stringify(app.oauthConfig.sharedSignals), /of-the-stream/, 'nor in a printed configuration')
})

test('CAEP 1.0 3.1: session-revoked ends the tokens of the session, and those of the sign-ins before it [SSF-09]', async t => {
  const at = start - 30
  const cases: ReadonlyArray<[title: string, subject: unknown, claims: Record<string, unknown>, status: number]> = [
    ['an older token of the user', ann, { iat: at }, 401],
    ['one that a refresh issued since, from the same sign-in', ann, { iat: start - 5, auth_time: at }, 401],
    ['one of a later sign-in', ann, { iat: start - 5, auth_time: at + 1 }, 200],
    ['one that was issued later and says nothing of a sign-in', ann, { iat: at + 1 }, 200],
    ['a token of that session', { format: 'opaque', id: 's-1' }, { iat: start - 5, sid: 's-1' }, 401],
    ['a token of another session', { format: 'opaque', id: 's-1' }, { iat: at - 60, sid: 's-2' }, 200],
    ['that session of the user', { format: 'complex', user: ann, session: { format: 'opaque', id: 's-1' } }, { iat: at, sid: 's-1' }, 401],
    ['another session of the user', { format: 'complex', user: ann, session: { format: 'opaque', id: 's-1' } }, { iat: at, sid: 's-2' }, 200],
    ['the device is not known, so all of the user', { format: 'complex', user: ann, device: { format: 'opaque', id: 'd-1' } }, { iat: at }, 401]
  ]
  for (const [title, subject, claims, status] of cases) {
    const { app, transmitter, headers, statusOf } = await world(t)
    const token = headers(claims)
    t.equal(await statusOf(token), 200, 'before, and remembered')
    t.equal((await post(app, transmitter.set(sessionRevoked, subject, { event_timestamp: at }))).statusCode, 202)
    t.equal(await statusOf(token), status, title)
  }
})

test('a subject is not another one: tokens of other users and issuers keep working', async t => {
  const { app, transmitter, headers, statusOf } = await world(t)
  const [own, other] = [headers(), headers({}, 'bob')]
  await post(app, transmitter.set(sessionRevoked, ann))
  t.strictSame([await statusOf(own), await statusOf(other)], [401, 200])
  const refusal = await app.inject({ url: '/me', headers: own })
  t.match(refusal.headers['www-authenticate'], /error="invalid_token"/)
})

test('without event_timestamp, toe and then iat say when it happened; milliseconds of earlier drafts are understood', async t => {
  for (const [payload, claims] of [
    [{ event_timestamp: start - 30 }, {}], [{ event_timestamp: (start - 30) * 1000 }, {}], [{}, { toe: start - 30 }], [{}, { iat: start - 30 }],
    [{ event_timestamp: 'x' }, { iat: start - 30 }]
  ] as const) {
    const { app, transmitter, headers, statusOf, events } = await world(t)
    const [older, younger] = [headers({ iat: start - 30 }), headers({ iat: start - 29 })]
    await post(app, transmitter.set(sessionRevoked, ann, payload, { claims }))
    t.strictSame([await statusOf(older), await statusOf(younger)], [401, 200], JSON.stringify([payload, claims]))
    t.equal(events[0]!.happenedAt, start - 30)
  }
  const { app, transmitter, headers, statusOf, clock } = await world(t)
  await post(app, transmitter.set(sessionRevoked, ann, { event_timestamp: start + 86_400 }))
  clock.advance(1)
  t.equal(await statusOf(headers()), 200, 'an event of the future does not refuse tokens of the future')
})

test('CAEP 1.0 3.2 to 3.5, RISC 1.0 2: which events end tokens, and which sign-ins [SSF-10]', async t => {
  const cases: ReadonlyArray<[type: string, payload: Record<string, unknown>, outcome: string, refreshed: number]> = [
    [`${caep}token-claims-change`, { claims: { role: 'reader' } }, 'revoked', 200],
    [`${caep}credential-change`, { credential_type: 'password', change_type: 'update' }, 'revoked', 200],
    [`${caep}credential-change`, { credential_type: 'fido2-roaming', change_type: 'revoke' }, 'revoked', 200],
    [`${caep}credential-change`, { credential_type: 'fido2-roaming', change_type: 'create' }, 'received', 200],
    [`${caep}assurance-level-change`, { change_direction: 'decrease' }, 'revoked', 200],
    [`${caep}assurance-level-change`, { change_direction: 'increase' }, 'received', 200],
    [`${caep}device-compliance-change`, { current_status: 'not-compliant' }, 'revoked', 200],
    [`${caep}device-compliance-change`, { current_status: 'compliant' }, 'received', 200],
    [`${risc}account-disabled`, { reason: 'hijacking' }, 'revoked', 401],
    [`${risc}account-purged`, {}, 'revoked', 401],
    [`${risc}sessions-revoked`, {}, 'revoked', 401],
    [`${risc}credential-compromise`, { credential_type: 'password' }, 'revoked', 401],
    [`${risc}account-enabled`, {}, 'received', 200],
    ['https://example.com/events/something', {}, 'received', 200]
  ]
  for (const [type, payload, outcome, refreshedStatus] of cases) {
    const { app, transmitter, headers, statusOf, events, clock } = await world(t)
    const token = headers({ auth_time: start - 60 })
    t.equal(await statusOf(token), 200)
    await post(app, transmitter.set(type, ann, payload))
    t.equal(await statusOf(token), outcome === 'revoked' ? 401 : 200, type)
    clock.advance(1)
    t.equal(await statusOf(headers({ auth_time: start - 60 })), refreshedStatus, `${type}: what a refresh yields`)
    t.match(events, [{ type, outcome, payload }])
  }
})

test('CAEP 1.0 3.2: token-claims-change of one token ends that token alone', async t => {
  const { app, transmitter, headers, statusOf } = await world(t)
  const [one, other] = [headers({ jti: 't-1' }), headers({ jti: 't-2' })]
  await post(app, transmitter.set(`${caep}token-claims-change`, { format: 'jwt_id', iss: login, jti: 't-1' }, { claims: {} }))
  t.strictSame([await statusOf(one), await statusOf(other)], [401, 200])
})

test('revokeOn says which events end tokens; the others go to the host', async t => {
  const { app, transmitter, headers, statusOf, events } = await world(t, { transmitter: { revokeOn: ['session-revoked'] } })
  const token = headers()
  await post(app, transmitter.set(`${risc}account-disabled`, ann))
  t.equal(await statusOf(token), 200)
  t.match(events, [{ outcome: 'received' }])
  await post(app, transmitter.set(sessionRevoked, ann))
  t.equal(await statusOf(token), 401)
})

test('RFC 8417 2.2: a token that is sent again is answered 202, and has one effect [SSF-07]', async t => {
  const { app, transmitter, events, revocations } = await world(t)
  const set = transmitter.set(sessionRevoked, ann)
  for (let time = 0; time < 3; time++) t.equal((await post(app, set)).statusCode, 202)
  t.strictSame([events.length, revocations.size], [1, 2])
  t.strictSame(app.oauthCounters.signals, [
    { transmitter: login, outcome: 'revoked', count: 1 }, { transmitter: login, outcome: 'repeated', count: 2 }
  ])
})

test('an event is not lost when a store or function fails: the answer is 503, and it is taken when it is sent again', async t => {
  let fail = true
  const clock = createTestClock(start)
  const store = createMemoryRevocationStore({ clock })
  const revocations = { isRevoked: store.isRevoked, revoke (given: never) { if (fail) throw new Error('down'); store.revoke(given) } }
  const replayStore = { seen: () => { if (fail) throw new Error('down'); return false } }
  let called = 0
  const parts: ReadonlyArray<[string, Setup, reason: string]> = [
    ['the revocation store', { options: { revocations } }, 'revocations_unavailable'],
    ['the replay store', { signals: { replayStore } }, 'replay_store_unavailable'],
    ['a replay store that answers with no boolean', { signals: { replayStore: { seen: () => fail ? 1 as never : false } } }, 'replay_store_unavailable'],
    ['onEvent', { signals: { onEvent: async () => { called++; if (fail) throw new Error('down') } } }, 'signal_function_unavailable'],
    ['resolveSubject', { signals: { resolveSubject: async () => { if (fail) throw new Error('down'); return undefined } } }, 'signal_function_unavailable'],
    ['resolveSubject that names no tokens', { signals: { resolveSubject: () => fail ? [{ issuer: login }] as never : undefined } }, 'signal_function_unavailable'],
    ['resolveSubject that names nothing', { signals: { resolveSubject: () => fail ? [null] as never : undefined } }, 'signal_function_unavailable'],
    ['resolveSubject that never answers', { signals: { resolveSubject: async () => await (fail ? new Promise(() => {}) : undefined) as never }, options: { lookupTimeoutMs: 20 } }, 'signal_function_unavailable']
  ]
  for (const [title, setup, reason] of parts) {
    fail = true
    const { app, transmitter, headers, statusOf } = await world(t, setup)
    const set = transmitter.set(sessionRevoked, ann)
    const answer = await post(app, set)
    t.strictSame([answer.statusCode, answer.headers['retry-after']], [503, '5'], title)
    t.notMatch(answer.body, /down/)
    t.match(app.oauthCounters.unavailable, [{ reason, count: 1 }], title)
    fail = false
    t.equal((await post(app, set)).statusCode, 202)
    t.equal(await statusOf(headers()), 401, title)
  }
  t.equal(called, 2, 'the function of the host is called again')
})

test('the keys of the transmitter cannot be had: 503, and 202 when they can', async t => {
  const { app, transmitter, clock } = await world(t)
  transmitter.answer(transmitter.jwksUri, () => new Response('', { status: 500 }))
  const set = transmitter.set(sessionRevoked, ann)
  t.equal((await post(app, set)).statusCode, 503)
  transmitter.answer(transmitter.jwksUri, () => Response.json({ keys: [transmitter.key.publicJwk] }))
  clock.advance(6)
  t.equal((await post(app, set)).statusCode, 202)
})

test('a transmitter speaks about the issuers that it is configured for', async t => {
  const other = 'https://other.example'
  const keys = { keys: [createSigningKey('ES256', 'other').publicJwk] }
  const { app, transmitter, headers, statusOf, lines } = await world(t, {
    transmitter: { issuers: [other] },
    options: { authorizationServers: [{ issuer: login }, { issuer: other, jwks: keys }] }
  })
  const token = headers()
  const answer = await post(app, transmitter.set(sessionRevoked, ann))
  t.strictSame([answer.statusCode, (answer.json() as { err: string }).err], [400, 'access_denied'])
  t.equal(await statusOf(token), 200)
  t.equal((await post(app, transmitter.set(sessionRevoked, { ...ann, iss: 'https://nobody.example' }))).statusCode, 202, 'of an issuer that nobody knows')
  t.match(app.oauthCounters.signals, [{ outcome: 'refused' }, { outcome: 'foreign' }])
  t.equal(lines.filter(line => line.includes('shared signal refused: access_denied')).length, 1)
})

test('SSF 1.0 3.6: an event with a critical subject member that is not understood is discarded [SSF-08]', async t => {
  const subject = { format: 'complex', user: ann, tenant: { format: 'opaque', id: 't-1' } }
  const { app, transmitter, headers, statusOf, events } = await world(t)
  transmitter.metadata.critical_subject_members = ['user', 'tenant', 7]
  const token = headers()
  t.equal((await post(app, transmitter.set(sessionRevoked, subject))).statusCode, 202)
  t.equal(await statusOf(token), 200)
  t.match(events, [{ outcome: 'discarded' }])
  t.equal((await post(app, transmitter.set(sessionRevoked, { format: 'complex', user: ann }))).statusCode, 202)
  t.equal(await statusOf(token), 401, 'it is not in this one')

  const understood = await world(t, {
    signals: {
      resolveSubject: ({ tenant, user }) => {
        return (tenant as { id: string }).id === 't-1' ? [{ issuer: login, subject: (user as { sub: string }).sub }] : []
      }
    }
  })
  understood.transmitter.metadata.critical_subject_members = ['tenant']
  const other = understood.headers()
  await post(understood.app, understood.transmitter.set(sessionRevoked, { ...subject, tenant: { format: 'opaque', id: 't-2' } }))
  t.equal(await understood.statusOf(other), 200)
  await post(understood.app, understood.transmitter.set(sessionRevoked, subject))
  t.equal(await understood.statusOf(other), 401, 'the host understands it')
  t.match(understood.events.map(({ outcome }) => outcome), ['unresolved', 'revoked'])

  const configured = await world(t, { transmitter: { criticalSubjectMembers: ['device'] } })
  await post(configured.app, configured.transmitter.set(sessionRevoked, { format: 'complex', user: ann, device: { format: 'opaque', id: 'd' } }))
  t.match(configured.events, [{ outcome: 'discarded' }])
})

test('a subject that tokens do not name is left to the host, and warned of where it says nothing [SSF-08]', async t => {
  const email = { format: 'email', email: 'ann@example.com' }
  const { app, transmitter, headers, statusOf, lines } = await world(t)
  await post(app, transmitter.set(`${risc}account-disabled`, email))
  t.equal(await statusOf(headers()), 200)
  t.equal(lines.map(line => JSON.parse(line) as { level: number, msg: string }).find(({ msg }) => msg.includes('unresolved'))?.level, 40)

  const known = await world(t, {
    signals: {
      resolveSubject: async ({ format, email }, { type, transmitter: from }) => {
        t.strictSame([type, from], [`${risc}account-disabled`, login])
        return format === 'email' && email === 'ann@example.com' ? [{ issuer: login, subject: 'ann' }, { issuer: login, sessionId: 's' }, { issuer: login, tokenId: 't' }] : undefined
      }
    }
  })
  await post(known.app, known.transmitter.set(`${risc}account-disabled`, email))
  t.equal(await known.statusOf(known.headers()), 401)
  t.equal(known.events[0]!.revocations.length, 3)
})

test('SSF 1.0 8.1.4 and 8.1.5: verification and stream-updated are received, and change nothing [SSF-11]', async t => {
  const stream = { format: 'opaque', id: 'stream-1' }
  const { app, transmitter, events, revocations } = await world(t, {
    signals: { isExpectedState: async (state, streamId) => state === 'mine' && streamId === 'stream-1' }
  })
  t.equal((await post(app, transmitter.set(`${ssf}verification`, stream, { state: 'mine' }))).statusCode, 202)
  t.equal((await post(app, transmitter.set(`${ssf}verification`, stream))).statusCode, 202, 'the transmitter may send one of its own accord')
  for (const state of ['other', 7]) {
    const answer = await post(app, transmitter.set(`${ssf}verification`, stream, { state }))
    t.strictSame([answer.statusCode, (answer.json() as { err: string }).err], [400, 'invalid_state'])
  }
  for (const status of ['paused', 'disabled', 'enabled']) {
    t.equal((await post(app, transmitter.set(`${ssf}stream-updated`, stream, { status, reason: 'maintenance' }))).statusCode, 202)
  }
  t.equal(revocations.size, 0)
  t.strictSame(events.map(({ payload }) => payload.status), [undefined, undefined, 'paused', 'disabled', 'enabled'], 'the host is told')
})

test('RFC 8725bis 3.12: a security event token is never an access token [SSF-12]', async t => {
  for (const profile of ['rfc9068', 'jwt'] as const) {
    const { transmitter, statusOf } = await world(t, { options: { authorizationServers: [{ issuer: login, profile, jwksUri: `${login}/signal-keys` }] } })
    const claims = { sub: 'ann', client_id: 'client-1', scope: 'read', exp: start + 60 }
    t.equal(await statusOf({ authorization: `Bearer ${transmitter.set(sessionRevoked, ann, {}, { claims })}` }), 401, profile)
    t.equal(await statusOf({ authorization: `Bearer ${transmitter.set(sessionRevoked, ann, {}, { claims, header: { typ: profile === 'jwt' ? 'JWT' : 'at+jwt' } })}` }), 200, 'it is the type that tells')
  }
})

test('CAEP interoperability profile 2.6: RS256 with 2048 bits is accepted [SSF-14]', async t => {
  const clock = createTestClock(start)
  const transmitter = createFakeTransmitter({ clock, audience: resource, algorithm: 'RS256', issuer: 'https://signals.example/tenant/' })
  const { app } = await world(t, {
    transmitter: { issuer: transmitter.issuer, issuers: [login], audience: ['https://receiver.example', resource] }, options: { fetch: transmitter.fetch }
  })
  t.equal((await post(app, transmitter.set(sessionRevoked, ann))).statusCode, 202)
  t.equal(transmitter.requests[0], 'https://signals.example/.well-known/ssf-configuration/tenant', 'SSF 1.0 7.2.1: without the slash at the end')
  t.equal((await post(app, transmitter.set(sessionRevoked, ann, {}, { claims: { aud: ['https://receiver.example', 'https://other.example'] } }))).statusCode, 202)
})

test('SSF 1.0 7.2.4: metadata that names another issuer is not used; that of RISC transmitters is looked for next', async t => {
  const { app, transmitter, clock } = await world(t)
  const set = (): string => transmitter.set(sessionRevoked, ann)
  for (const document of [{ issuer: 'https://other.example' }, { jwks_uri: undefined }, { jwks_uri: 'http://login.example.com/keys' }, { jwks_uri: 'https://127.0.0.1/keys' }]) {
    transmitter.answer(transmitter.metadataUrl, () => Response.json({ ...transmitter.metadata, ...document }))
    t.equal((await post(app, set())).statusCode, 503, JSON.stringify(document))
    clock.advance(6)
  }
  transmitter.answer(`${login}/.well-known/risc-configuration`, () => Response.json({ issuer: login, jwks_uri: transmitter.jwksUri }))
  t.equal((await post(app, set())).statusCode, 202)
})

test('keys can be configured, and nothing is fetched of the metadata then', async t => {
  const { app, transmitter } = await world(t, { transmitter: { jwksUri: `${login}/signal-keys` } })
  t.equal((await post(app, transmitter.set(sessionRevoked, ann))).statusCode, 202)
  t.strictSame(transmitter.requests.filter(url => url.includes('well-known')), [])
  const fixed = createSigningKey('ES256', 'fixed')
  const other = await world(t, { transmitter: { jwks: { keys: [fixed.publicJwk] }, algorithms: ['ES256'] } })
  t.equal((await post(other.app, other.transmitter.set(sessionRevoked, ann, {}, { key: fixed }))).statusCode, 202)
  t.strictSame(other.transmitter.requests, [])
})

test('an error of a hook is 500, says nothing, and is in the log', async t => {
  const { app, transmitter, lines } = await world(t)
  app.addHook('preHandler', async () => { throw new Error('a fault of the application') })
  const answer = await post(app, transmitter.set(sessionRevoked, ann))
  t.equal(answer.statusCode, 500)
  t.notMatch(answer.body, /fault/)
  t.match(lines.join(''), /a fault of the application/)
})

test('keys that cannot be used, and those that could not be renewed, are in the log', async t => {
  const { app, transmitter, lines, clock } = await world(t, { options: { discovery: { keysMaxAgeSeconds: 60, metadataMaxAgeSeconds: 60 } } })
  app.log.level = 'debug'
  transmitter.answer(transmitter.jwksUri, () => Response.json({ keys: [transmitter.key.publicJwk, { kty: 'oct', k: 'x' }] }))
  t.equal((await post(app, transmitter.set(sessionRevoked, ann, {}, { claims: { txn: undefined } }))).statusCode, 202)
  t.match(lines.join(''), /keys of a transmitter cannot be used/)
  transmitter.answer(transmitter.jwksUri, () => new Response('', { status: 500 }))
  clock.advance(61)
  t.equal((await post(app, transmitter.set(sessionRevoked, ann))).statusCode, 202, 'the last good ones')
  for (let turn = 0; turn < 20 && !lines.join('').includes('could not be renewed'); turn++) await new Promise(setImmediate)
  t.match(lines.join(''), /the keys of a transmitter could not be renewed/)
})

test('an audit event for each, with the subject and without the token', async t => {
  const { app, transmitter, lines } = await world(t)
  const set = transmitter.set(sessionRevoked, ann)
  await post(app, set)
  await post(app, transmitter.set(sessionRevoked, ann, {}, { claims: { aud: 'x' } }))
  const entries = lines.map(line => JSON.parse(line) as { audit?: Record<string, unknown>, msg: string }).filter(({ audit }) => audit?.kind === 'signal')
  t.match(entries, [
    { msg: `shared signal revoked: ${sessionRevoked}`, audit: { transmitter: login, type: sessionRevoked, outcome: 'revoked', issuer: login, subject: 'ann', revoked: 1, route: 'POST /events', statusCode: 202, code: null } },
    { msg: 'shared signal refused: invalid_audience', audit: { transmitter: login, outcome: 'refused', reason: 'invalid_audience', subject: null, statusCode: 400, code: 'FST_OAUTH_SET_REFUSED' } }
  ])
  t.notMatch(lines.join(''), set.split('.')[1]!)
})
