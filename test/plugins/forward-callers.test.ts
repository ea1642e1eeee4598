import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { connect, createServer } from 'node:net'
import { Transform } from 'node:stream'
import type { Test } from 'tap'
import { test } from 'tap'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { forward } from '../../plugins/entry-points/forward.ts'
import { createDeferred } from '../support/deferred.ts'
import { createTestSession, startProxy } from '../support/forward-proxy.ts'
import { headOf, openRequest, readAnswer, send } from '../support/http-request.ts'
import { startUpstream } from '../support/upstream.ts'

/** A proxy that speaks HTTP/2, in front of one upstream, and a client of it. */
async function startHttp2 (t: Test, upstream: string, mayUse: () => Promise<boolean> = async () => true): Promise<{
  client: ClientHttp2Session, request: (headers: OutgoingHttpHeaders) => ClientHttp2Stream
}> {
  const app = Fastify({ http2: true }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(forward)
  const client = connectHttp2(await app.listen({ port: 0, host: '127.0.0.1' }))
  t.teardown(() => client.destroy())
  const { path, secret } = app.forwardTargets.register({
    name: 'a', identity: 'b', upstream, credential: { session: createTestSession() }, mayUse
  })
  return { client, request: headers => client.request({ ':path': path, 'x-forward-secret': secret!, ...headers }, { endStream: false }) }
}

for (const method of ['GET', 'POST']) {
  test(`a caller who leaves before it is admitted asks nothing of the upstream: ${method} (R36)`, async t => {
    const upstream = await startUpstream(t)
    const [entered, left, admitted] = [createDeferred<void>(), createDeferred<void>(), createDeferred<void>()]
    const failures: unknown[] = []
    const { app, target, ask } = await startProxy(t, {
      upstream: upstream.origin,
      before: async app => { app.addHook('onError', async (_request, _reply, error) => { failures.push(error) }) },
      target: {
        async mayUse (request) {
          request.raw.socket.once('close', () => left.resolve())
          entered.resolve()
          await admitted.promise
          return true
        }
      }
    })
    const outgoing = openRequest(target.url, {
      method, headers: ['x-forward-secret', target.secret, ...method === 'POST' ? ['content-type', 'text/plain', 'content-length', '3'] : []]
    })
    outgoing.on('error', () => {}).end(method === 'POST' ? 'abc' : undefined)
    await entered.promise
    outgoing.destroy()
    await left.promise
    admitted.resolve()
    t.equal((await ask('/next')).status, 200)
    t.same(upstream.received.map(({ url }) => url), ['/next'], 'only who is there is served')
    t.same(failures, [], 'and nothing went wrong')
    await app.close()
  })
}

test('over HTTP/2 a request whose caller has disconnected is not forwarded [R36]', async t => {
  const upstream = await startUpstream(t)
  const [entered, admitted] = [createDeferred<void>(), createDeferred<void>()]
  const { client, request } = await startHttp2(t, upstream.origin, async () => {
    entered.resolve()
    await admitted.promise
    return true
  })
  const leaving = request({})
  leaving.on('error', () => {}).end()
  await entered.promise
  leaving.close()
  await once(leaving, 'close')
  // Frames are seen in their order.
  await new Promise<void>(resolve => client.ping(() => resolve()))
  admitted.resolve()
  const staying = request({ ':method': 'POST' })
  staying.end('still here')
  t.match(await once(staying, 'response'), [{ ':status': 200 }])
  t.same(upstream.received.map(({ body }) => body.toString()), ['still here'])
})

test('over HTTP/2 a body without Content-Length is forwarded [R42]', async t => {
  const upstream = await startUpstream(t)
  const { request } = await startHttp2(t, upstream.origin)
  for (const [headers, parts, expected] of [
    [{ ':method': 'POST', 'content-type': 'text/plain' }, ['ab', 'c'], 'abc'], [{ ':method': 'PUT' }, ['abc'], 'abc'], [{ ':method': 'POST' }, [], ''],
    [{ ':method': 'PATCH', 'content-type': 'text/plain', 'content-length': '3' }, ['abc'], 'abc'], [{ ':method': 'GET' }, [], '']
  ] as const) {
    const stream = request(headers)
    for (const part of parts) stream.write(part)
    stream.end()
    t.match(await once(stream, 'response'), [{ ':status': 200 }])
    t.equal(upstream.received.at(-1)!.body.toString(), expected, headers[':method'])
  }
})

test('over HTTP/2 an aborted body does not reach the upstream as a complete one [R53]', async t => {
  const [begun, broken] = [createDeferred<void>(), createDeferred<boolean>()]
  const upstream = await startUpstream(t, (_received, _response, request) => {
    request.on('error', () => {}).once('data', () => begun.resolve()).once('close', () => broken.resolve(request.complete))
  }, { early: true })
  const { request } = await startHttp2(t, upstream.origin)
  const stream = request({ ':method': 'POST', 'content-type': 'text/plain' })
  stream.on('error', () => {}).write(Buffer.alloc(2 * 1024 * 1024))
  await begun.promise
  stream.close()
  t.equal(await broken.promise, false)
})

test('the body of a GET is forwarded with its content headers', async t => {
  const upstream = await startUpstream(t)
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  const { status } = await ask('', { method: 'GET', body: '{"query":{}}', headers: ['Content-Type', 'application/json'] })
  const [received] = upstream.received
  t.same([status, received!.body.toString(), received!.all('content-type')], [200, '{"query":{}}', ['application/json']])
})

for (const prefix of ['/api', '/api/', '/a/b/']) {
  test(`below the prefix ${prefix} paths are as they are elsewhere (R42)`, async t => {
    const upstream = await startUpstream(t)
    const app = Fastify() as FastifyInstance
    t.teardown(() => app.close())
    const credential = { headers: { 'x-key': 'ours' } }
    const secret = 'a-secret-that-is-not-to-be-guessed'
    let path = ''
    await app.register(async scope => {
      await scope.register(forward, { routes: { '/fixed': { upstream: `${upstream.origin}/fixed-base`, credential, secret } } })
      path = scope.forwardTargets.register({ name: 'a', identity: 'b', upstream: `${upstream.origin}/base`, credential }).path
    }, { prefix })
    t.match(path, new RegExp(`^${prefix.replace(/\/$/, '')}/forward/[^/]+$`))
    await app.inject({ url: `${path}/items/5`, headers: { 'x-forward-secret': 'wrong' } })
    t.equal((await app.inject({ url: `${prefix.replace(/\/$/, '')}/fixed/items/5?q`, headers: { 'x-forward-secret': secret } })).statusCode, 200)
    t.same(upstream.received.map(({ url }) => url), ['/fixed-base/items/5?q'])
  })

  test(`below the prefix ${prefix} a registered path is one that leads there (R46)`, async t => {
    const upstream = await startUpstream(t)
    const app = Fastify() as FastifyInstance
    t.teardown(() => app.close())
    const targets: Array<{ path: string, secret: string | null }> = []
    await app.register(async scope => {
      await scope.register(forward)
      targets.push(scope.forwardTargets.register({
        name: 'a', identity: 'b', upstream: `${upstream.origin}/base`, credential: { headers: { 'x-key': 'ours' } }
      }))
    }, { prefix })
    const [{ path, secret }] = targets as [{ path: string, secret: string }]
    for (const rest of ['', '/items/5']) await app.inject({ url: `${path}${rest}`, headers: { 'x-forward-secret': secret } })
    t.same(upstream.received.map(({ url }) => url), ['/base', '/base/items/5'])
  })
}

test('a connection serves the next request after a body that was not forwarded for lack of a token [R51]', async t => {
  const upstream = await startUpstream(t)
  const session = createTestSession({ token: async () => { throw new Error('no store') } })
  const { app, target } = await startProxy(t, { upstream: upstream.origin, credential: { session }, options: { replayBytes: 0 } })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const head = (length: number): string =>
    `POST ${target.path} HTTP/1.1\r\nHost: x\r\nx-forward-secret: ${target.secret}\r\nContent-Length: ${length}\r\n\r\n`
  let text = ''
  const seen = async (count: number): Promise<void> => {
    while (text.split('HTTP/1.1 503').length - 1 < count) text += String((await once(socket, 'data'))[0])
  }
  socket.write(head(600_000))
  socket.write(Buffer.alloc(1000))
  await seen(1)
  socket.write(Buffer.alloc(599_000))
  socket.write(`${head(2)}ab`)
  await seen(2)
  t.same(upstream.received, [])
  t.equal((await send(target.url)).status, 401, 'and the proxy lives on')
})

test('a body that preParsing hooks of the host changed is forwarded as changed', async t => {
  const upstream = await startUpstream(t)
  const { ask } = await startProxy(t, {
    upstream: upstream.origin,
    before: async app => {
      app.addHook('preParsing', async (_request, _reply, payload) => payload.pipe(new Transform({
        transform (chunk: Buffer, _encoding, done) { done(null, `${chunk.toString().toUpperCase()}!`) }
      })))
    }
  })
  for (const method of ['POST', 'GET']) {
    t.equal((await ask('', { method, body: 'abc', headers: ['content-type', 'text/plain'] })).status, 200)
    t.equal(upstream.received.at(-1)!.body.toString(), 'ABC!', method)
  }
})

for (const [what, credential, replayTimeoutMs] of [
  ['that is sent once anyway', { headers: { 'x-key': 'ours' } }, 10_000], ['that takes long', { session: createTestSession() }, 1]
] as const) {
  test(`a body ${what} goes on before its end (R51)`, async t => {
    const begun = createDeferred<void>()
    const upstream = await startUpstream(t, (_received, response, request) => {
      request.once('data', () => begun.resolve()).once('end', () => response.end('all of it'))
    }, { early: true })
    const { target } = await startProxy(t, { upstream: upstream.origin, credential, options: { replayTimeoutMs } })
    const outgoing = openRequest(target.url, { method: 'POST', headers: ['x-forward-secret', target.secret, 'transfer-encoding', 'chunked'] })
    outgoing.write('first')
    await begun.promise
    outgoing.end('last')
    t.equal((await readAnswer(await headOf(outgoing))).body.toString(), 'all of it')
  })
}

test('RFC 9112 7: a body with an unsupported transfer coding is refused, not forwarded undecoded [R41]', async t => {
  const upstream = await startUpstream(t)
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  const answer = await ask('', { method: 'POST', headers: ['Transfer-Encoding', 'gzip, chunked'] })
  t.same([answer.status, JSON.parse(answer.body.toString()).code], [501, 'FST_OAUTH_FORWARD_CODING_UNKNOWN'])
  t.same(upstream.received, [])
})

for (const head of ['HTTP/1.1 999 No\r\nContent-Length: 2\r\n\r\nok', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n']) {
  test(`a response that cannot be passed on is 502: ${head.split('\r\n', 2).join(', ')} (R53)`, async t => {
    const upstream = createServer(socket => { socket.on('error', () => {}).once('data', () => socket.end(head)) })
    t.teardown(() => upstream.close())
    await once(upstream.listen(0, '127.0.0.1'), 'listening')
    const { ask } = await startProxy(t, { upstream: `http://127.0.0.1:${(upstream.address() as { port: number }).port}` })
    const answer = await ask()
    t.same([answer.status, JSON.parse(answer.body.toString()).code], [502, 'FST_OAUTH_FORWARD_UPSTREAM_BROKEN'])
  })
}

test('a closing server completes pending requests, also an event stream that answers a POST', async t => {
  let end!: () => void
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
    end = () => { response.end('data: 2\n\n') }
  })
  const { app, target } = await startProxy(t, { upstream: upstream.origin, serverOptions: { forceCloseConnections: false } })
  const outgoing = openRequest(target.url, { method: 'POST', headers: ['x-forward-secret', target.secret] })
  outgoing.end()
  const incoming = await headOf(outgoing)
  const closing = app.close()
  setImmediate(() => end())
  t.equal((await readAnswer(incoming)).body.toString(), 'data: 1\n\ndata: 2\n\n')
  await closing
})

test('a closing server aborts an upstream that never stops sending, after closeTimeoutMs [R36]', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' }).write('{}\n')
  })
  const { app, target } = await startProxy(t, {
    upstream: upstream.origin, serverOptions: { forceCloseConnections: false }, options: { closeTimeoutMs: 1 }
  })
  const outgoing = openRequest(target.url, { headers: ['x-forward-secret', target.secret] })
  outgoing.end()
  // Until then it might be one that was not answered.
  const incoming = await headOf(outgoing)
  const read = readAnswer(incoming).catch((error: unknown) => error)
  await app.close()
  t.match(await read, { code: 'ECONNRESET' })
})

test('a closing server aborts a request to a silent upstream, after closeTimeoutMs [R36]', async t => {
  const asked = createDeferred<void>()
  const upstream = await startUpstream(t, () => { asked.resolve() })
  const { app, ask } = await startProxy(t, {
    upstream: upstream.origin, serverOptions: { forceCloseConnections: false }, options: { closeTimeoutMs: 1 }
  })
  const asking = ask()
  await asked.promise
  await app.close()
  t.equal((await asking).status, 503)
})

for (const [what, change] of [
  ['is taken away', (app: FastifyInstance) => app.forwardTargets.remove('projects')],
  ['is another\'s now', (app: FastifyInstance, upstream: string) => app.forwardTargets.register({
    name: 'projects', identity: 'user-2', upstream, credential: { session: createTestSession() }
  })]
] as const) {
  test(`the streams of a target that ${what} end, and what was not answered is 404 (R46)`, async t => {
    const asked = createDeferred<void>()
    const upstream = await startUpstream(t, ({ url }, response) => {
      if (url === '/silent') asked.resolve()
      else response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const { app, target, ask } = await startProxy(t, { upstream: upstream.origin })
    const outgoing = openRequest(target.url, { headers: ['x-forward-secret', target.secret] })
    outgoing.end()
    const incoming = await headOf(outgoing)
    const asking = ask('/silent')
    await asked.promise
    const ended = once(incoming.resume(), 'error')
    app.forwardTargets.register({ name: 'projects', identity: 'user-1', upstream: upstream.origin, credential: { session: createTestSession() } })
    t.notOk(incoming.destroyed, 'not so for another credential of the same')
    change(app, upstream.origin)
    t.match(await ended, [{ code: 'ECONNRESET' }])
    t.equal((await asking).status, 404)
  })
}
