import { PassThrough, Readable } from 'node:stream'
import { test } from 'tap'
import type { CallerRequest, ForwardedAnswer } from '../../../lib/forward/forwarder.ts'
import { createForwarder } from '../../../lib/forward/forwarder.ts'
import type { ForwardCredential } from '../../../lib/forward/options.ts'
import { checkForwardOptions } from '../../../lib/forward/options.ts'
import type { HeaderLines } from '../../../lib/forward/header-list.ts'
import type { UpstreamRequest } from '../../../lib/forward/upstreams.ts'

interface Given {
  readonly status?: number
  readonly headers?: HeaderLines
  readonly credential?: ForwardCredential
  readonly caller?: Partial<CallerRequest>
  readonly callerHeaders?: readonly string[]
  readonly requestHeaders?: readonly string[]
}

/** The bodies of the answers of upstreams, in order. */
const bodies: PassThrough[] = []
const ours: ForwardCredential = { headers: { 'X-Key': 'ours' } }

async function forward ({ status = 200, headers = [], credential = ours, caller, callerHeaders, requestHeaders = ['*'] }: Given): Promise<{
  answer: ForwardedAnswer, sent: UpstreamRequest, body: Readable, endStreams: () => void, again: () => Promise<unknown>
}> {
  let sent!: UpstreamRequest
  let body!: PassThrough
  const { forward, endStreams } = createForwarder(checkForwardOptions({ requestHeaders }), {
    async call (request) {
      sent = request
      body = new PassThrough()
      bodies.push(body)
      return { status, headers, body }
    },
    async close () {}
  }, callerHeaders)
  const again = async (): Promise<ForwardedAnswer> => await forward({ address: { origin: 'https://up.example', path: '/mcp' }, credential }, {
    method: 'GET', own: '/own', rest: '/here', headers: [], body: null, length: null, signal: new AbortController().signal, ...caller
  })
  const answer = await again()
  return { answer, sent, body, endStreams, again }
}

test('the header of a fixed credential replaces that of the caller, in whatever case both are written', async t => {
  const headers = ['x-key', 'theirs', 'X-KEY', 'theirs', 'X-Peer', 'certificate', 'X-Forward-Secret', 'secret', 'X-Other', '1']
  const { sent } = await forward({ caller: { headers }, callerHeaders: ['x-peer'], requestHeaders: ['x-key', 'x-*', 'x-forward-secret', 'x-peer'] })
  t.same(sent.headers, ['x-other', '1', 'X-Key', 'ours'])
  t.same((await forward({ caller: { headers: ['X-Peer', '1'] } })).sent.headers, ['x-peer', '1', 'X-Key', 'ours'], 'a header that is not about the caller')
})

test('the response of an upstream keeps its lines, with every line of one name', async t => {
  const { answer } = await forward({ headers: ['X-A', '1', 'x-b', '2', 'x-a', '3', 'X-A', '4', 'Content-Length', '5', 'Connection', 'x-c', 'X-C', '6'] })
  t.strictSame([...answer.headers], [['x-a', ['1', '3', '4']], ['x-b', '2'], ['content-length', '5']])
})

test('RFC 9110 6.4.1: a response without a body has none, and its Content-Length is that of a response with one', async t => {
  for (const [method, status, hasBody, length] of [
    ['GET', 200, true, '5'], ['HEAD', 200, false, '5'], ['GET', 204, false, undefined], ['GET', 304, false, '5'], ['GET', 205, true, '5'], ['POST', 200, true, '5']
  ] as const) {
    const { answer, body } = await forward({ status, headers: ['content-length', '5'], caller: { method } })
    t.equal(answer.status, status)
    t.equal(answer.body, hasBody ? body : null, `${method} ${status}`)
    t.equal(answer.headers.get('content-length'), length, `${method} ${status}`)
    t.equal(body.readableFlowing === true, !hasBody, 'a body that nobody receives is read')
  }
})

test('only an event stream is sent without buffering, and only one that answers a GET ends with the server', async t => {
  for (const [type, isStream] of [
    ['text/event-stream', true], ['Text/Event-Stream', true], ['text/event-stream;charset=utf-8', true], ['text/event-stream  ; charset=utf-8', true],
    ['text/event-streams', false], ['x-text/event-stream', false], ['text/event-stream x', false], ['text/plain', false]
  ] as const) {
    for (const method of ['GET', 'POST']) {
      const { answer, body, endStreams } = await forward({ headers: ['content-type', type, 'x-accel-buffering', 'yes'], caller: { method } })
      t.equal(answer.headers.get('x-accel-buffering'), isStream ? 'no' : undefined, `${method} ${type}`)
      endStreams()
      t.equal(body.destroyed, isStream && method === 'GET', `${method} ${type}`)
    }
  }
  const { answer, body, endStreams } = await forward({})
  t.equal(answer.headers.size, 0, 'no Content-Type')
  endStreams()
  t.notOk(body.destroyed)
})

test('an event stream that begins after the others were ended is refused, and its connection is closed', async t => {
  for (const [method, isRefused] of [['GET', true], ['POST', false]] as const) {
    const { endStreams, again } = await forward({ headers: ['content-type', 'text/event-stream'], caller: { method } })
    endStreams()
    if (isRefused) await t.rejects(again(), { code: 'FST_OAUTH_FORWARD_CLOSED' })
    else await t.resolves(again())
    t.equal(bodies.at(-1)!.destroyed, isRefused, method)
  }
})

test('RFC 9110 15: a status above 599 is no response, and its body is not read', async t => {
  t.equal((await forward({ status: 599 })).answer.status, 599)
  await t.rejects(forward({ status: 600 }), { code: 'FST_OAUTH_FORWARD_UPSTREAM_BROKEN' })
  t.ok(bodies.at(-1)!.destroyed)
  await t.rejects(forward({ headers: ['transfer-encoding', 'gzip'] }), { code: 'FST_OAUTH_FORWARD_UPSTREAM_BROKEN' })
  t.ok(bodies.at(-1)!.destroyed)
})

test('a challenge is passed on only with the 401 that is about the credential of the caller', async t => {
  const headers = ['www-authenticate', 'Basic', 'x-a', '1', 'set-cookie', 'a=1', 'x-accel-redirect', '/internal', 'alt-svc', 'clear']
  for (const owner of ['caller', 'proxy', undefined] as const) {
    const credential = { headers: {}, ...owner === undefined ? {} : { owner } }
    t.same([...(await forward({ status: 403, headers, credential })).answer.headers.keys()], owner === 'caller' ? ['www-authenticate', 'x-a'] : ['x-a'])
    if (owner === 'caller') t.equal((await forward({ status: 401, headers, credential })).answer.status, 401)
    else {
      await t.rejects(forward({ status: 401, headers, credential }), { code: 'FST_OAUTH_FORWARD_CREDENTIAL_REFUSED' })
      t.ok(bodies.at(-1)!.destroyed)
    }
  }
})

test('a request body is kept for a session alone: with fixed headers it is sent once', async t => {
  const session = { token: async () => ({ accessToken: 'a', tokenType: 'Bearer' as const, refreshToken: null, expiresAt: null, scopes: null }) }
  for (const [credential, kind] of [[ours, 'passing'], [{ session } as unknown as ForwardCredential, 'kept']] as const) {
    const { sent } = await forward({ credential, caller: { method: 'POST', body: Readable.from([Buffer.from('abc')], { objectMode: false }), length: 3 } })
    t.equal(sent.body.kind, kind)
  }
  t.same((await forward({})).sent.body, { kind: 'none' })
})
