import { test } from 'tap'
import type { FetchError } from '../../../lib/errors/fetch-error.ts'
import type { Fetch, FetchLimits } from '../../../lib/http/limited-fetch.ts'
import { withDeadline } from '../../../lib/http/limited-fetch.ts'
import { fetchJson } from '../../../lib/http/fetch-json.ts'
import { createDeferred } from '../../support/deferred.ts'

const url = 'https://login.example.com/jwks'
const limits = { timeoutMs: 5000, maxBytes: 1000 }
const answering = (response: unknown): Fetch => async () => response as Response
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A body that says when nobody wants the rest of it. */
function watchedBody (pull: (controller: ReadableStreamDefaultController<Uint8Array>) => void | Promise<void>) {
  const { promise: cancelled, resolve } = createDeferred<void>()
  return { cancelled, body: new ReadableStream<Uint8Array>({ pull, cancel () { resolve() } }, { highWaterMark: 0 }) }
}

async function faultOf (fetch: Fetch, given: FetchLimits = limits): Promise<string> {
  try {
    await fetchJson(url, fetch, given)
    return 'none'
  } catch (error) {
    const { name, fault, status, url: asked, message } = error as FetchError
    if (name !== 'FetchError' || asked !== url) throw error
    if (!message.startsWith(`${url}: ${fault}${status === null ? '' : ` (${status})`}`)) throw error
    return status === null ? fault : `${fault} ${status}`
  }
}

test('asks once, without credentials, and does not follow', async t => {
  const asked: Array<[string, RequestInit]> = []
  const { body } = await fetchJson(url, async (...call) => { asked.push(call); return Response.json({ keys: [] }) }, limits)
  t.strictSame(body, { keys: [] })
  t.equal(asked.length, 1)
  const [[to, { signal, ...init }]] = asked as [[string, RequestInit]]
  t.equal(to, url)
  t.strictSame(init, { method: 'GET', headers: { accept: 'application/json' }, redirect: 'manual', credentials: 'omit' })
  t.equal(signal?.aborted, false)
})

test('what the answer says about keeping it', async t => {
  const cases: Array<[string | null, number | null]> = [
    [null, null], ['', null], ['public', null], ['max-age=60', 60], ['public, max-age=60', 60], ['MAX-AGE=60', 60], ['max-age = 60', 60],
    ['max-age="60"', 60], ['max-age=0', 0], ['max-age=', null], ['max-age=-1', null], ['max-age=x', null], ['s-maxage=60', null],
    ['x-max-age=60', null], ['max-age=60, s-maxage=5', 60], ['no-store', 0], ['no-cache', 0], ['max-age=60, no-store', 0],
    ['No-Cache, max-age=60', 0], ['no-cacheable', null], ['max-age=99999999999999', 9999999999]
  ]
  for (const [cacheControl, expected] of cases) {
    const headers: Record<string, string> = cacheControl === null ? {} : { 'cache-control': cacheControl }
    const { maxAgeSeconds } = await fetchJson(url, answering(Response.json({}, { headers })), limits)
    t.equal(maxAgeSeconds, expected, String(cacheControl))
  }
})

test('answers that are of no use', async t => {
  const redirected = Response.json({})
  Object.defineProperty(redirected, 'redirected', { value: true })
  const opaque = { status: 0, type: 'opaqueredirect', body: null }
  const text = (body: string): Response => new Response(body)
  const cases: Record<string, [unknown, string]> = {
    404: [new Response('{}', { status: 404 }), 'status 404'],
    500: [new Response('{}', { status: 500 }), 'status 500'],
    201: [new Response('{}', { status: 201 }), 'status 201'],
    '204, without a body': [new Response(null, { status: 204 }), 'status 204'],
    301: [new Response(null, { status: 301, headers: { location: 'https://evil.example' } }), 'redirect 301'],
    307: [new Response('{}', { status: 307 }), 'redirect 307'],
    304: [new Response(null, { status: 304 }), 'redirect 304'],
    'a redirect that is not shown': [opaque, 'redirect 0'],
    'a redirect that was followed all the same': [redirected, 'redirect 200'],
    'no body': [new Response(null), 'not_json 200'],
    'an empty body': [text(''), 'not_json 200'],
    'a web page': [text('<html></html>'), 'not_json 200'],
    'half an object': [text('{"keys":['), 'not_json 200'],
    'a list': [text('[]'), 'not_json 200'],
    null: [text('null'), 'not_json 200'],
    'a string': [text('"{}"'), 'not_json 200'],
    'a number': [text('7'), 'not_json 200']
  }
  for (const [title, [response, fault]] of Object.entries(cases)) t.equal(await faultOf(answering(response)), fault, title)
})

test('a body has a limit, and the rest of it is not read', async t => {
  const fitting = JSON.stringify({ a: 'x'.repeat(limits.maxBytes - 8) })
  t.equal(fitting.length, limits.maxBytes)
  t.equal(await faultOf(answering(new Response(fitting))), 'none')
  t.equal(await faultOf(answering(new Response(`${fitting} `))), 'too_large 200')
  t.equal(await faultOf(answering(new Response('ü'.repeat(501)))), 'too_large 200', 'in bytes and not in characters')

  let pulled = 0
  const { body, cancelled } = watchedBody(controller => { pulled++; controller.enqueue(encode('x'.repeat(100))) })
  t.equal(await faultOf(answering(new Response(body))), 'too_large 200')
  await cancelled
  t.equal(pulled, 11)
})

test('the body of a refusal is not read either', async t => {
  const { body, cancelled } = watchedBody(() => { throw new Error('read') })
  t.equal(await faultOf(answering(new Response(body, { status: 500 }))), 'status 500')
  await cancelled
  const failing = new Response(new ReadableStream({ cancel () { throw new Error('cannot be cancelled') } }), { status: 500 })
  t.equal(await faultOf(answering(failing)), 'status 500')
})

test('a body in pieces, through the middle of a character', async t => {
  const bytes = encode('{"a":"ü€😀"}')
  const stream = new ReadableStream({
    start (controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
      controller.close()
    }
  })
  t.strictSame((await fetchJson(url, answering(new Response(stream)), limits)).body, { a: 'ü€😀' })
})

test('time is up', async t => {
  const soon = { ...limits, timeoutMs: 20 }
  await t.test('when no answer comes', async t => {
    let given: AbortSignal | null | undefined
    t.equal(await faultOf((_url, { signal }) => {
      given = signal
      return new Promise((_resolve, reject) => signal!.addEventListener('abort', () => reject(new Error('given up'))))
    }, soon), 'timeout')
    t.equal(given?.aborted, true)
  })
  await t.test('when no answer comes and nobody listens to the signal', async t => {
    t.equal(await faultOf(() => new Promise(() => {}), soon), 'timeout')
  })
  await t.test('when the body has no end', async t => {
    const { body } = watchedBody(() => new Promise(() => {}))
    t.equal(await faultOf(answering(new Response(body)), soon), 'timeout')
  })
  await t.test('when the answer comes too late: it is left alone', async t => {
    const { promise, resolve } = createDeferred<Response>()
    let pulled = 0
    const { body, cancelled } = watchedBody(controller => { pulled++; controller.enqueue(encode(' ')) })
    t.equal(await faultOf(() => promise, soon), 'timeout')
    resolve(new Response(body))
    await cancelled
    t.equal(pulled, 1)
  })
  await t.test('and it is not kept waiting for when the answer is there', async t => {
    const active = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
    const before = active()
    await fetchJson(url, answering(Response.json({})), limits)
    await faultOf(answering(new Response('')))
    t.equal(active(), before)
  })
})

test('a fetch of any kind', async t => {
  const odd: Record<string, [Fetch, string]> = {
    'that fails': [async () => { throw new TypeError('fetch failed') }, 'network'],
    'that throws at once': [() => { throw new TypeError('no') }, 'network'],
    'that rejects with no error': [() => new Promise((_resolve, reject) => { (reject as (reason: null) => void)(null) }), 'network'],
    'that throws the very kind of ours': [async () => await fetchJson(url, async () => new Response(''), limits) as never, 'not_json 200'],
    'that is no function': [undefined as unknown as Fetch, 'network'],
    'that gives nothing': [answering(undefined), 'network'],
    'that gives null': [answering(null), 'network'],
    'that gives text': [answering('{}'), 'status undefined'],
    'that gives an answer at once': [(() => Response.json({})) as unknown as Fetch, 'none'],
    'that gives an object of its own': [answering({ status: 200, body: [encode('{}')], headers: new Headers() }), 'none'],
    'that gives no headers': [answering({ status: 200, body: [encode('{}')] }), 'none'],
    'that gives a body of text': [answering({ status: 200, body: '{}', headers: new Headers() }), 'too_large 200'],
    'that gives a body of numbers': [answering({ status: 200, body: [1, 2], headers: new Headers() }), 'too_large 200'],
    'that gives a body that is none': [answering({ status: 200, body: 7, headers: new Headers() }), 'network'],
    'that gives a refusal that cannot be cancelled': [answering({ status: 500, body: {} }), 'network'],
    'that gives an answer twice read': [async () => { const response = Response.json({}); await response.text(); return response }, 'network'],
    'whose body breaks off': [answering(new Response(new ReadableStream({ pull (controller) { controller.error(new Error('reset')) } }))), 'network']
  }
  for (const [title, [fetch, fault]] of Object.entries(odd)) t.equal(await faultOf(fetch), fault, title)
})

/** Some libraries reject with what is no error. */
const rejecting = (cause: unknown): Fetch => async () => { throw cause }

test('a request that failed says why: every cause in its chain, with its code (A2)', async t => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' })
  const certificate = Object.assign(new Error('self-signed certificate'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  const cases: Array<[cause: unknown, message: string]> = [
    [new TypeError('fetch failed', { cause: certificate }), 'network: fetch failed: self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)'],
    [new TypeError('fetch failed', { cause: new AggregateError([refused, refused]) }),
      'network: fetch failed: connect ECONNREFUSED 127.0.0.1:9: connect ECONNREFUSED 127.0.0.1:9'],
    [new Error('a\nb\u202ec'), 'network: a b c'],
    [new Error('x'.repeat(300)), `network: ${'x'.repeat(200)}`],
    [Object.assign(new Error(''), { code: 'EAI_AGAIN' }), 'network: (EAI_AGAIN)'],
    [new Error(''), 'network'],
    ['text', 'network'], [undefined, 'network']
  ]
  for (const [cause, message] of cases) {
    await t.rejects(fetchJson(url, rejecting(cause), limits), { message: `${url}: ${message}` } as never)
  }
  const ring: Error & { cause?: unknown } = new Error('round')
  ring.cause = ring
  await t.rejects(fetchJson(url, async () => { throw ring }, limits), { message: `${url}: network${': round'.repeat(5)}` } as never)
})

test('a redirect says where it leads, followed or not (A3)', async t => {
  const followed = Response.json({})
  Object.defineProperty(followed, 'redirected', { value: true })
  const named = Response.json({})
  Object.defineProperty(named, 'redirected', { value: true })
  Object.defineProperty(named, 'url', { value: 'https://cdn.example.com/keys.json' })
  const cases: Array<[response: Response, location: string | null, message: string]> = [
    [new Response(null, { status: 302, headers: { location: '/cdn/keys.json' } }), '/cdn/keys.json', 'redirect (302) to /cdn/keys.json'],
    [new Response(null, { status: 302 }), null, 'redirect (302)'],
    [named, 'https://cdn.example.com/keys.json', 'redirect (200) to https://cdn.example.com/keys.json'],
    [followed, null, 'redirect (200)']
  ]
  for (const [response, location, message] of cases) {
    await t.rejects(fetchJson(url, answering(response), limits), { location, message: `${url}: ${message}` } as never)
  }
})

test('RFC 9110 9.2.2: a request whose connection was reset is sent once more, and no other', async t => {
  const reset = (code: string): Error => new TypeError('fetch failed', { cause: Object.assign(new Error('read'), { code }) })
  for (const [error, asked] of [
    [reset('ECONNRESET'), 2], [reset('EPIPE'), 2], [reset('UND_ERR_SOCKET'), 2], [reset('ECONNREFUSED'), 1], [new TypeError('fetch failed'), 1]
  ] as const) {
    let count = 0
    const fetch: Fetch = async () => {
      if (++count === 1) throw error
      return Response.json({ keys: [] })
    }
    const result = await fetchJson(url, fetch, limits).catch((failure: unknown) => failure)
    t.equal(count, asked, error.message)
    t.equal(result instanceof Error, asked === 1)
  }
})

test('requests of one look-up share one deadline (C2)', async t => {
  const within = withDeadline({ timeoutMs: 30, maxBytes: 1000 })
  t.equal(await faultOf(() => new Promise(() => {}), within), 'timeout')
  let asked = 0
  t.equal(await faultOf(async () => { asked++; return Response.json({}) }, within), 'timeout')
  t.equal(asked, 0, 'nothing is sent when the time is over')
  t.ok(withDeadline(within).deadline === within.deadline, 'a part of a look-up cannot prolong it')
})
