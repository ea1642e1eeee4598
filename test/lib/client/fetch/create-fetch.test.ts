import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { inspect } from 'node:util'
import { test } from 'tap'
import type { Test } from 'tap'
import type { ClientFetch, ClientFetchOptions } from '../../../../lib/client/fetch/fetch-options.ts'
import { createFetch, refreshFailureOf, classificationOf } from '../../../../lib/client/fetch/create-fetch.ts'
import { AnswerError, RefreshError, RequestError } from '../../../../lib/errors/client-errors.ts'
import type { ProofOfPossession } from '../../../../lib/client/oauth/dpop.ts'
import { OptionError } from '../../../../lib/errors/errors.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'
import type { SessionFixture } from '../../../support/client-session.ts'
import { createSessionFixture, failureOf } from '../../../support/client-session.ts'
import { createDeferred } from '../../../support/deferred.ts'

const resource = 'https://api.example.com/v1'
const url = `${resource}/things`

interface Seen {
  readonly url: string
  readonly method: string
  readonly token: string | null
  readonly headers: Headers
  readonly body: string
}

type Reply = (seen: Seen, init: RequestInit) => Response | Promise<Response>

interface Fixture extends SessionFixture {
  readonly fetch: ClientFetch
  readonly seen: Seen[]
  readonly tokens: TokenSet
  /** What the next requests are answered with; after that, 200 to a live token and 401 to any other. */
  readonly replies: Reply[]
}

async function createFixture (options: Partial<ClientFetchOptions> & { given?: Partial<TokenSet>, signedIn?: boolean } = {}): Promise<Fixture> {
  const { given, signedIn = true, ...rest } = options
  const fixture = createSessionFixture({ attempts: 1 })
  const tokens = { ...fixture.server.grant(), ...given }
  if (signedIn) await fixture.session.signIn(tokens)
  const seen: Seen[] = []
  const replies: Reply[] = []
  const upstream: ClientFetch = async (input, init = {}) => {
    const request = new Request(input, init)
    const { method, headers } = request
    const one: Seen = { url: request.url, method, headers, token: headers.get('authorization'), body: await request.text() }
    seen.push(one)
    const reply = replies.shift()
    if (reply !== undefined) return await reply(one, init)
    return fixture.server.live.has(one.token?.split(' ')[1] ?? '') ? new Response('fine') : new Response('no', { status: 401 })
  }
  return { ...fixture, fetch: createFetch({ session: fixture.session, resource, fetch: upstream, wait: fixture.time.wait, ...rest }), seen, tokens, replies }
}

const answer = (status: number, headers: Record<string, string> = {}, body: unknown = { status }): Reply =>
  () => Response.json(body, { status, headers })
const dead = answer(401, { 'www-authenticate': 'Bearer error="invalid_token"' })

test('a successful request sends the token and causes no refresh [R1]', async t => {
  const { fetch, seen, server, tokens } = await createFixture()
  const response = await fetch(url, { headers: { authorization: 'Bearer somebody-elses', dpop: 'x', 'x-mine': '1' } })
  t.equal(await response.text(), 'fine')
  t.match(seen, [{ url, method: 'GET', token: `Bearer ${tokens.accessToken}` }])
  t.equal(seen[0]!.headers.get('x-mine'), '1')
  t.equal(seen[0]!.headers.get('dpop'), null)
  t.strictSame(server.presented, [])
  t.equal(refreshFailureOf(response), undefined)
})

test('a 401 causes one refresh and one repetition [R2]', async t => {
  const { fetch, seen, server, tokens } = await createFixture()
  server.live.delete(tokens.accessToken)
  const response = await fetch(url, { method: 'post', body: 'hello', headers: { 'content-type': 'text/x' } })
  t.equal(await response.text(), 'fine', 'its answer is the one')
  t.equal(seen.length, 2)
  t.not(seen[1]!.token, seen[0]!.token)
  t.match(seen[1], { method: 'POST', body: 'hello', url })
  t.equal(seen[1]!.headers.get('content-type'), 'text/x')
  t.equal(server.presented.length, 1)
})

test('a 403 with a code for an invalid token causes one refresh and one repetition [R3]', async t => {
  const { fetch, seen, server, replies } = await createFixture()
  replies.push(answer(403, {}, { code: 'authentication_failed' }))
  t.equal((await fetch(url)).status, 200)
  t.equal(seen.length, 2)
  t.equal(server.presented.length, 1)
})

test('responses that are not about the token are returned unchanged [R4 R5 R6 R7 R12 R15]', async t => {
  const cases: ReadonlyArray<readonly [string, Reply]> = [
    ['R4', answer(403, {}, { code: 'no' })],
    ['R5', answer(403, {}, { type: 'authentication_error', code: 'permission_denied' })],
    ['R6', answer(403, {}, { message: 'Authentication failed. Your token has expired.' })],
    ['R7 400', answer(400)],
    ['R7 404', answer(404)],
    ['R7 422', answer(422)],
    ['R12', () => new Response(null, { status: 302, headers: { location: 'https://elsewhere.example' } })],
    ['R15', answer(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' })]
  ]
  for (const errors of ['return', 'throw'] as const) {
    const { fetch, seen, server, replies } = await createFixture({ errors })
    for (const [name, reply] of cases) {
      replies.push(reply)
      const wanted = await reply({} as Seen, {})
      const got = await fetch(url, { redirect: 'manual' }).catch((error: unknown) => error as AnswerError)
      t.equal(got.status, wanted.status, name)
      t.equal(got instanceof AnswerError, errors === 'throw' && wanted.status >= 400, `${name} ${errors}`)
      if (got instanceof Response) t.equal(await got.text(), await wanted.text(), `${name} its body is intact`)
    }
    t.equal(seen.length, cases.length)
    t.strictSame(server.presented, [])
  }
})

test('a second 401 is returned [R8]', async t => {
  const { fetch, seen, server, replies, session } = await createFixture()
  replies.push(dead, dead)
  t.equal((await fetch(url)).status, 401)
  t.equal(seen.length, 2)
  t.equal(server.presented.length, 1)
  t.equal((await session.token()).accessToken, seen[1]!.token!.split(' ')[1], 'R30 other requests still send a token that was only just issued')

  const throwing = await createFixture({ errors: 'throw' })
  throwing.replies.push(answer(401, {}, { first: true }), answer(401, {}, { second: true }))
  t.match(await failureOf(throwing.fetch(url)), {
    name: 'AnswerError', status: 401, body: { second: true }, kind: 'invalid_token', first: { status: 401, body: { first: true } }, message: `GET ${url}: 401`
  })
  t.equal(throwing.seen.length, 2)
})

test('if the refresh fails, the first response is returned with the reason [R9]', async t => {
  const { fetch, seen, server } = await createFixture()
  server.live.clear()
  server.next.push(new RefreshError('over', { message: 'invalid_grant' }))
  const response = await fetch(url)
  t.equal(response.status, 401)
  t.equal(await response.text(), 'no', 'its body is intact')
  t.match(refreshFailureOf(response), { code: 'FST_OAUTH_SESSION_OVER', cause: { message: 'invalid_grant' } })
  t.equal(seen.length, 1)

  const throwing = await createFixture({ errors: 'throw' })
  throwing.server.next.push(new RefreshError('keep', { message: 'invalid_client' }))
  throwing.replies.push(answer(401, {}, { a: 1 }))
  t.match(await failureOf(throwing.fetch(url)), { name: 'AnswerError', status: 401, body: { a: 1 }, first: null, cause: { code: 'FST_OAUTH_SESSION_REFRESH_REFUSED' } })
})

test('classificationOf returns what a response says about the token', async t => {
  const { fetch, replies } = await createFixture()
  replies.push(answer(403, { 'www-authenticate': 'Bearer error="insufficient_scope", scope="write"' }))
  t.strictSame(classificationOf(await fetch(url)), { kind: 'insufficient_scope', scopes: ['write'] })
  t.strictSame(classificationOf(await fetch(url)), { kind: 'ok' })
  replies.push(dead, answer(403, {}, { code: 'permission_denied' }))
  t.strictSame(classificationOf(await fetch(url)), { kind: 'refused' }, 'of the last one')
  t.equal(classificationOf(await fetch('https://elsewhere.example')), undefined)
})

test('no response to the first attempt throws a RequestError [R10]', async t => {
  const { fetch, server, replies } = await createFixture()
  const cause = new TypeError('fetch failed')
  replies.push(() => { throw cause })
  const error = await failureOf(fetch(`${url}?api_key=secret#x`, { method: 'DELETE' }))
  t.ok(error instanceof RequestError && error instanceof TypeError)
  t.match(error, { method: 'DELETE', url, first: null, cause, message: `DELETE ${url}: no answer` })
  t.notMatch(inspect(error), 'secret')
  t.strictSame(server.presented, [])
})

test('no response to the second attempt throws a RequestError with the first one [R11]', async t => {
  const { fetch, replies, server } = await createFixture({ errors: 'throw' })
  replies.push(answer(401, {}, { gone: true }), () => { throw new TypeError('fetch failed') })
  const error = await failureOf(fetch(url))
  t.match(error, { name: 'RequestError', message: `GET ${url}: no answer, at the second attempt, after 401`, first: { status: 401, body: { gone: true } } })
  t.equal(server.presented.length, 1)
})

test('an error has the status as a number and the body as it was parsed (R13)', async t => {
  const { fetch, replies } = await createFixture({ errors: 'throw', inspectBytes: 30 })
  const bodies: ReadonlyArray<readonly [Reply, unknown]> = [
    [answer(404, {}, { code: 'gone' }), { code: 'gone' }],
    [() => new Response('{"a":', { status: 404, headers: { 'content-type': 'application/problem+json; charset=utf-8' } }), '{"a":'],
    [() => new Response('not here', { status: 404, headers: { 'content-type': 'text/plain' } }), 'not here'],
    [() => new Response('event: x', { status: 404, headers: { 'content-type': 'text/event-stream' } }), undefined],
    [() => new Response(null, { status: 404 }), undefined],
    [answer(404, {}, { long: 'x'.repeat(50) }), undefined]
  ]
  for (const [reply, body] of bodies) {
    replies.push(reply)
    const error = await failureOf(fetch(url)) as AnswerError
    t.strictSame([error.status, error.body, error.kind], [404, body, 'refused'])
  }
})

test('a challenge decides before a body is read (R14)', async t => {
  const { fetch, replies, server, seen } = await createFixture()
  const body = new ReadableStream({ pull () { /* it never comes */ } })
  replies.push(() => new Response(body, { status: 401, headers: { 'content-type': 'application/json', 'www-authenticate': 'Bearer error="invalid_token"' } }))
  t.equal((await fetch(url)).status, 200)
  t.equal(seen.length, 2)
  t.equal(server.presented.length, 1)
})

test('a body that does not end is not waited for, nor is one that breaks', async t => {
  const { fetch, replies, time } = await createFixture({ inspectTimeoutMs: 1234 })
  const hanging = new ReadableStream({ start (controller) { controller.enqueue(Buffer.from('{"code":"authentication_failed"')) } })
  replies.push(() => new Response(hanging, { status: 403, headers: { 'content-type': 'application/json' } }))
  const asked = fetch(url)
  ;(await time.of(1234)).end()
  const response = await asked
  t.equal(response.status, 403)
  const { value } = await response.body!.getReader().read()
  t.match(Buffer.from(value!).toString(), 'authentication_failed', 'what came of it is passed on')

  const broken = new ReadableStream({ start (controller) { controller.error(new Error('reset')) } })
  replies.push(() => new Response(broken, { status: 401, headers: { 'content-type': 'application/json' } }))
  t.equal((await fetch(url)).status, 200, 'the status says enough')
})

test('JSON-RPC: the code of an error object counts, the text of a result does not [R16 R17]', async t => {
  const { fetch, replies, seen, server } = await createFixture()
  const rpc = { jsonrpc: '2.0', id: 1 }
  replies.push(answer(200, {}, { ...rpc, error: { code: -32000, message: 'x', data: { code: 'authentication_failed' } } }))
  replies.push(answer(200, {}, { ...rpc, result: 'again' }))
  t.strictSame(await (await fetch(url, { method: 'POST', body: '{}' })).json(), { ...rpc, result: 'again' })
  t.equal(seen.length, 2)
  t.equal(server.presented.length, 1)

  const result = { ...rpc, result: { content: [{ type: 'text', text: 'authentication_failed' }] } }
  replies.push(answer(200, {}, result))
  t.strictSame(await (await fetch(url, { method: 'POST', body: '{}' })).json(), result)
  t.equal(seen.length, 3)

  replies.push(answer(200, {}, { ...rpc, error: { code: 'authentication_failed' } }))
  t.equal((await fetch(url)).status, 200, 'a GET is no call')
  t.equal(seen.length, 4)
})

test('configured sentences mark an invalid token [R18]', async t => {
  const { fetch, replies, seen } = await createFixture({ classifier: { sentences: ['Session ended'] } })
  const says = (status: number): Reply => () => new Response('Session ended', { status, headers: { 'content-type': 'text/html' } })
  replies.push(says(403))
  t.equal((await fetch(url)).status, 200)
  t.equal(seen.length, 2)
  replies.push(says(200))
  t.equal(await (await fetch(url, { method: 'POST', body: 'x' })).text(), 'Session ended')
  t.equal(seen.length, 3)
})

test('fifty simultaneous requests with an expired token: one refresh, and each gets its response [F65 R22 R23]', async t => {
  const { fetch, server, seen, tokens } = await createFixture()
  server.live.delete(tokens.accessToken)
  const answers = await Promise.all(Array.from({ length: 50 }, async () => await fetch(url)))
  t.ok(answers.every(({ status }) => status === 200))
  t.equal(server.presented.length, 1)
  t.equal(seen.length, 100)
})

test('one request refreshes once; a refresh before the first attempt counts [R19]', async t => {
  const { fetch, replies, server, seen, clock } = await createFixture()
  clock.advance(299)
  replies.push(dead)
  t.equal((await fetch(url)).status, 401)
  t.equal(server.presented.length, 1)
  t.equal(seen.length, 1)
  t.equal((await fetch(url)).status, 200, 'R30 other requests still send that token')
  t.equal(server.presented.length, 1)
})

test('responses have no time limit, and an event stream is returned as it arrives [R34 R35]', async t => {
  const { fetch, replies, time } = await createFixture()
  const stream = createDeferred<ReadableStreamDefaultController<Uint8Array>>()
  const body = new ReadableStream<Uint8Array>({ start: stream.resolve })
  replies.push(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
  const response = await fetch(url, { method: 'POST', body: '{}' })
  t.equal(response.status, 200, 'before its first byte')
  t.equal(time.pending.size, 0, 'no timer')
  const controller = await stream.promise
  controller.enqueue(Buffer.from('data: 1\n\n'))
  const reader = response.body!.getReader()
  t.equal(Buffer.from((await reader.read()).value!).toString(), 'data: 1\n\n')
  controller.close()
  t.ok((await reader.read()).done)
})

test('a long JSON response is returned unread [R50]', async t => {
  const { fetch, replies } = await createFixture({ inspectBytes: 10 })
  const long = JSON.stringify({ jsonrpc: '2.0', error: { code: 'authentication_failed' } })
  const chunks = (): Response => new Response(new Blob([long]).stream(), { headers: { 'content-type': 'application/json' } })
  replies.push(chunks)
  t.equal(await (await fetch(url, { method: 'POST', body: 'x' })).text(), long)
  replies.push(() => new Response(long, { headers: { 'content-type': 'application/json', 'content-length': String(long.length) } }))
  t.equal(await (await fetch(url, { method: 'POST', body: 'x' })).text(), long)
})

test('a streamed body is not sent again; the next request has a refreshed token [R51 RFSH-14]', async t => {
  const bodies: ReadonlyArray<() => unknown> = [
    () => new Blob(['x']).stream(), () => Readable.from([Buffer.from('x')])
  ]
  for (const body of bodies) {
    const { fetch, server, seen, tokens } = await createFixture()
    server.live.delete(tokens.accessToken)
    const response = await fetch(url, { method: 'PUT', body: body() as ReadableStream })
    t.equal(response.status, 401)
    t.equal(await response.text(), 'no', 'the first answer')
    t.equal(seen.length, 1)
    t.equal((await fetch(url)).status, 200)
    t.equal(server.presented.length, 1)
  }
  const { fetch, server } = await createFixture()
  server.live.clear()
  server.next.push(new Error('down'))
  t.equal((await fetch(url, { method: 'PUT', body: new Blob(['x']).stream() })).status, 401, 'also when that fails')
})

test('any body that is not a stream is sent again unchanged [R51]', async t => {
  const form = new FormData()
  form.set('a', '1')
  const bodies: ReadonlyArray<readonly [unknown, RegExp]> = [
    ['text', /^text$/],
    [new URLSearchParams({ a: '1' }), /^a=1$/],
    [form, /name="a"\r\n\r\n1\r\n/],
    [new Blob(['blob']), /^blob$/],
    [new TextEncoder().encode('bytes'), /^bytes$/],
    [new TextEncoder().encode('buffer').buffer, /^buffer$/],
    [undefined, /^$/]
  ]
  for (const [body, wanted] of bodies) {
    const { fetch, seen, server, tokens } = await createFixture()
    server.live.delete(tokens.accessToken)
    t.equal((await fetch(url, { method: 'POST', ...body !== undefined && { body: body as string } })).status, 200)
    t.match(seen[0]!.body, wanted)
    t.match(seen[1]!.body, wanted)
  }
})

test('it takes a URL, a Request, and a Request with other settings', async t => {
  const { fetch, seen, server, tokens } = await createFixture({ replayBytes: 20 })
  await fetch(new URL(url))
  await fetch(new Request(url, { method: 'PATCH', headers: { 'x-a': '1' }, body: 'small' }))
  await fetch(new Request(url, { method: 'POST', headers: { 'x-a': '1' }, body: 'small' }), { headers: { 'x-b': '2' }, method: 'put', body: 'other' })
  t.match(seen, [
    { url, method: 'GET' },
    { method: 'PATCH', body: 'small', headers: { get: Function } },
    { method: 'PUT', body: 'other' }
  ])
  t.equal(seen[1]!.headers.get('x-a'), '1')
  t.match(seen[1]!.headers.get('content-type'), 'text/plain')
  t.strictSame([seen[2]!.headers.get('x-a'), seen[2]!.headers.get('x-b')], [null, '2'])

  server.live.delete(tokens.accessToken)
  t.equal((await fetch(new Request(url, { method: 'POST', body: 'again' }))).status, 200)
  t.equal(seen.at(-1)!.body, 'again', 'it is sent again')

  server.live.clear()
  const long = 'x'.repeat(100)
  const referrer = new Request(url, { method: 'POST', body: new Blob([long.slice(50), long.slice(50)]).stream(), duplex: 'half', referrer: 'https://api.example.com/page' })
  t.equal((await fetch(referrer)).status, 401, 'one that is longer than what is kept is not')
  t.equal(seen.at(-1)!.body, long, 'and is sent whole')
})

test('a long body that is given up is given up', async t => {
  const cancelled = createDeferred<unknown>()
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    pull (controller) {
      controller.enqueue(new Uint8Array(10))
      sent += 10
    },
    cancel: cancelled.resolve
  }, { highWaterMark: 0 })
  const { session } = await createFixture()
  const fetch = createFetch({
    session,
    resource,
    replayBytes: 15,
    fetch: async (_input, init) => {
      const reader = (init!.body as ReadableStream<Uint8Array>).getReader()
      for (let i = 0; i < 4; i++) await reader.read()
      await reader.cancel('enough')
      return new Response()
    }
  })
  await fetch(new Request(url, { method: 'POST', body, duplex: 'half' }))
  t.equal(await cancelled.promise, 'enough')
  t.ok(sent < 100)
})

test('an aborted call ends at once, and the refresh continues for other callers', async t => {
  const { fetch, server, tokens, seen } = await createFixture()
  server.live.delete(tokens.accessToken)
  const going = createDeferred<void>()
  const asked = createDeferred<void>()
  server.next.push(() => {
    asked.resolve()
    return going.promise
  })
  const caller = new AbortController()
  const reason = new Error('enough')
  const [impatient, patient] = [failureOf(fetch(url, { signal: caller.signal })), fetch(url)]
  await asked.promise
  caller.abort(reason)
  t.equal(await impatient, reason)
  going.resolve()
  t.equal((await patient).status, 200)
  t.equal(server.presented.length, 1)
  t.equal(seen.length, 3)

  t.equal(await failureOf(fetch(url, { signal: AbortSignal.abort(reason) })), reason, 'before anything is sent')
  t.equal(seen.length, 3)
})

test('a call that is aborted while its request is pending throws the reason', async t => {
  const { fetch, replies } = await createFixture()
  const caller = new AbortController()
  const reason = new Error('enough')
  replies.push(() => {
    caller.abort(reason)
    throw reason
  })
  t.equal(await failureOf(fetch(url, { signal: caller.signal })), reason)
})

test('the token is sent only to URLs of its resource [MCPC-16 MCPC-17]', async t => {
  const { fetch, seen } = await createFixture({ resource: [resource, 'https://other.example.com/'] })
  const asked = async (where: string): Promise<boolean> => {
    await fetch(where)
    t.notMatch(seen.at(-1)!.url, /access-ann/, 'never in the URL')
    return seen.at(-1)!.token !== null
  }
  for (const where of [resource, `${resource}/`, `${resource}?a=1`, 'https://API.example.com:443/v1/x', 'https://other.example.com', 'https://other.example.com/x']) {
    t.ok(await asked(where), where)
  }
  for (const where of [
    'https://api.example.com/', 'https://api.example.com/v10', `${resource}/../v2`, `${resource}/%2e%2e/v2`, 'http://api.example.com/v1',
    'https://api.example.com:8443/v1', 'https://evil.example/v1', 'https://api.example.com.evil.example/v1', 'https://login.example.com/token'
  ]) t.notOk(await asked(where), where)
  await t.rejects(fetch('/relative'), TypeError, 'what is no URL is left to who makes the request')
})

test('a session without tokens: the request is not sent, or sent without a token', async t => {
  const { fetch, seen } = await createFixture({ signedIn: false })
  t.match(await failureOf(fetch(url)), { name: 'SessionError', code: 'FST_OAUTH_SESSION_NOT_SIGNED_IN' })
  t.equal(seen.length, 0)

  const anonymous = await createFixture({ signedIn: false, anonymous: true })
  anonymous.replies.push(answer(401, { 'www-authenticate': 'Bearer scope="read"' }))
  t.equal((await anonymous.fetch(url)).status, 401)
  t.equal(anonymous.seen[0]!.token, null)
  t.equal(anonymous.server.presented.length, 0)

  const store = await createFixture({ anonymous: true })
  store.server.live.clear()
  store.server.next.push(new Error('down'))
  t.equal((await store.fetch(url)).status, 401)
  const again = await store.fetch(url)
  t.match([again.status, refreshFailureOf(again)], [401, { code: 'FST_OAUTH_SESSION_REFRESH_UNAVAILABLE' }])
  t.ok(store.seen.every(({ token }) => token !== null), 'a session that is there is not left out')
})

test('what takes an authorization is the host\'s, and then made again, once (R15, RFSH-02, RFSH-10, RFSH-09)', async t => {
  const needs = [
    [403, 'Bearer error="insufficient_scope", scope="read write"', { kind: 'insufficient_scope', scopes: ['read', 'write'] }],
    [401, 'Bearer error="insufficient_user_authentication", max_age="5"', { kind: 'step_up', acrValues: [], maxAgeSeconds: 5, scopes: null }]
  ] as const
  for (const [status, challenge, need] of needs) {
    const asked: unknown[] = []
    const fixture: Fixture = await createFixture({
      async onAuthorizationNeeded (given, { method, url: where, response }) {
        asked.push([given, method, where, response.status])
        await fixture.session.signIn(fixture.server.grant())
        return true
      }
    })
    const { fetch, seen, replies, server } = fixture
    replies.push(answer(status, { 'www-authenticate': challenge }), answer(status, { 'www-authenticate': challenge }))
    t.equal((await fetch(`${url}?q=secret`, { method: 'POST', body: 'x' })).status, status, 'the second answer')
    t.strictSame(asked, [[need, 'POST', url, status]])
    t.equal(seen.length, 2)
    t.not(seen[0]!.token, seen[1]!.token)
    t.strictSame(server.presented, [], 'and never by a renewal')
  }

  const first: Fixture = await createFixture({
    signedIn: false,
    anonymous: true,
    onAuthorizationNeeded: async () => {
      await first.session.signIn(first.server.grant())
      return true
    }
  })
  t.equal((await first.fetch(url)).status, 200, 'RFSH-09 a first authorization')
})

test('a request that was made again after an authorization is not made a third time [R8]', async t => {
  const fixture: Fixture = await createFixture({
    async onAuthorizationNeeded () {
      await fixture.session.signIn(fixture.server.grant())
      return true
    }
  })
  const { fetch, seen, replies, server } = fixture
  replies.push(answer(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' }), dead)
  t.equal((await fetch(url)).status, 401)
  t.equal(seen.length, 2)
  t.strictSame(server.presented, [])
})

test('a request that was made again after a refresh is not made a third time, even if the session has newer tokens [R8]', async t => {
  const { fetch, seen, replies, session } = await createFixture()
  replies.push(dead, async one => {
    await session.refresh(one.token!.split(' ')[1]!)
    return await dead(one, {})
  })
  t.equal((await fetch(url)).status, 401)
  t.equal(seen.length, 2)
})

test('a host that does not, and one that fails', async t => {
  const insufficient = answer(403, { 'www-authenticate': 'Bearer error="insufficient_scope"' })
  const declined = await createFixture({ onAuthorizationNeeded: () => false })
  declined.replies.push(insufficient)
  t.equal((await declined.fetch(url)).status, 403)
  t.equal(declined.seen.length, 1)

  const error = new Error('no window')
  const failing = await createFixture({ onAuthorizationNeeded: () => { throw error } })
  failing.replies.push(insufficient)
  const response = await failing.fetch(url)
  t.equal(response.status, 403)
  t.equal(refreshFailureOf(response), error)

  const stream = await createFixture({ onAuthorizationNeeded: () => { throw error } })
  stream.replies.push(insufficient)
  t.equal(refreshFailureOf(await stream.fetch(url, { method: 'POST', body: new Blob(['x']).stream() })), undefined, 'it is not asked for nothing')
})

/** Proofs that show what they are for. */
function createProof (): ProofOfPossession & { readonly proofs: string[] } {
  const proofs: string[] = []
  let nonce: string | null = null
  return {
    proofs,
    async proofFor (method, where, accessToken) {
      proofs.push(`${proofs.length} ${method} ${where} ${accessToken} ${nonce}`)
      return proofs.at(-1)!
    },
    sawNonce (_where, seen) { nonce = seen }
  }
}

test('RFC 9449: a new proof for each attempt; a nonce causes one repetition and no refresh [RFSH-13 F68]', async t => {
  const proof = createProof()
  const { fetch, seen, replies, server, tokens } = await createFixture({ proof, given: { tokenType: 'DPoP' } })
  const nonce = (value: string): Reply => answer(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': value })
  replies.push(nonce('n1'))
  t.equal((await fetch(url)).status, 200)
  t.strictSame(seen.map(({ headers }) => headers.get('dpop')), [`0 GET ${url} ${tokens.accessToken} null`, `1 GET ${url} ${tokens.accessToken} n1`])
  t.ok(seen.every(({ token }) => token === `DPoP ${tokens.accessToken}`))
  t.strictSame(server.presented, [])

  replies.push(nonce('n2'), nonce('n3'))
  t.equal((await fetch(url)).status, 401, 'a resource that goes on asking is answered once')
  t.equal(seen.length, 4)

  replies.push(answer(200, { 'dpop-nonce': 'n4' }))
  await fetch(url)
  await fetch(url)
  t.match(seen.at(-1)!.headers.get('dpop'), / n4$/, 'a nonce of a good answer is for the next request')

  replies.push(nonce('n5'))
  t.equal((await fetch(url, { method: 'POST', body: new Blob(['x']).stream() })).status, 401, 'a stream is not sent again')
})

test('RFC 9449: a nonce and a refresh in one request [RFSH-13]', async t => {
  const session = createSessionFixture({ refresh: async tokens => ({ ...tokens, accessToken: 'new', refreshToken: 'r2' }) })
  await session.session.signIn({ accessToken: 'old', tokenType: 'DPoP', refreshToken: 'r1', expiresAt: null, scopes: null })
  for (const order of [['nonce', 'dead', 'fine'], ['dead', 'nonce', 'fine'], ['nonce', 'dead', 'nonce']]) {
    const sent: string[] = []
    const fetch = createFetch({
      session: { ...session.session, refresh: async () => await session.session.refresh('old'), refreshes: 0 },
      resource,
      proof: createProof(),
      fetch: async (_input, init) => {
        sent.push(new Headers(init!.headers).get('authorization')!)
        const what = order[sent.length - 1]
        if (what === 'fine') return new Response('fine')
        const challenge = what === 'nonce' ? 'DPoP error="use_dpop_nonce"' : 'DPoP error="invalid_token"'
        return new Response(null, { status: 401, headers: { 'www-authenticate': challenge, 'dpop-nonce': 'n' } })
      }
    })
    t.equal((await fetch(url)).status, order[2] === 'fine' ? 200 : 401, order.join())
    t.equal(sent.length, 3)
  }
})

test('a bound token is not sent without a proof, nor a nonce answered for a bearer token', async t => {
  const { fetch, seen } = await createFixture({ given: { tokenType: 'DPoP' } })
  t.match(await failureOf(fetch(url)), { code: 'FST_OAUTH_SESSION_PROOF_MISSING' })
  t.equal(seen.length, 0)

  const bearer = await createFixture({ proof: createProof() })
  bearer.replies.push(answer(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n' }))
  t.equal((await bearer.fetch(url)).status, 401)
  t.equal(bearer.seen.length, 1)
  t.equal(bearer.seen[0]!.headers.get('dpop'), null)

  const anonymous = await createFixture({ proof: createProof(), anonymous: true, signedIn: false })
  anonymous.replies.push(answer(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"', 'dpop-nonce': 'n' }))
  t.equal((await anonymous.fetch(url)).status, 401, 'nor without a token')
  t.equal(anonymous.seen.length, 1)
})

test('a response body that repeats the token does not bring it into an error [R54 RFSH-16]', async t => {
  const { fetch, replies, tokens } = await createFixture({ errors: 'throw' })
  replies.push(answer(400, {}, { message: `what is ${tokens.accessToken}?`, deep: [{ tokens }] }))
  const error = await failureOf(fetch(url)) as AnswerError
  t.match(error.body, { message: 'what is ***?' })
  t.notMatch(inspect(error, { depth: 10 }), tokens.accessToken)
})

test('no thrown error contains a token [R54]', async t => {
  for (const outcome of ['over', 'keep', 'retry'] as const) {
    const { fetch, server, tokens } = await createFixture({ errors: 'throw' })
    server.live.clear()
    server.next.push(new RefreshError(outcome, { message: 'x' }))
    const shown = inspect(await failureOf(fetch(url)), { depth: 10, showHidden: true })
    t.match(shown, 'AnswerError')
    t.notMatch(shown, tokens.accessToken)
    t.notMatch(shown, tokens.refreshToken!)
  }
})

async function listen (t: Test, handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handler)
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('a redirect to another origin gets no token, and its response is not about the token [MCPC-17]', async t => {
  const elsewhere: IncomingMessage[] = []
  const stranger = await listen(t, (request, response) => {
    elsewhere.push(request)
    if (request.url === '/fine') response.end('fine')
    else response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
  })
  const asked: Array<string | undefined> = []
  const api = await listen(t, (request, response) => {
    asked.push(request.headers.authorization)
    if (request.url === '/away') response.writeHead(302, { location: `${stranger}/there` }).end()
    else if (request.url === '/json') response.writeHead(404, { 'content-type': 'application/json' }).end('{"a":1}')
    else if (request.url === '/fine') response.writeHead(302, { location: `${stranger}/fine` }).end()
    else if (request.url === '/moved') response.writeHead(303, { location: '/dead' }).end()
    else response.writeHead(401).end()
  })
  const { session, server } = createSessionFixture()
  await session.signIn(server.grant())
  const fetch = createFetch({ session, resource: api })
  const throwing = createFetch({ session, resource: api, errors: 'throw' })

  const strange = await fetch(`${api}/away`)
  t.equal(strange.status, 401)
  t.strictSame(classificationOf(strange), { kind: 'refused' })
  t.match(await failureOf(throwing(`${api}/json`)), { body: { a: 1 } }, 'with the defaults, too')
  t.match(await failureOf(throwing(`${api}/away`)), { kind: 'refused', status: 401 })
  t.equal(await (await fetch(`${api}/fine`, { method: 'POST' })).text(), 'fine')
  t.equal(elsewhere.length, 3)
  t.ok(elsewhere.every(({ headers }) => headers.authorization === undefined))
  t.strictSame(server.presented, [])

  t.equal((await fetch(`${api}/away`, { redirect: 'manual' })).status, 302, 'R12')
  await t.rejects(fetch(`${api}/away`, { redirect: 'error' }), RequestError)

  asked.length = 0
  t.equal((await fetch(`${api}/moved`, { method: 'POST', body: 'x' })).status, 401)
  t.equal(asked.length, 2, 'what was carried out is not carried out again')
  asked.length = 0
  const other = createSessionFixture()
  await other.session.signIn(other.server.grant())
  t.equal((await createFetch({ session: other.session, resource: api })(`${api}/moved`)).status, 401)
  t.equal(asked.length, 4, 'a GET is made again')
})

interface Hop { readonly url: string, readonly method: string, readonly token: string | null, readonly proof: string | null }

test('a redirect sends the token only to URLs that the resource covers [MCPC-16 MCPC-17]', async t => {
  const hops: Hop[] = []
  const origins: Record<string, string> = {}
  const serve = (name: string): Promise<string> => listen(t, ({ url: path, method, headers }, response) => {
    hops.push({ url: `${name}${path}`, method: method!, token: headers.authorization ?? null, proof: headers.dpop as string ?? null })
    const locations: Record<string, string> = {
      '/a/inside': '/a/x', '/a/neighbour': '/b/steal', '/a/away': `${origins.other}/z`, '/a/and-back': `${origins.other}/back`, '/back': `${origins.api}/a/x`
    }
    const location = locations[path!]
    if (location === undefined) response.writeHead(path === '/b/steal' ? 401 : 200, { 'dpop-nonce': `${name}${path}` }).end()
    else response.writeHead(302, { location }).end()
  })
  origins.api = await serve('api')
  origins.other = await serve('other')
  const proof = createProof()
  const { session, server } = createSessionFixture()
  await session.signIn({ ...server.grant(), tokenType: 'DPoP' })
  const { accessToken } = await session.token()
  const fetch = createFetch({ session, resource: `${origins.api}/a`, proof })
  const proofs = (): Array<string | undefined> => hops.map(hop => hop.proof?.split(' ').slice(1, 4).join(' '))

  const inside = await fetch(`${origins.api}/a/inside`)
  t.ok(inside.redirected)
  t.equal(inside.url, `${origins.api}/a/x`)
  t.strictSame(proofs(), [`GET ${origins.api}/a/inside ${accessToken}`, `GET ${origins.api}/a/x ${accessToken}`], 'a fresh proof for each')

  for (const [path, last] of [['neighbour', 'api/b/steal'], ['away', 'other/z'], ['and-back', 'api/a/x']] as const) {
    hops.length = 0
    const response = await fetch(`${origins.api}/a/${path}`)
    t.equal(hops.at(-1)!.url, last)
    for (const { token, proof: sent } of hops.slice(1)) t.strictSame([token, sent], [null, null], path)
    t.equal(classificationOf(response)!.kind, response.status === 401 ? 'refused' : 'ok', 'what they say is not about the token')
  }
  t.strictSame(server.presented, [])
  await fetch(`${origins.api}/a/x`)
  t.match(hops.at(-1)!.proof, / api\/a\/x$/, 'nor is their nonce for proofs')
})

test('a redirect that cannot be followed throws a RequestError [R12]', async t => {
  const { fetch, replies } = await createFixture()
  replies.push(answer(302, { location: 'file:///etc/passwd' }))
  t.match(await failureOf(fetch(url)), { name: 'RequestError', cause: { message: 'redirected to a URL that is not http or https' } })
})

test('a token that the request had renewed itself, and that was replaced meanwhile, is no reason to give up (R22)', async t => {
  const { fetch, replies, server, seen, clock, session } = await createFixture()
  clock.advance(299)
  replies.push(async () => {
    // Another request found it dead, too.
    await session.refresh(seen[0]!.token!.split(' ')[1]!)
    return await dead(seen[0]!, {})
  })
  t.equal((await fetch(url)).status, 200)
  t.equal(seen.length, 2)
  t.equal(server.presented.length, 2, 'and it costs no renewal')

  clock.advance(299)
  replies.push(async () => {
    await session.refresh(seen[2]!.token!.split(' ')[1]!)
    return await dead(seen[2]!, {})
  })
  t.equal((await fetch(url, { method: 'POST', body: new Blob(['x']).stream() })).status, 401, 'a stream is not sent again')
  t.equal(seen.length, 3)
})

test('a request whose session was replaced meanwhile is not sent without a token', async t => {
  const { session, server, clock } = createSessionFixture()
  await session.signIn(server.grant())
  clock.advance(301)
  const going = createDeferred<void>()
  const asked = createDeferred<void>()
  server.next.push(() => {
    asked.resolve()
    return going.promise
  })
  const sent: unknown[] = []
  const fetch = createFetch({
    session,
    resource,
    anonymous: true,
    fetch: async input => {
      sent.push(input)
      return new Response()
    }
  })
  const request = failureOf(fetch(url))
  await asked.promise
  await session.signIn(server.grant('bob'))
  going.resolve()
  t.match(await request, { code: 'FST_OAUTH_SESSION_SUPERSEDED', needsAuthorization: false })
  t.strictSame(sent, [])
})

test('a call that is aborted while the body of a Request is read throws the reason', async t => {
  const { fetch, seen } = await createFixture()
  const caller = new AbortController()
  const cancelled = createDeferred<unknown>()
  const reading = createDeferred<void>()
  let pulls = 0
  const body = new ReadableStream<Uint8Array>({
    pull (controller) {
      if (++pulls === 1) controller.enqueue(new Uint8Array(5))
      else reading.resolve()
    },
    cancel: cancelled.resolve
  }, { highWaterMark: 0 })
  const reason = new Error('enough')
  const stalled = failureOf(fetch(new Request(url, { method: 'POST', body, duplex: 'half', signal: caller.signal })))
  await reading.promise
  caller.abort(reason)
  t.equal(await stalled, reason)
  t.equal(await cancelled.promise, reason)

  const untouched = new Request(url, { method: 'POST', body: new ReadableStream({}), duplex: 'half' })
  t.equal(await failureOf(fetch(untouched, { signal: AbortSignal.abort(reason) })), reason)
  t.strictSame(seen, [])
})

test('options that cannot be', t => {
  const { session } = createSessionFixture()
  const most = 2 ** 31
  const limits = [{ inspectBytes: most }, { replayBytes: most }, { inspectTimeoutMs: most }, { inspectTimeoutMs: 0 }, { replayBytes: -1 }]
  const parts = (['token', 'refresh', 'refuse'] as const).map(name => ({ session: { token () {}, refresh () {}, refuse () {}, [name]: undefined } }))
  for (const wrong of [...limits, ...parts, { resource: [] }, { resource: 'api' }, { resource: 'http://api.example.com' }, { errors: 'x' }, { classifier: { words: [] } }, { inspectBytes: -1 }, { timeoutMs: 1 }]) {
    t.throws(() => createFetch({ session, resource, ...wrong } as never), OptionError, JSON.stringify(wrong))
  }
  t.throws(() => createFetch({ session, resource: 'http://api.example.com' }),
    { message: 'resource must be https; http is allowed for loopback hosts only, got "http://api.example.com"' })
  t.ok(createFetch({ session, resource, inspectBytes: most - 1, replayBytes: 0, inspectTimeoutMs: 1 }))
  t.end()
})
