import { inspect } from 'node:util'
import { test } from 'tap'
import type { RefreshError, RefreshOutcome } from '../../../../lib/errors/client-errors.ts'
import { rotationOf } from '../../../../lib/errors/client-errors.ts'
import type { RefreshOptions } from '../../../../lib/client/oauth/refresh-token.ts'
import { createRefresh } from '../../../../lib/client/oauth/refresh-token.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'
import { failureOf } from '../../../support/client-session.ts'
import { createTestClock } from '../../../support/clock.ts'
import { createDeferred } from '../../../support/deferred.ts'

const issuer = 'https://login.example.com'
const server = { issuer, token_endpoint: `${issuer}/token` }
const tokens: TokenSet = { accessToken: 'access-1', tokenType: 'Bearer', refreshToken: 'refresh-1', expiresAt: null, scopes: ['read'] }
const good = { access_token: 'access-2', token_type: 'Bearer', expires_in: 60, refresh_token: 'refresh-2', scope: 'read write' }
const clock = createTestClock()

interface Sent {
  readonly url: string
  readonly headers: Headers
  readonly body: Record<string, string>
}

interface Made {
  readonly sent: Sent[]
  readonly renew: (given?: Partial<TokenSet>, signal?: AbortSignal) => Promise<TokenSet>
}

/** A token endpoint that gives these answers, one after the other. */
function make (answers: ReadonlyArray<(init: RequestInit) => Response | Promise<Response>>, options: Partial<RefreshOptions> = {}): Made {
  const sent: Sent[] = []
  const refresh = createRefresh({
    server,
    clientId: 'client-1',
    authentication: { method: 'none' },
    resource: 'https://api.example.com',
    clock,
    fetch: async (url, init) => {
      sent.push({ url, headers: new Headers(init.headers), body: Object.fromEntries(new URLSearchParams(String(init.body))) })
      return await answers[sent.length - 1]!(init)
    },
    ...options
  })
  return { sent, renew: async (given = {}, signal = new AbortController().signal) => await refresh({ ...tokens, ...given }, signal) }
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => () => Response.json(body, { status, headers })

test('RFC 6749 section 6: the refresh request, and the tokens of its response (RFSH-01, RFSH-02)', async t => {
  const { sent, renew } = make([json(good)])
  t.strictSame(await renew(), {
    accessToken: 'access-2', tokenType: 'Bearer', refreshToken: 'refresh-2', expiresAt: clock.now() + 60_000, scopes: ['read', 'write'], issuer, refreshableUntil: null
  })
  t.equal(sent[0]!.url, server.token_endpoint)
  t.strictSame(sent[0]!.body, { client_id: 'client-1', grant_type: 'refresh_token', refresh_token: 'refresh-1', resource: 'https://api.example.com' })
})

test('the client authenticates as it is registered, and no resource is sent where there is none (RFSH-01)', async t => {
  const { sent, renew } = make([json({ access_token: 'a', token_type: 'bearer' })], {
    authentication: { method: 'client_secret_basic', clientSecret: 'secret' }, resource: null
  })
  t.strictSame(await renew(), { accessToken: 'a', tokenType: 'Bearer', refreshToken: null, expiresAt: null, scopes: null, issuer, refreshableUntil: null })
  t.match(sent[0]!.headers.get('authorization'), /^Basic /)
  t.strictSame(sent[0]!.body, { grant_type: 'refresh_token', refresh_token: 'refresh-1' })
})

/** An ID token that nobody here can check: its algorithm is in no metadata. */
function idToken (alg: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  return `${part({ alg })}.${part({ iss: issuer, aud: 'client-1', sub: 'ann', iat: now, exp: now + 300 })}.c2ln`
}

test('an ID token that cannot be checked does not cost the tokens of the response (RFSH-03)', async t => {
  for (const id of [idToken('ES256'), idToken('EdDSA'), idToken('PS256'), 'nonsense', '', 7]) {
    for (const metadata of [server, { ...server, id_token_signing_alg_values_supported: ['RS256'], jwks_uri: `${issuer}/jwks` }]) {
      t.match(await make([json({ ...good, id_token: id })], { server: metadata }).renew(), { accessToken: 'access-2', refreshToken: 'refresh-2' }, String(id))
    }
  }
})

test('the rotated refresh token of an invalid response is kept, and not shown (RFSH-03)', async t => {
  const { access_token: _access, ...without } = good
  const bodies: readonly object[] = [without, { ...good, expires_in: 'soon' }, { ...good, scope: 7 }, { ...good, token_type: 'DPoP' }, { ...good, access_token: 'access-2\n' }]
  for (const body of bodies) {
    const failure = await failureOf(make([json(body)]).renew()) as RefreshError
    t.equal(failure.outcome, 'keep')
    t.equal(rotationOf(failure), 'refresh-2', JSON.stringify(body))
    t.notMatch(inspect(failure, { depth: 10, showHidden: true }), /access-2|refresh-2/, 'R54')
  }
  const none = [json({ ...without, refresh_token: 7 }), json({ ...without, refresh_token: 'a\nb' }), json([good]), json(null), json(good, 400), () => new Response('{')]
  for (const reply of none) t.equal(rotationOf(await failureOf(make([reply]).renew()) as RefreshError), null)
})

test('an access token with characters that a header cannot have is refused (R54)', async t => {
  for (const accessToken of ['a\nb', 'a\u0000', 'tökén', '\u{1f511}']) {
    t.match(await failureOf(make([json({ ...good, access_token: accessToken })]).renew()), { outcome: 'keep', message: /characters that cannot be sent/ })
  }
})

test('a refresh token of another issuer is not sent (RFSH-12)', async t => {
  const { sent, renew } = make([json(good)])
  t.match(await failureOf(renew({ issuer: 'https://old.example.com' })), { name: 'RefreshError', outcome: 'keep', message: 'the refresh token is from another authorization server' }, 'and it may be good there')
  t.equal(sent.length, 0)
  t.ok(await renew({ issuer }))
})

test('how long tokens can be refreshed, from the response (RFSH-15)', async t => {
  const cases: ReadonlyArray<readonly [object, number | null]> = [
    [{ refresh_token_timeout: 100, authorization_expires_in: 50 }, 50],
    [{ refresh_token_timeout: 100 }, 100],
    [{ authorization_expires_in: '7', refresh_token_timeout: -1 }, null],
    [{ authorization_expires_in: 0 }, 0]
  ]
  for (const [more, seconds] of cases) {
    const { refreshableUntil } = await make([json({ ...good, ...more })]).renew()
    t.equal(refreshableUntil, seconds === null ? null : clock.now() + seconds * 1000)
  }
  const endless = '{"access_token":"a","token_type":"Bearer","refresh_token_timeout":1e999}'
  t.equal((await make([() => new Response(endless)]).renew()).refreshableUntil, null, 'more than a number can hold')
})

interface OutcomeRow {
  readonly answer: string
  readonly reply: () => Response | Promise<Response>
  readonly outcome: RefreshOutcome
  readonly error?: Partial<RefreshError>
}

const refusal = (error: string, status = 400): (() => Response) => json({ error, error_description: 'refresh-1 is no good' }, status)
const outcomes: readonly OutcomeRow[] = [
  { answer: 'R26 no answer', reply: () => { throw new TypeError('fetch failed') }, outcome: 'retry', error: { responseStatus: null, message: 'network' } },
  { answer: 'R26 500', reply: json({}, 500), outcome: 'retry', error: { responseStatus: 500, message: 'status 500' } },
  { answer: 'R26 503 with an error code', reply: refusal('invalid_grant', 503), outcome: 'retry' },
  { answer: 'R26 502 of a proxy', reply: () => new Response('<h1>', { status: 502 }), outcome: 'retry' },
  { answer: '429', reply: json({}, 429, { 'retry-after': '7' }), outcome: 'retry', error: { retryAfterMs: 7000 } },
  { answer: '429 for minutes', reply: json({}, 429, { 'retry-after': '120' }), outcome: 'retry', error: { retryAfterMs: 120_000 } },
  { answer: '429 for longer than a number of seconds can say', reply: json({}, 429, { 'retry-after': '1234567890' }), outcome: 'retry', error: { retryAfterMs: null } },
  { answer: '429 with another spelling of a number', reply: json({}, 429, { 'retry-after': '1e3' }), outcome: 'retry', error: { retryAfterMs: null } },
  { answer: '408', reply: json({}, 408), outcome: 'retry', error: { retryAfterMs: null } },
  {
    answer: '503 until a date', reply: json({}, 503, { 'retry-after': new Date(clock.now() + 5000).toUTCString() }), outcome: 'retry', error: { retryAfterMs: 5000 }
  },
  { answer: '503 until a date that is gone', reply: json({}, 503, { 'retry-after': new Date(0).toUTCString() }), outcome: 'retry', error: { retryAfterMs: 0 } },
  { answer: '503 until something', reply: json({}, 503, { 'retry-after': 'later' }), outcome: 'retry', error: { retryAfterMs: null } },
  { answer: 'temporarily_unavailable', reply: refusal('temporarily_unavailable'), outcome: 'retry' },
  { answer: 'server_error', reply: refusal('server_error'), outcome: 'retry' },
  { answer: 'slow_down', reply: refusal('slow_down'), outcome: 'retry' },
  { answer: '300, whose body is not read', reply: refusal('invalid_grant', 300), outcome: 'keep', error: { oauthError: null } },
  { answer: 'R27 invalid_grant', reply: refusal('invalid_grant'), outcome: 'over', error: { responseStatus: 400, oauthError: 'invalid_grant', message: 'invalid_grant' } },
  { answer: 'R27 invalid_token', reply: refusal('invalid_token'), outcome: 'over' },
  // F4, R27 as amended: only an OAuth error in the body says that the refresh token is invalid.
  { answer: 'R27 a bare 401', reply: json({}, 401), outcome: 'keep', error: { responseStatus: 401, oauthError: null } },
  { answer: 'R27 401 of a proxy', reply: () => new Response('proxy', { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' } }), outcome: 'keep' },
  { answer: 'R27 403 of a firewall', reply: () => new Response('<h1>Attention Required! | Cloudflare</h1>', { status: 403 }), outcome: 'keep', error: { responseStatus: 403 } },
  { answer: 'R27 403 of a rate limit', reply: json({ error: 'rate_limited' }, 403), outcome: 'keep' },
  { answer: 'R27 403 of another policy', reply: refusal('access_denied', 403), outcome: 'keep' },
  { answer: 'R27 401 with an unknown code', reply: refusal('on_holiday', 401), outcome: 'keep' },
  { answer: 'R27 407, of a proxy', reply: () => new Response('', { status: 407 }), outcome: 'keep' },
  { answer: 'R27 511, of a captive portal', reply: () => new Response('', { status: 511 }), outcome: 'retry' },
  { answer: 'R27 invalid_grant, with 401', reply: refusal('invalid_grant', 401), outcome: 'over' },
  { answer: 'R28 an error in other words than those of RFC 6749', reply: json({ code: 400, error_code: 'refresh_token_not_found', msg: 'Invalid Refresh Token' }, 400), outcome: 'keep' },
  { answer: 'R28 invalid_client', reply: refusal('invalid_client'), outcome: 'keep' },
  { answer: 'R28 invalid_client, with 401 as RFC 6749 has it', reply: refusal('invalid_client', 401), outcome: 'keep', error: { oauthError: 'invalid_client' } },
  { answer: 'R28 invalid_request', reply: refusal('invalid_request'), outcome: 'keep' },
  { answer: 'R28 unauthorized_client', reply: refusal('unauthorized_client', 403), outcome: 'keep' },
  { answer: 'R28 a code that nobody knows', reply: refusal('on_holiday'), outcome: 'keep', error: { oauthError: 'on_holiday' } },
  { answer: 'R28 400 without JSON', reply: () => new Response('what?', { status: 400 }), outcome: 'keep', error: { oauthError: null } },
  ...['"invalid', 'invalid"', 'in"valid', 'x'.repeat(101)].map(code => ({ answer: `R28 a code that is none: ${code}`, reply: refusal(code), outcome: 'keep', error: { oauthError: null } }) as const),
  { answer: 'R28 the longest code', reply: refusal('x'.repeat(100)), outcome: 'keep', error: { oauthError: 'x'.repeat(100) } },
  { answer: '404', reply: () => new Response(null, { status: 404 }), outcome: 'keep' },
  { answer: 'a redirect', reply: () => new Response(null, { status: 307, headers: { location: 'https://x.example' } }), outcome: 'keep', error: { message: 'redirect' } },
  { answer: '200 without JSON', reply: () => new Response('fine'), outcome: 'keep', error: { responseStatus: 200 } },
  { answer: '200 without a token', reply: json({ token_type: 'Bearer' }), outcome: 'keep' },
  { answer: '200 with more than any answer has', reply: json({ ...good, more: 'x'.repeat(300_000) }), outcome: 'keep', error: { message: 'too_large' } },
  { answer: 'a token that is bound to a key that nobody has', reply: json({ ...good, token_type: 'DPoP' }), outcome: 'keep', error: { message: 'The token is not bound to the key that it was requested for: its type is DPoP' } }
]

test('RFC 6749 section 5.2: what each failure means for the session (R26, R27, R28, R32, F4)', async t => {
  for (const { answer, reply, outcome, error = {} } of outcomes) {
    const { renew, sent } = make([reply])
    const failure = await failureOf(renew())
    t.match(failure, { name: 'RefreshError', outcome, ...error }, answer)
    t.equal(sent.length, 1, 'one attempt')
    t.notMatch(inspect(failure, { depth: 10, showHidden: true }), /refresh-1|access-2|refresh-2/, `R54 RFSH-16 ${answer}`)
  }
})

test('a token endpoint that is missing or not https gets no refresh token', async t => {
  const { renew } = make([], { server: { issuer } })
  t.match(await failureOf(renew()), { outcome: 'keep', responseStatus: null, message: /token_endpoint/ })
  const insecure = make([json(good)], { server: { issuer, token_endpoint: 'http://login.example.com/token' } })
  t.match(await failureOf(insecure.renew()), { outcome: 'keep', responseStatus: null }, 'refresh tokens go over https alone')
  t.equal(insecure.sent.length, 0)
  t.ok(await make([json(good)], { server: { issuer, token_endpoint: 'http://127.0.0.1:1/token' } }).renew(), 'or stay on this machine')
  t.match(await failureOf(make([], { server: { issuer, token_endpoint: 'nothing' } }).renew()), { outcome: 'keep' })
})

test('a refresh ends with its signal, and when a response takes too long (R34)', async t => {
  const hanging = (init: RequestInit): Promise<Response> => new Promise((_resolve, reject) => {
    const give = (): void => reject(new Error('given up'))
    if (init.signal!.aborted) give()
    init.signal!.addEventListener('abort', give, { once: true })
  })
  const caller = new AbortController()
  const { renew } = make([hanging])
  const renewal = failureOf(renew({}, caller.signal))
  setImmediate(() => caller.abort())
  t.match(await renewal, { outcome: 'retry' })
  t.match(await failureOf(make([hanging], { timeoutMs: 5 }).renew()), { outcome: 'retry', message: 'timeout' })
})

test('a refresh that no caller waits for any more is aborted on the wire', async t => {
  const wire = createDeferred<AbortSignal>()
  const { renew } = make([async ({ signal }) => {
    wire.resolve(signal!)
    return await new Promise<Response>((_resolve, reject) => { signal!.addEventListener('abort', () => { reject(new Error('aborted')) }) })
  }])
  const caller = new AbortController()
  const renewal = failureOf(renew({}, caller.signal))
  const signal = await wire.promise
  t.equal(signal.aborted, false)
  caller.abort()
  t.equal(signal.aborted, true)
  await renewal
})

test('RFC 9449 section 5: a refresh has proofs of the same key, with the nonce that the server asked for (RFSH-13)', async t => {
  const proofs: string[] = []
  const nonces: string[] = []
  const prover = {
    async proofFor (method: string, url: string, accessToken: string | null) {
      proofs.push(`${proofs.length} ${method} ${url} ${accessToken}`)
      return proofs.at(-1)!
    },
    sawNonce: (_url: string, nonce: string) => { nonces.push(nonce) }
  }
  const asks = json({ error: 'use_dpop_nonce' }, 400, { 'dpop-nonce': 'n1' })
  const { renew, sent } = make([asks, json({ ...good, token_type: 'DPoP' }, 200, { 'dpop-nonce': 'n2' })], { prover })
  t.match(await renew(), { tokenType: 'DPoP' })
  t.strictSame(sent.map(({ headers }) => headers.get('dpop')), [`0 POST ${server.token_endpoint} null`, `1 POST ${server.token_endpoint} null`])
  t.strictSame(nonces, ['n1', 'n2'])

  t.match(await failureOf(make([asks, asks], { prover }).renew()), { outcome: 'keep', oauthError: 'use_dpop_nonce' }, 'once')
  t.match(await failureOf(make([asks]).renew()), { outcome: 'keep' }, 'nobody can prove anything')
  t.match(await failureOf(make([json(good)], { prover }).renew()), { message: /its type is Bearer/ }, 'a token for everybody is not what was asked for')
})

test('the default is the global fetch', async t => {
  const refresh = createRefresh({ server: { issuer, token_endpoint: 'http://127.0.0.1:9/token' }, clientId: 'c', authentication: { method: 'none' }, resource: null })
  t.match(await failureOf(refresh(tokens, new AbortController().signal)), { outcome: 'retry', message: 'network' })
})
