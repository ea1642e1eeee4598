import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { createTestClock } from '../support/clock.ts'
import { bearer, createApp, resource } from '../support/app.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { accepted, answerOf, unavailable } from '../support/server.ts'

interface Assertions { teardown (close: () => unknown): unknown }

/** An issuer behind a real socket, as the built-in fetch sees it. */
async function listen (t: Assertions): Promise<{ server: Server, origin: string }> {
  const server = createServer()
  t.teardown(() => { server.closeAllConnections(); server.close() })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function setup (t: Assertions, listener: (issuer: FakeIssuer) => RequestListener, timeoutMs = 30_000) {
  const clock = createTestClock()
  const requests: string[] = []
  const { origin, server } = await listen(t)
  const issuer = await createFakeIssuer({ issuer: origin, clock })
  server.on('request', request => requests.push(request.url!))
  server.on('request', listener(issuer))
  const app = await createApp(t, { resource, authorizationServers: [origin], clock, discovery: { timeoutMs, maxBytes: 10_000 } })
  app.get('/', async () => 'ok')
  const get = async () => await app.inject({ url: '/', headers: bearer(await issuer.token()) })
  return { clock, get, requests }
}

/** The truth. */
const serve = (issuer: FakeIssuer): RequestListener => (request, response) => {
  const document = request.url === '/jwks'
    ? { keys: issuer.keys.map(key => key.publicJwk) }
    : { issuer: issuer.issuer, jwks_uri: issuer.jwksUri }
  response.setHeader('content-type', 'application/json').end(JSON.stringify(document))
}

const metadataPath = '/.well-known/oauth-authorization-server'

test('with the built-in fetch', async t => {
  const { get, requests } = await setup(t, serve)
  t.strictSame(answerOf(await get()), accepted)
  t.strictSame(requests, [metadataPath, '/jwks'])
})

test('what is sent to the issuer', async t => {
  const seen: Array<Record<string, unknown>> = []
  const { get } = await setup(t, issuer => (request, response) => {
    const { accept, cookie, authorization } = request.headers
    seen.push({ method: request.method, accept, cookie, authorization })
    response.setHeader('set-cookie', 'session=1')
    serve(issuer)(request, response)
  })
  t.strictSame(answerOf(await get()), accepted)
  t.strictSame(seen, Array(2).fill({ method: 'GET', accept: 'application/json', cookie: undefined, authorization: undefined }))
})

/** What no answer ends is ended by the limit alone. */
const untilTheLimit = new Set(['a body that dribbles has an end', 'a server that says nothing'])

const faults: Record<string, (issuer: FakeIssuer) => RequestListener> = {
  'redirects are not followed': issuer => (request, response) => {
    if (request.url === '/elsewhere') serve(issuer)(request, response)
    else response.writeHead(302, { location: '/elsewhere' }).end()
  },
  'a body that dribbles has an end': () => (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{')
  },
  'a body that is too large is not read': () => (_request, response) => {
    const more = (): void => { while (!response.destroyed && response.write(' '.repeat(1000))); }
    response.writeHead(200).on('drain', more)
    more()
  },
  'a compressed body is measured as what it becomes': () => (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(' '.repeat(1_000_000)))
  },
  'a connection that is cut': () => request => { request.socket.destroy() },
  'a server that says nothing': () => () => {},
  'a length that is a lie': () => (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{}')
    response.destroy()
  },
  'headers that are none': () => request => { request.socket.end('nonsense\r\n\r\n') }
}

for (const [title, listener] of Object.entries(faults)) {
  test(`${title}: 503`, async t => {
    const { get, requests } = await setup(t, listener, untilTheLimit.has(title) ? 200 : undefined)
    const response = await get()
    t.strictSame(answerOf(response), unavailable)
    t.equal(response.headers['retry-after'], '5')
    const places = [metadataPath, '/.well-known/openid-configuration']
    // A connection that was reset may have been an idle one: such a request is sent once more.
    t.strictSame(requests.filter((path, i) => path !== requests[i - 1]), places)
    t.ok(requests.length === 2 || (/cut|lie/.test(title) && requests.length === 4))
  })
}

test('an issuer that dies and comes back', async t => {
  let dead = false
  const { clock, get } = await setup(t, issuer => (request, response) => dead ? request.socket.destroy() : serve(issuer)(request, response))
  dead = true
  t.strictSame(answerOf(await get()), unavailable)
  dead = false
  clock.advance(5)
  t.strictSame(answerOf(await get()), accepted)
  dead = true
  clock.advance(600)
  t.strictSame(answerOf(await get()), accepted, 'the last good keys serve')
})
