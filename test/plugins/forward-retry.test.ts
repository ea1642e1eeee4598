import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { SessionError } from '../../lib/errors/client-errors.ts'
import type { SessionErrorCode } from '../../lib/errors/client-errors.ts'
import { createTestClock } from '../support/clock.ts'
import { createTestSession, startProxy } from '../support/forward-proxy.ts'
import type { TestSession } from '../support/forward-proxy.ts'
import { headOf, openRequest, readAnswer } from '../support/http-request.ts'
import type { Received, TestUpstream } from '../support/upstream.ts'
import { startUpstream } from '../support/upstream.ts'

interface Assertions { teardown (close: () => unknown): unknown }
interface Refusal { readonly status: number, readonly headers?: Record<string, string>, readonly body?: string | Buffer }

const post = { method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"tools/call"}', headers: ['Content-Type', 'application/json'] }
const json = { 'content-type': 'application/json' }
const rpcError = JSON.stringify({ jsonrpc: '2.0', id: 1, error: { code: -32000, message: 'no', data: { code: 'authentication_failed' } } })
const codeOf = (body: Buffer): unknown => (JSON.parse(body.toString()) as { code: unknown }).code
const tokensOf = (received: readonly Received[]): string[] => received.flatMap(one => one.all('authorization'))

/** Says this to `token-1`, and `fine` to every other token. */
async function refusing (t: Assertions, { status, headers = {}, body = '' }: Refusal): Promise<TestUpstream> {
  return await startUpstream(t, (received, response) => {
    if (received.all('authorization')[0] === 'Bearer token-1') response.writeHead(status, headers).end(body)
    else response.writeHead(200, json).end(JSON.stringify({ fine: received.body.toString() }))
  })
}

const dead: Record<string, Refusal> = {
  'R16 a JSON-RPC error with a known code in an answer of 200': { status: 200, headers: json, body: rpcError },
  'R16 the same, compressed': { status: 200, headers: { ...json, 'content-encoding': 'gzip' }, body: gzipSync(rpcError) },
  'a bare 401': { status: 401 },
  'a challenge that says invalid_token': { status: 401, headers: { 'www-authenticate': 'Bearer error="invalid_token"' }, body: 'anything' },
  'R18 one of the sentences, at 400 and above': { status: 403, headers: json, body: '{"detail":"Invalid access token"}' },
  '403 with the code': { status: 403, headers: json, body: '{"code":"authentication_failed"}' }
}
for (const [name, refusal] of Object.entries(dead)) {
  test(`one renewal and one retry: ${name} (R19)`, async t => {
    const upstream = await refusing(t, refusal)
    const session = createTestSession()
    const { ask } = await startProxy(t, {
      upstream: upstream.origin, credential: { session }, options: { classifier: { sentences: ['Invalid access token', 'Token has been revoked'] } }
    })
    const answer = await ask('', post)
    t.same([answer.status, JSON.parse(answer.body.toString())], [200, { fine: post.body }])
    t.same(tokensOf(upstream.received), ['Bearer token-1', 'Bearer token-2'])
    t.same(session.renewed, ['token-1'])
    t.same(upstream.received.map(({ body }) => body.toString()), [post.body, post.body], 'the same body twice')
  })
}

const alive: Record<string, Refusal> = {
  'R17 a result whose text holds the words': {
    status: 200, headers: json, body: JSON.stringify({ jsonrpc: '2.0', id: 1, result: { text: 'authentication_failed', code: 'authentication_failed' } })
  },
  'R18 one of the sentences in an answer of 200': { status: 200, headers: json, body: '{"detail":"Invalid access token"}' },
  'a JSON-RPC error with another code': { status: 200, headers: json, body: '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"authentication_failed"}}' },
  '403 without a code': { status: 403, headers: json, body: '{"detail":"no"}' },
  'a scope that is missing': { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="a b"' }, body: 'no' },
  'R50 a body over the cap': { status: 200, headers: json, body: `${rpcError}${' '.repeat(1000)}` },
  'JSON that is cut short': { status: 200, headers: json, body: rpcError.slice(0, -1) },
  'an encoding that it does not have': { status: 200, headers: { ...json, 'content-encoding': 'gzip' }, body: rpcError },
  'an encoding that nobody knows': { status: 200, headers: { ...json, 'content-encoding': 'zap' }, body: rpcError },
  'an event stream': { status: 200, headers: { 'content-type': 'text/event-stream' }, body: `data: ${rpcError}\n\n` }
}
for (const [name, refusal] of Object.entries(alive)) {
  test(`no renewal, one request: ${name}`, async t => {
    const upstream = await refusing(t, refusal)
    const session = createTestSession()
    const { ask } = await startProxy(t, {
      upstream: upstream.origin, credential: { session }, options: { classifier: { sentences: ['Invalid access token'] }, inspectBytes: 500 }
    })
    const answer = await ask('', post)
    t.equal(answer.status, refusal.status)
    t.same(answer.body, Buffer.from(refusal.body!), 'byte by byte')
    t.equal(upstream.received.length, 1)
    t.same([session.renewed, session.refused], [[], []])
    t.same(answer.all('www-authenticate'), [], 'a challenge to us is not for the caller')
  })
}

test('a body that exceeds replayBytes is streamed from its first byte [R50]', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(403, json).write(`${rpcError}${' '.repeat(500)}`)
    response.end('the end')
  })
  const session = createTestSession()
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session }, options: { inspectBytes: 300 } })
  const answer = await ask('', post)
  t.equal(answer.body.toString(), `${rpcError}${' '.repeat(500)}the end`)
  t.same([session.renewed, upstream.received.length], [[], 1])
})

test('a body that does not arrive within replayTimeoutMs is streamed', async t => {
  let finish = (): void => {}
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, json).write('{"jsonrpc":')
    finish = () => response.end('"2.0"}')
  })
  const { target } = await startProxy(t, { upstream: upstream.origin, options: { inspectTimeoutMs: 1 } })
  const outgoing = openRequest(target.url, { method: 'POST', headers: ['x-forward-secret', target.secret] })
  outgoing.end()
  const incoming = await headOf(outgoing)
  finish()
  t.equal((await readAnswer(incoming)).body.toString(), '{"jsonrpc":"2.0"}')
})

test('an upstream that rejects every token gets two requests, after one refresh [R19]', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end() })
  const session = createTestSession()
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  const answer = await ask('', post)
  t.same([answer.status, codeOf(answer.body), answer.all('www-authenticate')], [502, 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', []])
  t.same(tokensOf(upstream.received), ['Bearer token-1', 'Bearer token-2'])
  t.same([session.renewed, session.refused], [['token-1'], ['token-2']])
})

test('a second response that is an error but not 401 is passed on [R19]', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(200, json).end(rpcError) })
  const session = createTestSession()
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  const answer = await ask('', post)
  t.same([answer.status, answer.body.toString(), upstream.received.length, session.renewed], [200, rpcError, 2, ['token-1']])
})

test('a background refresh that fails causes no unhandled rejection [R51]', async t => {
  const upstream = await refusing(t, { status: 403, headers: json, body: '{"code":"authentication_failed"}' })
  const session = createTestSession({ refresh: async () => { throw new SessionError('FST_OAUTH_SESSION_REFRESH_UNAVAILABLE') } })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session }, options: { replayBytes: 0 } })
  t.equal((await ask('', post)).status, 403)
})

test('a refresh before the first request counts as the one refresh of the request [R19]', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(403, json).end('{"code":"authentication_failed"}') })
  const session: TestSession = createTestSession()
  const { token } = session
  session.token = async () => {
    session.refreshes++
    return await token()
  }
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  t.equal((await ask('', post)).status, 403)
  t.same([upstream.received.length, session.renewed, session.refused], [1, [], ['token-1']])
})

test('a rejected token that another request has refreshed meanwhile is not refreshed again [R22]', async t => {
  const session = createTestSession()
  const upstream = await startUpstream(t, (received, response) => {
    if (received.all('authorization')[0] === 'Bearer token-1') session.current = 'token-2'
    response.writeHead(received.all('authorization')[0] === 'Bearer token-1' ? 401 : 200).end()
  })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  t.equal((await ask()).status, 200)
  t.same([tokensOf(upstream.received), session.renewed], [['Bearer token-1', 'Bearer token-2'], []])
})

test('a request that has used its refresh repeats with the token that another request refreshed [R22]', async t => {
  const session: TestSession = createTestSession()
  const { token } = session
  session.token = async () => {
    session.refreshes++
    return await token()
  }
  const upstream = await startUpstream(t, (received, response) => {
    const isDead = received.all('authorization')[0] === 'Bearer token-1'
    if (isDead) session.current = 'token-2'
    response.writeHead(isDead ? 401 : 200).end()
  })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session }, options: { replayBytes: 100 } })
  t.equal((await ask()).status, 200)
  t.same([tokensOf(upstream.received), session.renewed, session.refused], [['Bearer token-1', 'Bearer token-2'], [], ['token-1']])

  session.current = 'token-1'
  t.equal((await ask('', { method: 'POST', body: 'x'.repeat(200) })).status, 503, 'what cannot be sent again is not')
})

test('RFC 9110 15.5.2: a 401 to a body that cannot be sent again is 503, as a 401 would be about the caller\'s own token [F12] (R51)', async t => {
  const upstream = await refusing(t, { status: 401, headers: { ...json, 'www-authenticate': 'Bearer error="invalid_token"' }, body: '{"expired":true}' })
  const session = createTestSession()
  const { ask, target } = await startProxy(t, { upstream: upstream.origin, credential: { session }, options: { replayBytes: 10 } })
  const declared = await ask('', post)
  t.same([declared.status, codeOf(declared.body), declared.all('retry-after'), declared.all('www-authenticate')], [503, 'FST_OAUTH_FORWARD_NOT_REPEATED', ['1'], []])

  const outgoing = openRequest(target.url, { method: 'POST', headers: ['x-forward-secret', target.secret] })
  outgoing.write('more than ')
  outgoing.end('ten bytes')
  session.current = 'token-1'
  const undeclared = await readAnswer(await headOf(outgoing))
  t.equal(undeclared.status, 503)
  t.same(upstream.received.map(({ body }) => body.toString()), [post.body, 'more than ten bytes'], 'each once')
  t.same(upstream.received[0]!.all('content-length'), [String(post.body.length)])
  t.same([session.renewed, session.refused], [['token-1', 'token-1'], []], 'the next request gets a new token')

  session.current = 'token-1'
  const small = await ask('', { method: 'POST', body: 'ten bytes!' })
  t.equal(small.status, 200, 'as many bytes as that can be sent again')
})

test('an error other than an invalid token is passed on if the body cannot be sent again [R51]', async t => {
  const upstream = await refusing(t, { status: 403, headers: json, body: '{"code":"authentication_failed"}' })
  const session = createTestSession()
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session }, options: { replayBytes: 0 } })
  const answer = await ask('', post)
  t.same([answer.status, answer.body.toString(), session.renewed], [403, '{"code":"authentication_failed"}', ['token-1']])
})

test('a 401 for fixed header credentials is 502 for the caller', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end() })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { headers: { 'x-api-key': 'ours' } } })
  const answer = await ask()
  t.same([answer.status, codeOf(answer.body), answer.all('www-authenticate')], [502, 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', []])
})

const clock = createTestClock()
const faults: Array<[SessionErrorCode, number | null, number, string, string[]]> = [
  ['FST_OAUTH_SESSION_OVER', null, 502, 'FST_OAUTH_FORWARD_SESSION_OVER', []],
  ['FST_OAUTH_SESSION_NOT_SIGNED_IN', null, 502, 'FST_OAUTH_FORWARD_SESSION_OVER', []],
  ['FST_OAUTH_SESSION_TOKEN_REJECTED', clock.now() + 12_000, 502, 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', ['12']],
  ['FST_OAUTH_SESSION_PROOF_MISSING', null, 502, 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', []],
  ['FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', clock.now() + 29_001, 503, 'FST_OAUTH_FORWARD_REFRESH_FAILED', ['30']],
  ['FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', clock.now() - 1, 503, 'FST_OAUTH_FORWARD_REFRESH_FAILED', ['1']],
  ['FST_OAUTH_SESSION_OFFLINE', null, 503, 'FST_OAUTH_FORWARD_REFRESH_FAILED', ['5']]
]
for (const [fault, retryAt, status, code, retryAfter] of faults) {
  test(`a session that gives no token: ${fault}, and again in ${retryAfter.join() || 'vain'}`, async t => {
    const upstream = await refusing(t, { status: 401 })
    const fail = async (): Promise<never> => { throw new SessionError(fault, { retryAt }) }
    for (const overrides of [{ token: fail }, { refresh: fail }]) {
      const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session: createTestSession(overrides) }, options: { clock } })
      const answer = await ask()
      t.same([answer.status, codeOf(answer.body), answer.all('retry-after')], [status, code, retryAfter], Object.keys(overrides).join())
    }
    t.equal(upstream.received.length, 1)
  })
}

test('a custom session that throws any error gives 503', async t => {
  const upstream = await startUpstream(t)
  const session = createTestSession({ token: async () => { throw new Error('token-1 is secret') } })
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  const answer = await ask()
  t.same([answer.status, codeOf(answer.body), answer.all('retry-after')], [503, 'FST_OAUTH_FORWARD_REFRESH_FAILED', []])
  t.notOk(answer.body.toString().includes('token-1'))
})

test('RFC 9449: a key-bound token is sent with a new proof for each request, and with the nonce of the upstream', async t => {
  const upstream = await startUpstream(t, (received, response) => {
    if (received.all('dpop')[0]!.endsWith('nonce-1')) response.writeHead(200, { 'dpop-nonce': 'nonce-2' }).end()
    else response.writeHead(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-1' }).end()
  })
  const session = createTestSession({}, 'DPoP')
  let nonce = 'none'
  const proof = {
    proofFor: async (method: string, url: string, accessToken: string | null) => `${method} ${url} ${accessToken} ${nonce}`,
    sawNonce (_url: string, seen: string) { nonce = seen }
  }
  const { ask } = await startProxy(t, { upstream: upstream.origin, credential: { session, proof } })
  const answer = await ask('/a?b=c', post)
  t.same([answer.status, answer.all('dpop-nonce')], [200, []])
  t.same(tokensOf(upstream.received), ['DPoP token-1', 'DPoP token-1'])
  t.same(upstream.received.flatMap(one => one.all('dpop')), ['none', 'nonce-1'].map(one => `POST ${upstream.origin}/a?b=c token-1 ${one}`))
  t.same([session.renewed, nonce], [[], 'nonce-2'])

  const unable = await startProxy(t, { upstream: upstream.origin, credential: { session } })
  const without = await unable.ask()
  t.same([without.status, codeOf(without.body)], [502, 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED'], 'and is of no use without')
  t.equal(upstream.received.length, 2)
})

test('RFC 9449 9: a nonce challenge without a configured proof does not repeat the request', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(400, { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'nonce-1' }).end()
  })
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  t.equal((await ask()).status, 400)
  t.equal(upstream.received.length, 1)
})

test('a caller that disconnects during a refresh causes no further request to the upstream [R36]', async t => {
  const upstream = await refusing(t, { status: 401 })
  let gone!: () => void
  const left = new Promise<void>(resolve => { gone = resolve })
  const session = createTestSession()
  const { refresh: renew } = session
  const begun = new Promise<void>(resolve => {
    session.refresh = async rejected => {
      resolve()
      await left
      return await renew(rejected)
    }
  })
  const { app, target, ask } = await startProxy(t, {
    upstream: upstream.origin,
    credential: { session },
    before: async app => { app.server.on('connection', socket => { socket.once('close', gone) }) }
  })
  const outgoing = openRequest(target.url, { headers: ['x-forward-secret', target.secret] })
  outgoing.on('error', () => {}).end()
  await begun
  outgoing.destroy()
  await left
  t.equal((await ask()).status, 200)
  t.same(tokensOf(upstream.received), ['Bearer token-1', 'Bearer token-2'], 'the second is of the next request')
  t.ok(app.server.listening)
})

test('no log line and no response contains a token or secret, for any error [R54]', async t => {
  const upstream = await refusing(t, { status: 401, body: 'no' })
  const lines: string[] = []
  const session = createTestSession()
  const { ask, target, app } = await startProxy(t, {
    upstream: upstream.origin,
    credential: { session },
    serverOptions: { logger: { level: 'trace', stream: { write: (line: string) => { lines.push(line) } } } }
  })
  const answers = [await ask()]
  upstream.respond((_received, response) => { response.writeHead(401).end() })
  answers.push(await ask())
  upstream.respond((_received, response) => { response.destroy() })
  answers.push(await ask())
  session.token = async () => { throw new SessionError('FST_OAUTH_SESSION_OVER') }
  answers.push(await ask())
  app.forwardTargets.remove('projects')
  answers.push(await ask())
  t.same(answers.map(({ status }) => status), [200, 502, 502, 502, 404])
  const everything = lines.join('') + answers.map(({ headers, body }) => headers.join() + body.toString()).join()
  t.ok(lines.length > 5)
  for (const secret of ['token-1', 'token-2', 'token-3', target.secret]) t.notOk(everything.includes(secret), secret)
})
