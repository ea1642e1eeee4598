import { PassThrough, Readable } from 'node:stream'
import { test } from 'tap'
import type { ProofOfPossession } from '../../../lib/client/oauth/dpop.ts'
import { SessionError } from '../../../lib/errors/client-errors.ts'
import { ForwardError } from '../../../lib/errors/forward-errors.ts'
import { sendWithSession } from '../../../lib/forward/exchange.ts'
import type { SessionCredential } from '../../../lib/forward/exchange.ts'
import type { HeaderLines } from '../../../lib/forward/header-list.ts'
import type { UpstreamAnswer, UpstreamRequest } from '../../../lib/forward/upstreams.ts'
import { createTestClock } from '../../support/clock.ts'
import { createTestSession } from '../../support/forward-proxy.ts'

const json = ['content-type', 'application/json']
const invalid = ['www-authenticate', 'Bearer error="invalid_token"']

interface Given {
  /** The answers of the upstream: status, headers and text. */
  readonly answers: ReadonlyArray<readonly [status: number, headers?: HeaderLines, text?: string]>
  readonly credential?: SessionCredential
  readonly body?: UpstreamRequest['body']
  readonly signal?: AbortSignal
  readonly method?: string
  /** Called before each answer. */
  readonly onCall?: () => void
}

async function exchange ({ answers, credential = { session: createTestSession() }, body = { kind: 'none' }, signal = new AbortController().signal, method = 'POST', onCall }: Given) {
  const sent: HeaderLines[] = []
  const bodies: Readable[] = []
  const result = await sendWithSession({ method, address: { origin: 'https://up.example', path: '/' }, target: '/mcp?q', headers: ['x-a', '1'], body, signal }, credential, {
    async call ({ headers }) {
      sent.push(headers)
      onCall?.()
      const [status, lines = [], text] = answers[sent.length - 1]!
      const body = text === undefined ? new PassThrough() : Readable.from([Buffer.from(text)], { objectMode: false })
      bodies.push(body)
      return { status, headers: lines, body }
    },
    async close () {}
  }, { limits: { maxBytes: 1000, maxMs: 10_000 }, classifier: undefined, clock: createTestClock() }).catch((error: unknown) => error as ForwardError)
  return { result, sent, bodies }
}

const passing = (): UpstreamRequest['body'] => ({ kind: 'passing', stream: Readable.from([]), length: null })
const facts = (result: unknown): unknown[] => result instanceof ForwardError ? [result.code, result.retryAfterSeconds] : [(result as UpstreamAnswer).status]

test('the answer to a valid token is returned unread, and one with an error about the token is discarded before the retry', async t => {
  const fine = await exchange({ answers: [[200, ['content-type', 'text/plain']]] })
  t.equal((fine.result as UpstreamAnswer).body, fine.bodies[0])
  t.same(fine.sent, [['x-a', '1', 'authorization', 'Bearer token-1']])
  t.notOk(fine.bodies[0]!.destroyed)

  const retried = await exchange({ answers: [[401, invalid], [200]] })
  t.same(facts(retried.result), [200])
  t.same(retried.sent.map(lines => lines.at(-1)), ['Bearer token-1', 'Bearer token-2'])
  t.same(retried.bodies.map(({ destroyed }) => destroyed), [true, false])
})

test('an upstream that rejects a new token gives 502 to repeat in 30 s; a body that was not repeated gives 503 to repeat in 1 s', async t => {
  for (const [answers, body, expected] of [
    [[[401, invalid], [401, invalid]], undefined, ['FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', 30]],
    [[[401, invalid]], passing(), ['FST_OAUTH_FORWARD_NOT_REPEATED', 1]],
    [[[401, ['www-authenticate', 'Basic'], 'no']], passing(), ['FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', 30]],
    [[[401, ['www-authenticate', 'Basic'], 'no']], undefined, ['FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', 30]]
  ] as const) {
    const { result, bodies } = await exchange({ answers, ...body === undefined ? {} : { body } })
    t.same(facts(result), expected)
    t.same(bodies.map(({ destroyed }) => destroyed), bodies.map(() => true), 'and leaves no answer open')
  }
})

test('a JSON-RPC error about the token is found in the answer to a POST, and in no other answer of success', async t => {
  const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"data":{"code":"authentication_failed"}}}'
  for (const [method, headers, sent] of [['POST', json, 2], ['GET', json, 1], ['POST', ['content-type', 'text/plain'], 1]] as const) {
    const { result, sent: requests } = await exchange({ method, answers: [[200, headers, error], [200, ['content-type', 'text/plain']]] })
    t.same([...facts(result), requests.length], [200, sent], `${method} ${headers[1]}`)
  }
})

test('RFC 6750 3.1: a challenge counts also where the body of the response is not read', async t => {
  for (const [status, method, headers] of [[401, 'HEAD', invalid], [401, 'GET', [...invalid, 'content-length', '1001']], [400, 'HEAD', invalid]] as const) {
    const { result, sent } = await exchange({ method, answers: [[status, headers], [200]] })
    t.same([...facts(result), sent.length], [200, 2], `${status} ${method}`)
  }
})

test('a DPoP token is sent with a proof, and a nonce is kept where the answer has one (RFC 9449 8.2)', async t => {
  const nonces: unknown[] = []
  const proofs: unknown[] = []
  const proof = {
    async proofFor (...given: unknown[]) {
      proofs.push(given)
      return 'proof'
    },
    sawNonce (...given: unknown[]) { nonces.push(given) }
  } as unknown as ProofOfPossession
  const credential = { session: createTestSession({}, 'DPoP'), proof }
  const { result, sent } = await exchange({ credential, answers: [[200]] })
  t.same(facts(result), [200])
  t.same(sent, [['x-a', '1', 'authorization', 'DPoP token-1', 'dpop', 'proof']])
  t.same(proofs, [['POST', 'https://up.example/mcp?q', 'token-1']])
  t.same(nonces, [])
  await exchange({ credential, answers: [[200, ['DPoP-Nonce', 'n']]] })
  t.same(nonces, [['https://up.example/mcp?q', 'n']])

  const challenge = ['www-authenticate', 'DPoP error="use_dpop_nonce"', 'dpop-nonce', 'm']
  t.same((await exchange({ credential, answers: [[401, challenge], [200]] })).sent.length, 2, 'and the request is repeated with it')
  const without = await exchange({ credential: { session: createTestSession({}, 'DPoP') }, answers: [] })
  t.same([...facts(without.result), without.sent.length], ['FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', null, 0], 'no proof, no request')
  t.equal(((without.result as ForwardError).cause as SessionError).code, 'FST_OAUTH_SESSION_PROOF_MISSING')
})

test('a caller that has left gets the reason of its signal: before the request, after a failed refresh and after an error of the upstream', async t => {
  const reason = new Error('the caller has left')
  const { sent, result } = await exchange({ answers: [], signal: AbortSignal.abort(reason) })
  t.same(sent, [])
  t.equal(result as unknown, reason)

  for (const error of [reason, new ForwardError('FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE')]) {
    const failing = await exchange({ answers: [], onCall () { throw error } })
    if (error === reason) t.same(facts(failing.result), ['FST_OAUTH_FORWARD_REFRESH_FAILED', null])
    else t.equal(failing.result as unknown, error, 'an error of the upstream is passed on')
  }
  const leaving = new AbortController()
  const session = createTestSession({
    async refresh () {
      leaving.abort(reason)
      throw new SessionError('FST_OAUTH_SESSION_REFRESH_UNAVAILABLE')
    }
  })
  const left = await exchange({ answers: [[401, invalid]], credential: { session }, signal: leaving.signal })
  t.equal(left.result as unknown, reason)
  t.ok(left.bodies[0]!.destroyed)
})

test('a session without a token gives an error with its cause, and Retry-After where another attempt can succeed', async t => {
  const clock = createTestClock()
  for (const [cause, expected] of [
    [new SessionError('FST_OAUTH_SESSION_OVER'), ['FST_OAUTH_FORWARD_SESSION_OVER', null]],
    [new SessionError('FST_OAUTH_SESSION_TOKEN_REJECTED', { retryAt: clock.now() + 12_000 }), ['FST_OAUTH_FORWARD_CREDENTIAL_REFUSED', 12]],
    [new SessionError('FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', { retryAt: clock.now() + 1001 }), ['FST_OAUTH_FORWARD_REFRESH_FAILED', 2]],
    [new SessionError('FST_OAUTH_SESSION_REFRESH_UNAVAILABLE', { retryAt: clock.now() - 1001 }), ['FST_OAUTH_FORWARD_REFRESH_FAILED', 1]],
    [new SessionError('FST_OAUTH_SESSION_REFRESH_UNAVAILABLE'), ['FST_OAUTH_FORWARD_REFRESH_FAILED', 5]],
    [new Error('a session of another kind'), ['FST_OAUTH_FORWARD_REFRESH_FAILED', null]]
  ] as const) {
    const fail = async (): Promise<never> => { throw cause }
    for (const session of [createTestSession({ token: fail }), createTestSession({ refresh: fail })]) {
      const { result, bodies } = await exchange({ answers: [[401, invalid]], credential: { session } })
      t.same(facts(result), expected, cause.message)
      t.equal((result as ForwardError).cause, cause)
      t.ok(bodies.every(({ destroyed }) => destroyed), 'no answer is left open')
    }
  }
})
