import { createServer } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'tap'
import type { Test } from 'tap'
import { FormData as UndiciFormData, fetch as undiciFetch } from 'undici'
import { createFetch, refreshFailureOf } from '../../../../lib/client/fetch/create-fetch.ts'
import type { ClientFetch, ClientFetchOptions } from '../../../../lib/client/fetch/fetch-options.ts'
import type { Session } from '../../../../lib/client/session/session.ts'
import { createSession } from '../../../../lib/client/session/session.ts'
import { RefreshError } from '../../../../lib/errors/client-errors.ts'
import { createMemoryTokenStore } from '../../../../lib/stores/tokens/token-store.ts'

const resource = 'https://api.example/v1'
const url = `${resource}/x`
const invalid = { 'www-authenticate': 'Bearer error="invalid_token"' }

async function signedIn (refresh: () => void = () => {}): Promise<Session> {
  let serial = 0
  const session = createSession({
    tokenStore: createMemoryTokenStore(),
    async refresh (tokens) {
      refresh()
      return { ...tokens, accessToken: `new-${++serial}` }
    }
  })
  await session.signIn({ accessToken: 'old', tokenType: 'Bearer', refreshToken: 'r', expiresAt: null, scopes: null })
  return session
}

const tokenOf = (init: RequestInit | undefined): string | null => new Headers(init!.headers).get('authorization')

async function open (fetch: (asked: string, init: RequestInit) => Promise<Response>, options: Partial<ClientFetchOptions> = {}): Promise<ClientFetch> {
  return createFetch({ session: await signedIn(), resource, fetch: async (input, init) => await fetch(input as string, init!), ...options })
}

async function serve (t: Test, answer: (request: IncomingMessage, body: string) => [number, Record<string, string>?]): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    response.writeHead(...answer(request, body)).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('RFC 9110 15.4.8: a 307 or 308 was not carried out, so an invalid token behind it is refreshed and the request repeated [F1]', async t => {
  for (const status of [307, 308]) {
    const carriedOut: string[] = []
    const origin = await serve(t, (request, body) => {
      if (request.url === '/mcp') return [status, { location: '/mcp/' }]
      if (request.headers.authorization !== 'Bearer new-1') return [401, invalid]
      carriedOut.push(`${request.method} ${body}`)
      return [200]
    })
    const fetch = createFetch({ session: await signedIn(), resource: `${origin}/mcp` })
    t.equal((await fetch(`${origin}/mcp`, { method: 'POST', body: 'order' })).status, 200)
    t.strictSame(carriedOut, ['POST order'])
  }
})

test('RFC 9110 15.4: a 301, 302 or 303 that turned a POST into a GET was carried out, so the request is not repeated [F1]', async t => {
  for (const status of [301, 302, 303]) {
    let orders = 0
    const origin = await serve(t, request => {
      if (request.url !== '/order') return [401, invalid]
      orders++
      return [status, { location: '/receipt' }]
    })
    const fetch = createFetch({ session: await signedIn(), resource: origin })
    t.equal((await fetch(`${origin}/order`, { method: 'POST', body: '1 pizza' })).status, 401)
    t.equal(orders, 1)
    t.equal((await createFetch({ session: await signedIn(), resource: origin })(`${origin}/order`)).status, 401)
    t.equal(orders, 3, 'a GET is')
  }
})

test('a fetch that follows redirects by itself may have turned a POST into a GET: the request is not repeated (R51)', async t => {
  for (const properties of [{ redirected: { value: true } }, { url: { value: `${resource}/elsewhere` } }] as PropertyDescriptorMap[]) {
    let sent = 0
    const fetch = await open(async () => {
      sent++
      return Object.defineProperties(new Response(null, { status: 401, headers: invalid }), properties)
    })
    t.equal((await fetch(url, { method: 'POST', body: 'x' })).status, 401)
    t.equal(sent, 1)
  }
})

test('a fetch that follows redirects by itself may repeat a GET or HEAD (R51)', async t => {
  for (const method of ['GET', 'HEAD']) {
    let sent = 0
    const fetch = await open(async () => {
      sent++
      return Object.defineProperty(new Response(null, { status: 401, headers: invalid }), 'redirected', { value: true })
    })
    t.equal((await fetch(url, { method })).status, 401)
    t.equal(sent, 2, method)
  }
})

test('one path that answers 401 does not take the session from requests to other paths [C3] (R30)', async t => {
  const live = new Set(['Bearer old'])
  let serial = 0
  const session = await signedIn(() => live.add(`Bearer new-${++serial}`))
  const fetch = createFetch({
    session, resource, fetch: async (input, init) => new Response(null, { status: !String(input).endsWith('/broken') && live.has(tokenOf(init)!) ? 200 : 401 })
  })
  for (let i = 0; i < 4; i++) {
    t.equal((await fetch(url)).status, 200)
    t.equal((await fetch(`${resource}/broken`)).status, 401)
  }
  t.equal(session.refreshes, 2)
  t.match(refreshFailureOf(await fetch(`${resource}/broken`)), { code: 'FST_OAUTH_SESSION_TOKEN_REJECTED' })
})

test('a session that cannot be refreshed any more asks for an authorization, and the request is made again [F3] (R28)', async t => {
  let isDead = true
  const session = await signedIn(() => { throw new RefreshError('keep', { message: 'refresh_token_not_found' }) })
  const needs: string[] = []
  const fetch = createFetch({
    session,
    resource,
    fetch: async () => new Response(null, { status: isDead ? 401 : 200 }),
    async onAuthorizationNeeded ({ kind }) {
      needs.push(kind)
      isDead = false
      await session.signIn({ accessToken: 'signed-in', tokenType: 'Bearer', refreshToken: 'r', expiresAt: null, scopes: null })
      return true
    }
  })
  const response = await fetch(url)
  t.equal(response.status, 200)
  t.equal(refreshFailureOf(response), undefined)
  t.strictSame(needs, ['authorization_needed'])
})

test('an authorization that another request got meanwhile is used (R15)', async t => {
  const session = await signedIn()
  let asked = 0
  const waiting: Array<() => void> = []
  const fetch = createFetch({
    session,
    resource,
    async fetch (_input, init) {
      if (tokenOf(init) !== 'Bearer old') return new Response()
      await new Promise<void>(resolve => { waiting.push(resolve) })
      return new Response(null, { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } })
    },
    async onAuthorizationNeeded () {
      asked++
      await session.signIn({ accessToken: 'wider', tokenType: 'Bearer', refreshToken: 'r', expiresAt: null, scopes: null })
      return true
    }
  })
  const [first, second] = [fetch(url), fetch(url)]
  await new Promise(resolve => { setImmediate(resolve) })
  waiting[0]!()
  t.equal((await first).status, 200)
  waiting[1]!()
  t.equal((await second).status, 200)
  t.equal(asked, 1)
})

test('FormData of the global fetch and of undici is sent again [F12] (R51)', async t => {
  const origin = await serve(t, request => [request.headers.authorization === 'Bearer new-1' ? 200 : 401])
  for (const [FormDataClass, fetch] of [[FormData, globalThis.fetch], [UndiciFormData, undiciFetch as unknown as ClientFetch]] as const) {
    const body = new FormDataClass() as FormData
    body.set('a', 'b')
    t.equal((await createFetch({ session: await signedIn(), resource: origin, fetch })(origin, { method: 'POST', body })).status, 200)
  }
})

test('an Authorization header of the caller goes neither with an anonymous request nor to another resource (MCPC-17)', async t => {
  const seen: Array<string | null> = []
  const answer = async (asked: string, init: RequestInit): Promise<Response> => {
    seen.push(tokenOf(init))
    return asked.endsWith('/go') ? new Response(null, { status: 302, headers: { location: '/elsewhere' } }) : new Response('ok')
  }
  const mine = { headers: { authorization: 'Bearer mine' } }
  await (await open(answer))(`${resource}/go`, mine)
  t.strictSame(seen, ['Bearer old', null])
  seen.length = 0
  const nobody = createSession({ tokenStore: createMemoryTokenStore(), refresh: async tokens => tokens })
  await createFetch({ session: nobody, resource, fetch: async (input, init) => await answer(input as string, init!), anonymous: true })(url, mine)
  t.strictSame(seen, [null])
})

test('a fetch that returns one Response object for several requests is served', async t => {
  const cached = new Response(null, { status: 204 })
  const fetch = await open(async () => cached)
  t.equal(await fetch(url), cached)
  t.equal(await fetch(url), cached)
  const refused = new Response(null, { status: 401, headers: invalid })
  const failing = createFetch({ session: await signedIn(() => { throw new RefreshError('keep', { message: 'no' }) }), resource, fetch: async () => refused })
  for (let i = 0; i < 2; i++) t.match(refreshFailureOf(await failing(url)), { code: 'FST_OAUTH_SESSION_REFRESH_REFUSED' })
})

test('the media type of a body is read in every spelling, and only JSON is parsed (R13)', async t => {
  const bodyOf = async (type: string, body = '{"a":1}', options: Partial<ClientFetchOptions> = {}): Promise<unknown> => {
    const fetch = await open(async () => new Response(body, { status: 400, headers: { 'content-type': type } }), { errors: 'throw', ...options })
    return await fetch(url).then(() => 'no error', (error: unknown) => (error as { body: unknown }).body)
  }
  for (const type of ['application/json', 'APPLICATION/JSON ; charset=utf-8', 'application/problem+json', 'application/vnd.x-1.y+json']) t.strictSame(await bodyOf(type), { a: 1 }, type)
  for (const type of ['text/plain', 'TEXT/html;x', 'text/event-streams']) t.equal(await bodyOf(type), '{"a":1}', type)
  for (const type of ['x-application/json', 'application/json5', 'application/+json', 'x-text/plain', 'text/event-stream', 'image/png']) t.equal(await bodyOf(type), undefined, type)
  t.strictSame(await bodyOf('application/json', '{"a":1}', { inspectBytes: 7 }), { a: 1 }, 'a body as long as the limit is read')
  t.equal(await bodyOf('application/json', '{"a":1}', { inspectBytes: 6 }), undefined)
})

test('the body of a first answer is cancelled: its connection is free (R2)', async t => {
  let isCancelled = false
  const fetch = await open(async (_asked, init) => tokenOf(init) === 'Bearer old'
    ? new Response(new ReadableStream({ cancel () { isCancelled = true } }), { status: 401, headers: invalid })
    : new Response('ok'))
  t.equal((await fetch(url)).status, 200)
  t.ok(isCancelled)
})

test('an answer from elsewhere, after a redirect that the fetch followed by itself, says nothing about the token (MCPC-17)', async t => {
  let sent = 0
  const fetch = await open(async () => {
    sent++
    return Object.defineProperties(new Response(null, { status: 401, headers: invalid }), { redirected: { value: true }, url: { value: 'https://elsewhere.example/' } })
  })
  t.equal((await fetch(url)).status, 401)
  t.equal(sent, 1)
})

test('what is read of a long body is bounded (R50)', async t => {
  let pulled = 0
  const fetch = await open(async () => new Response(new ReadableStream({
    pull (controller) {
      pulled++
      controller.enqueue(new Uint8Array(65_536))
    }
  }, { highWaterMark: 0 }), { headers: { 'content-type': 'application/json' } }))
  const reader = (await fetch(url, { method: 'POST', body: 'x' })).body!.getReader()
  for (let i = 0; i < 50; i++) await reader.read()
  await reader.cancel()
  const atCancel = pulled
  for (let i = 0; i < 50; i++) await new Promise(resolve => { setImmediate(resolve) })
  t.equal(pulled, atCancel)
  t.ok(pulled < 60, String(pulled))
})

test('a session without tokens after an authorization says so (R39)', async t => {
  const session = await signedIn()
  const fetch = createFetch({
    session,
    resource,
    fetch: async () => new Response('no', { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } }),
    async onAuthorizationNeeded () {
      await session.signOut()
      return true
    }
  })
  await t.rejects(fetch(url), { code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
})

test('a caller who gives up while the user signs in is let go', async t => {
  const controller = new AbortController()
  const reason = new Error('enough')
  const fetch = await open(async () => new Response('no', { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' } }), {
    async onAuthorizationNeeded () {
      controller.abort(reason)
      return await new Promise(() => {})
    }
  })
  await t.rejects(fetch(url, { signal: controller.signal }), reason)
})
