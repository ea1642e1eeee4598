import { once } from 'node:events'
import { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import type { Readable } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { test } from 'tap'
import { Agent } from 'undici'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { defaultResponseHeaders, forward } from '../../plugins/entry-points/forward.ts'
import { createTestSession, startProxy } from '../support/forward-proxy.ts'
import { headOf, openRequest, send } from '../support/http-request.ts'
import { rawRequest } from '../support/raw-request.ts'
import { startUpstream } from '../support/upstream.ts'

const json = { 'content-type': 'application/json' }
const codeOf = (body: Buffer): unknown => (JSON.parse(body.toString()) as { code: unknown }).code

test('the upstream gets the token of the target, and no credential or identity of the caller [F73 MCPS-14 MCPC-16]', async t => {
  const upstream = await startUpstream(t)
  const { target } = await startProxy(t, { upstream: upstream.origin })
  const answer = await send(target.url, {
    headers: ['Authorization', `Bearer ${target.secret}`, 'Proxy-Authorization', 'Basic eA==', 'Cookie', 'id=1', 'DPoP', 'proof']
  })
  t.equal(answer.status, 200)
  const [received] = upstream.received
  t.same(received!.all('authorization'), ['Bearer token-1'])
  for (const name of ['proxy-authorization', 'cookie', 'dpop']) t.same(received!.all(name), [], name)
  t.notOk(received!.url.includes('token'))
  t.notOk(JSON.stringify(received!.headers).includes(target.secret))
})

test('an unknown target id is 404 without a request to an upstream [R40]', async t => {
  const upstream = await startUpstream(t)
  const { origin, target } = await startProxy(t, { upstream: upstream.origin })
  for (const path of ['/forward/nobody', '/forward/nobody/tools', `/forward/${target.id}x`, '/forward/', '/forward']) {
    const answer = await send(`${origin}${path}`, { headers: ['x-forward-secret', target.secret] })
    t.equal(answer.status, 404, path)
  }
  t.same(upstream.received, [])
})

test('RFC 9110 7.6.1: hop-by-hop headers, caller credentials and the proxy secret are removed; application headers stay [R41]', async t => {
  const upstream = await startUpstream(t)
  const { ask, target } = await startProxy(t, { upstream: upstream.origin })
  await ask('', {
    method: 'POST',
    body: '{}',
    headers: [
      'Connection', 'keep-alive, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'timeout=5', 'TE', 'trailers', 'X-Custom', 'kept', 'Content-Type', 'application/json',
      'Mcp-Session-Id', 's-1', 'Last-Event-ID', '7', 'X-Forwarded-For', '1.2.3.4', 'X-Forwarded-Host', 'evil', 'Forwarded', 'for=1.2.3.4',
      'X-Real-IP', '1.2.3.4', 'X-Api-Key', 'theirs'
    ]
  })
  const [received] = upstream.received
  t.same(received!.all('x-custom'), ['kept'])
  t.same(received!.all('mcp-session-id'), ['s-1'])
  t.same(received!.all('last-event-id'), ['7'])
  t.same(received!.all('content-type'), ['application/json'])
  t.same(received!.all('content-length'), ['2'])
  t.same(received!.all('host'), [new URL(upstream.origin).host])
  t.same(received!.all('connection'), ['keep-alive'])
  for (const name of ['x-hop', 'keep-alive', 'te', 'x-forwarded-for', 'x-forwarded-host', 'forwarded', 'x-real-ip', 'x-api-key', 'x-forward-secret']) {
    t.same(received!.all(name), [], name)
  }
  t.notOk(JSON.stringify(received!.headers).includes(target.secret))
})

test('the request path is joined with one slash, and query and body are unchanged [R42]', async t => {
  const upstream = await startUpstream(t)
  const bytes = Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256))
  for (const [base, rest, expected] of [
    ['/mcp', '', '/mcp'], ['/mcp', '/', '/mcp/'], ['/mcp', '/tools?a=1&b=%20', '/mcp/tools?a=1&b=%20'], ['/mcp/', '/tools', '/mcp/tools'],
    ['/mcp/', '', '/mcp/'], ['', '/a%2Fb', '/a%2Fb'], ['', '', '/'], ['/mcp', '?q=1', '/mcp?q=1'], ['/mcp', '//evil.example/x', '/mcp/evil.example/x'],
    ['', '//evil.example/x', '/evil.example/x']
  ] as const) {
    const { ask, app } = await startProxy(t, { upstream: `${upstream.origin}${base}` })
    const { status } = await ask(rest, { method: 'PUT', body: bytes, headers: ['Content-Type', 'application/octet-stream'] })
    const received = upstream.received.pop()!
    t.same({ status, method: received.method, url: received.url }, { status: 200, method: 'PUT', url: expected }, `${base} ${rest}`)
    t.ok(received.body.equals(bytes), 'the same bytes')
    await app.close()
  }
})

test('every method but TRACE is forwarded, and a body without Content-Type [R42]', async t => {
  const upstream = await startUpstream(t)
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH', 'POST', 'PUT']) {
    const body = ['PATCH', 'POST', 'PUT', 'DELETE'].includes(method) ? 'text' : undefined
    const { status } = await ask('', { method, ...body === undefined ? {} : { body } })
    const received = upstream.received.at(-1)!
    t.same([status, received.method, received.body.toString()], [200, method, body ?? ''])
  }
  const { status } = await ask('', { method: 'TRACE' })
  t.equal(status, 404, 'but not the one that gives the credential back')
  t.equal(upstream.received.length, 7)
})

test('no request path leads outside the upstream path', async t => {
  const upstream = await startUpstream(t)
  const { app, target } = await startProxy(t, { upstream: `${upstream.origin}/mcp` })
  const { port } = app.server.address() as { port: number }
  const ask = async (url: string): Promise<{ status: number, body: string }> =>
    await rawRequest(port, `GET ${url} HTTP/1.1`, [['Host', 'x'], ['x-forward-secret', target.secret]])
  for (const suffix of [
    '/..', '/../admin', '/a/../../admin', '/%2e%2e/admin', '/.%2E/admin', '/%252e%252e/admin', '/..%2fadmin', '/..%5cadmin', '/..;/admin', '/.', '/%2e/x',
    '/\\evil.example/', '/a\\..\\b', '/%2525252525252525252525252e'
  ]) {
    const { status, body } = await ask(`${target.path}${suffix}`)
    t.equal(status, 400, suffix)
    t.equal(codeOf(Buffer.from(body)), 'FST_OAUTH_FORWARD_PATH_REFUSED', suffix)
  }
  t.same(upstream.received, [])
  const { status } = await ask(`http://evil.example${target.path}/tools?x=/../y`)
  t.equal(status, 200, 'the absolute form')
  t.same(upstream.received.map(({ url }) => url), ['/mcp/tools?x=/../y'], 'means the upstream of the target')
})

test('registered targets belong to one server: another one does not know them, and they are gone when it closes [R44]', async t => {
  const upstream = await startUpstream(t)
  const one = await startProxy(t, { upstream: upstream.origin })
  const other = await startProxy(t, { upstream: upstream.origin })
  const credential = { session: createTestSession() }
  const register = async (): Promise<string> => {
    await Promise.resolve()
    return one.app.forwardTargets.register({ name: 'second', upstream: upstream.origin, identity: 'user-1', credential }).id
  }
  const ids = await Promise.all(Array.from({ length: 10 }, register))
  t.equal(new Set(ids).size, 1, 'starts at the same time are one start')
  t.equal(one.app.forwardTargets.size, 2)
  t.equal((await send(`${other.origin}${one.target.path}`, { headers: ['x-forward-secret', one.target.secret] })).status, 404, 'unknown to another server')
  await one.app.close()
  t.equal(one.app.forwardTargets.size, 0, 'closing clears them')
  t.throws(() => one.app.forwardTargets.register({ name: 'late', upstream: upstream.origin, identity: 'user-1', credential }), { code: 'FST_OAUTH_FORWARD_CLOSED' })
  t.equal((await other.ask()).status, 200, 'the other server has its own')
})

test('a missing or wrong secret, or that of another target, is 401 without a request to the upstream [R45]', async t => {
  const upstream = await startUpstream(t)
  const { app, target } = await startProxy(t, { upstream: upstream.origin })
  const other = app.forwardTargets.register({
    name: 'other', upstream: upstream.origin, identity: 'user-2', credential: { session: createTestSession() }
  })
  for (const headers of [
    [], ['x-forward-secret', ''], ['x-forward-secret', 'wrong'], ['x-forward-secret', other.secret!], ['Authorization', `Bearer ${other.secret}`],
    ['Authorization', `Basic ${target.secret}`], ['x-forward-secret', target.secret, 'x-forward-secret', 'wrong'],
    ['x-forward-secret', 'wrong', 'Authorization', `Bearer ${target.secret}`]
  ]) {
    const answer = await send(target.url, { headers })
    t.same([answer.status, codeOf(answer.body), answer.all('www-authenticate')], [401, 'FST_OAUTH_FORWARD_SECRET_REFUSED', ['Bearer realm="forward"']], headers.join(' '))
  }
  t.same(upstream.received, [])
  t.equal((await send(target.url, { headers: ['authorization', `bearer ${target.secret}`] })).status, 200, 'as a Bearer token')
  t.equal((await send(target.url, { headers: ['X-Forward-Secret', target.secret] })).status, 200, 'in its own header')
})

test('registering the same upstream and identity keeps id and secret; changing either changes both [R46]', async t => {
  const upstream = await startUpstream(t)
  const { app, target, ask } = await startProxy(t, { upstream: upstream.origin })
  const { forwardTargets } = app
  const given = { name: 'projects', upstream: upstream.origin, identity: 'user-1', credential: { headers: { authorization: 'Bearer newer' } } }
  t.strictSame(forwardTargets.register(given), target)
  t.strictSame(forwardTargets.register({ ...given, upstream: `${upstream.origin}/` }), target, 'however it is written')
  await ask()
  t.same(upstream.received.at(-1)!.all('authorization'), ['Bearer newer'], 'the credential is the one that was given last')

  const moved = forwardTargets.register({ ...given, upstream: `${upstream.origin}/mcp` })
  t.not(moved.id, target.id)
  t.not(moved.secret, target.secret)
  t.equal((await ask()).status, 404, 'the old one is dead')
  const changed = forwardTargets.register({ ...given, upstream: `${upstream.origin}/mcp`, identity: 'user-2' })
  t.not(changed.secret, moved.secret)
  t.equal((await send(moved.url!, { headers: ['x-forward-secret', moved.secret!] })).status, 404)
  t.equal(forwardTargets.size, 1)
  t.ok(forwardTargets.remove('projects'))
  t.notOk(forwardTargets.remove('projects'))
  t.equal((await send(changed.url!, { headers: ['x-forward-secret', changed.secret!] })).status, 404)
})

test('a request for well-known metadata at the root is 404 without a secret [R47]', async t => {
  const upstream = await startUpstream(t)
  const { origin, target } = await startProxy(t, { upstream: upstream.origin })
  for (const document of ['oauth-protected-resource', 'oauth-authorization-server', 'openid-configuration']) {
    for (const path of [`/.well-known/${document}`, `/.well-known/${document}${target.path}`]) {
      t.equal((await send(`${origin}${path}`)).status, 404, path)
    }
  }
  t.same(upstream.received, [])
})

test('a 401 for a third-party credential is passed on unchanged, without a refresh [R48]', async t => {
  const challenge = 'Bearer resource_metadata="https://third.example/.well-known/oauth-protected-resource"'
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(401, { ...json, 'www-authenticate': [challenge, 'Basic realm="x"'] }).end('{"theirs":true}')
  })
  const { ask } = await startProxy(t, {
    upstream: upstream.origin, credential: { headers: { authorization: 'Bearer theirs' }, owner: 'caller' }
  })
  const answer = await ask()
  t.same([answer.status, answer.body.toString(), answer.all('www-authenticate')], [401, '{"theirs":true}', [challenge, 'Basic realm="x"']])
  t.equal(upstream.received.length, 1)
})

test('a malformed percent-encoding is 400, and the process continues [R49]', async t => {
  const upstream = await startUpstream(t)
  const { app, ask, target } = await startProxy(t, { upstream: upstream.origin })
  const { port } = app.server.address() as { port: number }
  for (const path of ['/forward/%', '/forward/%zz', '/forward/%E0%A4', `${target.path}/%`, '/forward/%c0%ae']) {
    t.equal((await rawRequest(port, `GET ${path} HTTP/1.1`, [['Host', 'x'], ['x-forward-secret', target.secret]])).status, 400, path)
  }
  t.same(upstream.received, [])
  t.equal((await ask()).status, 200)
})

test('repeated header lines stay separate in both directions [R52]', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, { 'set-cookie': ['a=1; Path=/', 'b=2'], 'x-many': ['1', '2'], link: ['<a>', '<b>'] }).end()
  })
  const { ask } = await startProxy(t, {
    upstream: upstream.origin, options: { responseHeaders: [...defaultResponseHeaders, 'set-cookie'] }
  })
  const answer = await ask('', { headers: ['X-Tag', 'one', 'Accept', 'text/plain', 'X-Tag', 'two', 'Accept', 'application/json'] })
  t.same(answer.all('set-cookie'), ['a=1; Path=/', 'b=2'])
  t.same(answer.all('x-many'), ['1', '2'])
  t.same(answer.all('link'), ['<a>', '<b>'])
  t.same(upstream.received[0]!.all('x-tag'), ['one', 'two'])
  t.same(upstream.received[0]!.all('accept'), ['text/plain', 'application/json'])
})

test('Set-Cookie and X-Accel headers of the upstream are not passed on by default', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, { 'set-cookie': 'a=1', 'x-accel-redirect': '/internal', 'x-sendfile': '/etc/passwd', 'alt-svc': 'h3=":443"', 'x-fine': 'yes' }).end()
  })
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  const answer = await ask()
  for (const name of ['set-cookie', 'x-accel-redirect', 'x-sendfile', 'alt-svc']) t.same(answer.all(name), [], name)
  t.same(answer.all('x-fine'), ['yes'])
})

test('status, headers and body of the upstream are passed on', async t => {
  const upstream = await startUpstream(t, ({ url }, response) => {
    const status = Number(url.slice(1))
    response.writeHead(status, status === 204 ? {} : { 'content-type': 'text/plain', 'content-length': '3', vary: 'accept' })
    response.end(status === 204 || status === 304 ? undefined : 'abc')
  })
  const { ask } = await startProxy(t, {
    upstream: upstream.origin,
    before: async app => {
      app.addHook('onRequest', async (_request, reply) => { reply.header('vary', 'origin') })
      app.addHook('onSend', async (_request, reply) => { reply.header('x-host', 'here') })
    }
  })
  for (const status of [200, 201, 204, 302, 304, 400, 403, 404, 409, 500, 503]) {
    const answer = await ask(`/${status}`)
    const hasBody = status !== 204 && status !== 304
    t.same([answer.status, answer.body.toString()], [status, hasBody ? 'abc' : ''])
    t.same(answer.all('x-host'), ['here'], 'hooks of the host have their say')
    if (hasBody) t.same([answer.all('content-type'), answer.all('content-length'), answer.all('vary')], [['text/plain'], ['3'], ['origin, accept']])
  }
  const head = await ask('/200', { method: 'HEAD' })
  t.same([head.status, head.all('content-length'), head.body.length], [200, ['3'], 0])
})

test('RFC 9110 10.2.2: a Location inside the upstream path leads through the proxy', async t => {
  let location = ''
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(307, { location }).end() })
  const { ask, target } = await startProxy(t, { upstream: `${upstream.origin}/mcp` })
  for (const [given, expected] of [
    [`${upstream.origin}/mcp/next?a=1#b`, `${target.path}/next?a=1#b`], ['next', `${target.path}/next`], ['/mcp', target.path],
    ['/elsewhere', `${upstream.origin}/elsewhere`], ['https://login.example.com/', 'https://login.example.com/'], ['/mcpx', `${upstream.origin}/mcpx`],
    ['http://[', 'http://[']
  ] as const) {
    location = given
    t.same((await ask('/here')).all('location'), [expected], given)
  }
})

test('a caller that disconnects aborts the request to the upstream [R36]', async t => {
  const upstream = await startUpstream(t, () => {})
  const { target } = await startProxy(t, { upstream: upstream.origin })
  const outgoing = openRequest(target.url, { headers: ['x-forward-secret', target.secret] })
  outgoing.on('error', () => {}).end()
  const closed = new Promise<void>(resolve => {
    upstream.respond((_received, response) => {
      response.once('close', resolve)
      outgoing.destroy()
    })
  })
  await closed
  t.equal(upstream.received.length, 1)
})

test('an upstream that disconnects in the middle of a body ends the connection of the caller [R53]', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' })
    response.write('begun', () => response.destroy())
  })
  const { ask, app } = await startProxy(t, { upstream: upstream.origin })
  await t.rejects(ask(), { code: 'ECONNRESET' })
  upstream.respond((_received, response) => { response.end('well') })
  t.equal((await ask()).body.toString(), 'well', 'and the proxy lives on')
  t.ok(app.server.listening)
})

test('the headers of an upstream that disconnects never go with another status, however long the hooks of the host take', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': '100', 'cache-control': 'public, max-age=600' }).flushHeaders()
  })
  const breaks: Record<string, (body: Readable, reply: FastifyReply) => Promise<void>> = {
    'before its body is piped': async body => {
      body.destroy(new Error('it broke off'))
      while (body.errored === null) await nextTurn()
    },
    'as its body is piped': async (body, reply) => {
      reply.raw.once('pipe', () => { body.destroy(new Error('it broke off')) })
    }
  }
  for (const [when, breakOff] of Object.entries(breaks)) {
    const { app, target } = await startProxy(t, {
      upstream: upstream.origin,
      async before (app) {
        app.addHook('onSend', async (_request, reply, payload) => {
          if (typeof payload === 'object' && payload !== null) await breakOff(payload as Readable, reply)
          // The error response passes the hook, too.
          for (let turn = 0; turn < 3; turn++) await nextTurn()
          return payload
        })
      }
    })
    const { port } = new URL(target.url)
    const answer = await rawRequest(Number(port), `GET ${target.path} HTTP/1.1`, [['host', 'localhost'], ['x-forward-secret', target.secret]])
    const fields = new Map(answer.headers)
    t.same([answer.status, fields.get('cache-control'), answer.body], [200, 'public, max-age=600', ''], when)
    t.ok(app.server.listening)
  }
})

test('an upstream that disconnects while its response is inspected is 502 [R53]', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(403, json)
    response.write('{"code":', () => response.destroy())
  })
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  const answer = await ask()
  t.same([answer.status, codeOf(answer.body)], [502, 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE'])
})

test('an upstream that cannot be reached or closes the connection is 502', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.destroy() })
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  const hungUp = await ask()
  t.same([hungUp.status, codeOf(hungUp.body)], [502, 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE'])
  upstream.close()
  const gone = await ask()
  t.same([gone.status, codeOf(gone.body)], [502, 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE'])
})

test('responseTimeoutMs limits the time until the response headers [R35]', async t => {
  const upstream = await startUpstream(t, () => {})
  const { ask } = await startProxy(t, { upstream: upstream.origin, options: { responseTimeoutMs: 1 } })
  const answer = await ask()
  t.same([answer.status, codeOf(answer.body)], [504, 'FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT'])
})

test('by default the response headers have no time limit, and the body never has one [R35]', async t => {
  const upstream = await startUpstream(t)
  for (const [options, headersTimeout] of [[{}, 0], [{ responseTimeoutMs: 60_000 }, 60_000]] as const) {
    const limits: unknown[] = []
    class Watched extends Agent {
      override dispatch (...[request, handler]: Parameters<Agent['dispatch']>): boolean {
        limits.push({ headersTimeout: request.headersTimeout, bodyTimeout: request.bodyTimeout })
        return super.dispatch(request, handler)
      }
    }
    const dispatcher = new Watched()
    t.teardown(() => dispatcher.destroy())
    const { ask } = await startProxy(t, { upstream: upstream.origin, options: { ...options, dispatcher } })
    t.equal((await ask()).status, 200)
    // Zero is none: without it, undici ends what is silent for five minutes.
    t.same(limits, [{ headersTimeout, bodyTimeout: 0 }])
  }
})

test('the headers of an event stream arrive before its first byte, and its bytes before its end [R43]', async t => {
  let response!: ServerResponse
  const upstream = await startUpstream(t, (_received, open) => {
    response = open
    open.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  })
  const { target } = await startProxy(t, { upstream: upstream.origin })
  const outgoing = openRequest(target.url, { headers: ['x-forward-secret', target.secret, 'accept', 'text/event-stream'] })
  outgoing.end()
  const incoming = await headOf(outgoing)
  t.equal(incoming.headers['content-type'], 'text/event-stream')
  t.equal(incoming.headers['x-accel-buffering'], 'no')
  const chunks = incoming[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    response.write(event)
    t.equal((await chunks.next()).value.toString(), event)
  }
  response.end()
  t.ok((await chunks.next()).done)
})

test('an error without a type stays without one, though its body is read', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(403).end('no') })
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  const { status, all, body } = await ask()
  t.same([status, all('content-type'), body.toString()], [403, [], 'no'])
})

test('headers leave together with the body that came with them', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.end('hello') })
  const { ask } = await startProxy(t, { upstream: upstream.origin })
  const flushed = t.capture(ServerResponse.prototype, 'flushHeaders')
  t.equal((await ask()).body.toString(), 'hello')
  t.same(flushed(), [], 'headers were never sent by themselves')
})

test('a closing server ends event streams and accepts none', async t => {
  const upstream = await startUpstream(t, (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
  })
  const { app, target } = await startProxy(t, { upstream: upstream.origin, serverOptions: { forceCloseConnections: false } })
  const outgoing = openRequest(target.url, { headers: ['x-forward-secret', target.secret] })
  outgoing.end()
  const incoming = await headOf(outgoing)
  const ended = once(incoming, 'error')
  incoming.resume()
  await app.close()
  t.match(await ended, [{ code: 'ECONNRESET' }])
})

test('a connection serves the next request after a body that was not read', async t => {
  const upstream = await startUpstream(t, (_received, response) => { response.writeHead(413).end('no') }, { early: true })
  const { app, target } = await startProxy(t, { upstream: upstream.origin, options: { replayBytes: 0 } })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const body = Buffer.alloc(300_000)
  const head = (method: string, length: number): string =>
    `${method} ${target.path} HTTP/1.1\r\nHost: x\r\nx-forward-secret: ${target.secret}\r\nContent-Length: ${length}\r\n\r\n`
  let text = ''
  const seen = async (count: number): Promise<void> => {
    while (text.split('HTTP/1.1 413').length - 1 < count) text += String((await once(socket, 'data'))[0])
  }
  socket.write(head('POST', body.length))
  socket.write(body.subarray(0, 1000))
  await seen(1)
  socket.write(body.subarray(1000))
  socket.write(head('POST', 2))
  socket.write('ab')
  await seen(2)
  t.pass()
})

test('the path of the targets and the secret header can be configured', async t => {
  const upstream = await startUpstream(t)
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(async scope => {
    await scope.register(forward, { path: '/to', secretHeader: 'X-Key-Of-Mine', baseUrl: 'https://proxy.example.com' })
    const target = scope.forwardTargets.register({
      name: 'a', identity: 'b', upstream: upstream.origin, credential: { headers: { 'x-api-key': 'ours' } }
    })
    t.equal(target.path, `/api/to/${target.id}`)
    t.equal(target.url, `https://proxy.example.com${target.path}`)
    scope.addHook('onReady', async () => { t.pass('ready') })
    app.decorate('target', target)
  }, { prefix: '/api' })
  const { path, secret } = (app as unknown as { target: { path: string, secret: string } }).target
  const answer = await app.inject({ url: `${path}/x`, headers: { 'x-key-of-mine': secret, 'x-api-key': 'caller\'s' } })
  t.equal(answer.statusCode, 200)
  t.same(upstream.received[0]!.all('x-api-key'), ['ours'])
  t.same(upstream.received[0]!.all('x-key-of-mine'), [])
  t.equal(upstream.received[0]!.url, '/x')
})

test('an event stream that starts while the server is closing is refused', async t => {
  let open!: () => void
  const asked = new Promise<void>(resolve => {
    open = resolve
  })
  let respond!: () => void
  const upstream = await startUpstream(t, (_received, response) => {
    respond = () => { response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders() }
    open()
  })
  const { app, ask } = await startProxy(t, { upstream: upstream.origin, serverOptions: { forceCloseConnections: false } })
  const asking = ask()
  await asked
  const closing = app.close()
  setImmediate(() => respond())
  const answer = await asking
  t.same([answer.status, codeOf(answer.body)], [503, 'FST_OAUTH_FORWARD_CLOSED'])
  await closing
})
