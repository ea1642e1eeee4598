import { once } from 'node:events'
import net from 'node:net'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'tap'
import type { Dispatcher } from 'undici'
import type { RequestBody } from '../../../lib/forward/request-body.ts'
import type { UpstreamRequest } from '../../../lib/forward/upstreams.ts'
import { createUpstreams } from '../../../lib/forward/upstreams.ts'
import { startUpstream } from '../../support/upstream.ts'

const limits = { connectTimeoutMs: 1234, responseTimeoutMs: null }
const address = { origin: 'https://up.example', path: '/mcp' }

function requestWith (body: RequestBody = { kind: 'none' }): UpstreamRequest {
  return { method: 'POST', address, target: '/mcp/a?b', headers: ['x-a', '1'], body, signal: new AbortController().signal }
}

/** A dispatcher that keeps the options of each request. */
function createDispatcher (respond: () => Promise<unknown>): { dispatcher: Dispatcher, requests: Array<Record<string, unknown>> } {
  const requests: Array<Record<string, unknown>> = []
  const request = async (options: Record<string, unknown>): Promise<unknown> => {
    requests.push(options)
    return await respond()
  }
  return { dispatcher: { request } as unknown as Dispatcher, requests }
}

test('a request is sent as it is, with the Content-Length of a streamed body, and its answer is not read', async t => {
  const stream = Readable.from(['abc'])
  for (const [body, headers, content] of [
    [{ kind: 'none' }, ['x-a', '1'], null],
    [{ kind: 'kept', bytes: Buffer.from('ab') }, ['x-a', '1'], Buffer.from('ab')],
    [{ kind: 'passing', stream, length: 3 }, ['x-a', '1', 'content-length', '3'], stream],
    [{ kind: 'passing', stream, length: null }, ['x-a', '1'], stream]
  ] as const) {
    const answer = new PassThrough()
    const { dispatcher, requests } = createDispatcher(async () => ({ statusCode: 207, headers: ['A', 'b'], body: answer }))
    const { call } = await createUpstreams(limits, dispatcher)
    const request = requestWith(body)
    const received = await call(request)
    t.same([received.status, received.headers], [207, ['A', 'b']])
    t.equal(received.body, answer)
    const { body: sent, signal, ...options } = requests[0]!
    t.same(options, {
      origin: 'https://up.example', path: '/mcp/a?b', method: 'POST', headers, headersTimeout: 0, bodyTimeout: 0, responseHeaders: 'raw'
    }, body.kind)
    t.ok(body.kind === 'passing' ? sent === stream : Buffer.isBuffer(content) ? content.equals(sent as Buffer) : sent === null)
    t.equal(signal, request.signal)
    t.doesNotThrow(() => answer.emit('error', new Error('late')), 'a body that fails before it is read ends no process')
  }
})

test('an upstream that does not answer in time is 504, one that cannot be reached is 502', async t => {
  for (const [code, expected] of [
    ['UND_ERR_CONNECT_TIMEOUT', 'FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT'], ['UND_ERR_HEADERS_TIMEOUT', 'FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT'],
    ['ETIMEDOUT', 'FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT'], ['ECONNREFUSED', 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE'],
    ['', 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE'], [undefined, 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE']
  ]) {
    const cause = Object.assign(new Error('no'), { code })
    const { call } = await createUpstreams(limits, createDispatcher(async () => { throw cause }).dispatcher)
    const error = await call(requestWith()).catch((thrown: unknown) => thrown) as { code: string, cause: unknown }
    t.same([error.code, error.cause === cause], [expected, true], String(code))
  }
})

test('connectTimeoutMs limits the time until an upstream is connected', async t => {
  // A socket that never connects. undici holds it weakly, and its timer keeps no process alive.
  const silent = new net.Socket()
  t.intercept(net, 'connect', { value: () => silent })
  const awake = setInterval(() => {}, 1000)
  t.teardown(() => { clearInterval(awake) })
  const { call, close } = await createUpstreams({ ...limits, connectTimeoutMs: 1 }, null)
  const start = performance.now()
  await t.rejects(call({ ...requestWith(), address: { ...address, origin: 'http://127.0.0.1:9' } }), { code: 'FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT' })
  t.ok(performance.now() - start < 8000, 'undici itself waits 10 s')
  await close()
})

test('requests to one origin share a connection, and closing ends those of every origin', async t => {
  const [one, two] = [await startUpstream(t), await startUpstream(t)]
  const { call, close } = await createUpstreams({ ...limits, connectTimeoutMs: 10_000 }, null)
  for (const { origin } of [one, two, one, two]) await (await call({ ...requestWith(), address: { ...address, origin } })).body.toArray()
  t.same([one.sockets.size, two.sockets.size], [1, 1])
  const closed = [one, two].map(({ sockets }) => once([...sockets][0]!, 'close'))
  await close()
  await Promise.all(closed)
  // Connections that are idle would end soon anyway.
  await t.rejects(call({ ...requestWith(), address: { origin: one.origin, path: '' } }), { code: 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE' }, 'and none is made any more')
  t.same([one.sockets.size, two.sockets.size], [0, 0])
})
