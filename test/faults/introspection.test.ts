import { test } from 'tap'
import { bearer, createApp, resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { addIntrospection, clientId, createIntrospectionServer, secret, signedType } from '../support/introspection.ts'
import type { Answer } from '../support/issuer.ts'
import { createFakeIssuer, never } from '../support/issuer.ts'
import { accepted, answerOf, invalidToken, unavailable } from '../support/server.ts'

const soon = { options: { discovery: { timeoutMs: 20, maxBytes: 10_000 } } }
const yes = { active: true, sub: 'user-1', aud: resource }

const unhandled: unknown[] = []
process.on('unhandledRejection', reason => { unhandled.push(reason) })

/** What an endpoint can do in place of an answer. */
const faults: Record<string, Answer> = {
  'answers 500': () => Response.json(yes, { status: 500 }),
  'answers 503': () => new Response('', { status: 503, headers: { 'retry-after': '3600' } }),
  'answers 404': () => new Response('', { status: 404 }),
  'answers 403': () => Response.json({ active: false }, { status: 403 }),
  'answers 429': () => new Response('', { status: 429 }),
  'answers 204': () => new Response(null, { status: 204 }),
  'does not know us': () => Response.json({ error: 'invalid_client' }, { status: 401 }),
  'challenges us': () => new Response('', { status: 401, headers: { 'www-authenticate': 'Basic realm="x", error="invalid_client"' } }),
  'challenges us in no grammar': () => new Response('', { status: 401, headers: { 'www-authenticate': '"=,' } }),
  'sends elsewhere': () => new Response(null, { status: 307, headers: { location: 'http://169.254.169.254/' } }),
  hangs: never,
  'hangs and does not listen': () => new Promise(() => {}),
  'hangs in the middle': () => new Response(new ReadableStream<Uint8Array>({ start (controller) { controller.enqueue(Uint8Array.of(0x7b)) } })),
  'never ends': () => new Response(new ReadableStream<Uint8Array>({ pull (controller) { controller.enqueue(new Uint8Array(1000).fill(0x20)) } })),
  'is huge': () => Response.json({ ...yes, x: 'x'.repeat(1_000_000) }),
  'breaks off': () => new Response('{"active":true'),
  'resets the connection': () => { throw new TypeError('fetch failed') },
  'rejects with nothing': async () => await (Promise.reject as (reason?: unknown) => Promise<never>).call(Promise),
  'sends garbage': () => new Response(Uint8Array.of(0xff, 0x00, 0xfe)),
  'sends nothing': () => new Response(''),
  'sends a web page': () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }),
  'sends a list': () => Response.json([yes]),
  'sends null': () => Response.json(null),
  'sends true': () => Response.json(true),
  'says yes and no': () => new Response(`{"active":false,${JSON.stringify(yes).slice(1)}`),
  'is nested beyond measure': () => new Response(`{"active":true,"x":${'['.repeat(4500)}${']'.repeat(4500)}}`),
  'sends a JWT that nobody asked for': () => new Response('e30.e30.', { headers: { 'content-type': signedType } }),
  'is no response at all': () => undefined as unknown as Response,
  'is a text': () => JSON.stringify(yes) as unknown as Response
}

for (const [title, answer] of Object.entries(faults)) {
  test(`introspection that ${title}: 503, and all is well afterwards`, async t => {
    const { clock, endpoint, get, handled, issuer, asked } = await createIntrospectionServer(t, {}, soon)
    const [token, other] = [endpoint.issue(), endpoint.issue()]
    endpoint.answer(answer)
    const response = await get(token)
    t.strictSame(answerOf(response), unavailable)
    t.equal(response.headers['retry-after'], '5')
    t.strictSame(answerOf(await get(other)), unavailable)
    t.strictSame(answerOf(await get(token)), unavailable)
    t.equal(asked(), 2, 'once for each token (C1)')
    t.strictSame(issuer.requests, [issuer.metadataUrl, endpoint.endpoint, endpoint.endpoint])
    t.strictSame(handled, [])

    endpoint.answer(null)
    clock.advance(5)
    t.strictSame(answerOf(await get(token)), accepted, 'without a restart')
    t.strictSame(answerOf(await get(other)), accepted)
    t.equal(asked(), 4)
  })
}

/** What is wrong with one question says nothing of the next. */
const refusals: Record<string, Answer> = {
  'calls the question bad': () => Response.json({ error: 'invalid_request' }, { status: 400 }),
  'refuses it without words': () => new Response('', { status: 400 }),
  'refuses it with a web page': () => new Response('<html>', { status: 400 })
}
for (const [title, answer] of Object.entries(refusals)) {
  test(`introspection that ${title}: 503 for that token, and others are served`, async t => {
    const { endpoint, get, asked, handled } = await createIntrospectionServer(t)
    const token = endpoint.issue()
    endpoint.answer(init => new URLSearchParams(init.body as URLSearchParams).get('token') === token ? Response.json(yes) : answer(init))
    for (let i = 0; i < 3; i++) t.strictSame(answerOf(await get('poison')), unavailable)
    t.strictSame(answerOf(await get(token)), accepted)
    t.equal(asked(), 4)
    t.equal(handled.length, 1)
  })
}

test('a token whose question hangs delays nobody else', async t => {
  const { endpoint, get } = await createIntrospectionServer(t, {}, { options: { discovery: { timeoutMs: 200 } } })
  const tokens = Array.from({ length: 10 }, () => endpoint.issue())
  endpoint.answer(init => {
    const members = endpoint.tokens.get(new URLSearchParams(init.body as URLSearchParams).get('token')!)
    return members === undefined ? never(init) : Response.json(members)
  })
  let isOver = false
  const poisoned = get('poison').finally(() => { isOver = true })
  for (const token of tokens.slice(0, 5)) t.strictSame(answerOf(await get(token)), accepted)
  t.equal(isOver, false)
  t.strictSame(answerOf(await poisoned), unavailable)
  for (const token of tokens.slice(5)) t.strictSame(answerOf(await get(token)), accepted, 'nor is the issuer taken for dead')
})

for (const [title, breakIt] of Object.entries({
  'is not there': () => new Response('', { status: 404 }),
  'names another issuer': () => Response.json({ issuer: 'https://evil.example', introspection_endpoint: 'https://evil.example/introspect' }),
  'has no introspection endpoint': () => Response.json({ issuer: 'https://login.example.com', jwks_uri: 'https://login.example.com/jwks' }),
  'has an endpoint on this machine': () => Response.json({ issuer: 'https://login.example.com', introspection_endpoint: 'https://127.0.0.1/' }),
  'has an endpoint in clear': () => Response.json({ issuer: 'https://login.example.com', introspection_endpoint: 'http://evil.example/' })
})) {
  test(`metadata that ${title}: no token leaves this server`, async t => {
    const { clock, endpoint, get, asked, issuer } = await createIntrospectionServer(t)
    const token = endpoint.issue()
    issuer.answer(issuer.metadataUrl, breakIt)
    for (let i = 0; i < 3; i++) t.strictSame(answerOf(await get(token)), unavailable)
    t.equal(issuer.requests.length, 2, 'both well-known places, once')
    t.notOk(issuer.requests.some(url => url.includes('evil') || url.includes('127.0.0.1')))
    issuer.answer(issuer.metadataUrl, () => Response.json({ issuer: issuer.issuer, introspection_endpoint: endpoint.endpoint }))
    clock.advance(5)
    t.strictSame(answerOf(await get(token)), accepted)
    t.equal(asked(), 1)
  })
}

test('a configured endpoint needs no metadata', async t => {
  const { endpoint, get, issuer } = await createIntrospectionServer(t, { endpoint: 'https://login.example.com/introspect' })
  t.strictSame(answerOf(await get(endpoint.issue())), accepted)
  t.strictSame(issuer.requests, [endpoint.endpoint])
})

test('a hundred first requests at once', async t => {
  const { endpoint, get, issuer, asked } = await createIntrospectionServer(t)
  const tokens = Array.from({ length: 20 }, () => endpoint.issue())
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => get(tokens[i % 20]!)))
  t.ok(answers.every(({ statusCode }) => statusCode === 200))
  t.equal(asked(), 20, 'one question for each token')
  t.equal(issuer.requests.length, 21, 'and the metadata once')
})

test('a hundred first requests at once while nobody answers', async t => {
  const { clock, endpoint, get, asked, handled } = await createIntrospectionServer(t, {}, soon)
  const token = endpoint.issue()
  endpoint.answer(never)
  for (const round of [1, 2]) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => get(token)))
    t.ok(answers.every(answer => answer.statusCode === 503 && answer.headers['retry-after'] === '5'))
    t.equal(asked(), round)
    clock.advance(5)
  }
  t.strictSame(handled, [])
  endpoint.answer(null)
  t.strictSame(answerOf(await get(token)), accepted)
})

test('a flood of junk is asked about one by one, or not at all where refusals are remembered', async t => {
  const { get, asked } = await createIntrospectionServer(t, { refusedCacheSeconds: 60 })
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => get(`junk-${i}`)))
    t.ok(answers.every(answer => answer.statusCode === 401))
  }
  t.equal(asked(), 50)
})

test('a flood of made-up tokens while the issuer is slow: so many questions and no more, and then all is well', async t => {
  const { endpoint, get, asked } = await createIntrospectionServer(t, { maxConcurrent: 10 })
  const known = endpoint.issue()
  t.strictSame(answerOf(await get(known)), accepted)
  const waiting: Array<() => void> = []
  endpoint.answer(async () => {
    await new Promise<void>(resolve => { waiting.push(resolve) })
    return Response.json({ active: false })
  })
  const flood = Promise.all(Array.from({ length: 100 }, (_, i) => get(`junk-${i}`)))
  while (waiting.length < 10) await new Promise(setImmediate)
  t.strictSame(answerOf(await get(known)), accepted, 'a token that is known is served meanwhile')
  for (const answer of waiting) answer()
  const answers = await flood
  t.equal(asked(), 11)
  t.equal(answers.filter(({ statusCode }) => statusCode === 401).length, 10)
  t.equal(answers.filter(answer => answer.statusCode === 503 && answer.headers['retry-after'] === '5').length, 90)
  endpoint.answer(null)
  t.strictSame(answerOf(await get(endpoint.issue())), accepted, 'nor is the issuer taken for dead')
})

test('signed answers while the keys cannot be had', async t => {
  const { clock, endpoint, get, issuer, asked, handled } = await createIntrospectionServer(t, { signedResponseAlgorithm: 'ES256' })
  endpoint.signAnswers()
  issuer.answer(issuer.jwksUri, () => new Response('', { status: 500 }))
  const token = endpoint.issue()
  for (let i = 0; i < 3; i++) t.strictSame(answerOf(await get(token)), unavailable)
  t.equal(asked(), 1)
  t.equal(issuer.requests.filter(url => url === issuer.jwksUri).length, 1)
  t.strictSame(handled, [])
  issuer.answer(issuer.jwksUri, null)
  clock.advance(5)
  t.strictSame(answerOf(await get(token)), accepted)
})

test('one issuer that is down is no matter to another', async t => {
  const clock = createTestClock()
  const [jwt, opaque] = [await createFakeIssuer({ clock, issuer: 'https://jwt.example' }), await createFakeIssuer({ clock, issuer: 'https://opaque.example' })]
  const endpoint = addIntrospection(opaque, clock)
  const app = await createApp(t, {
    resource,
    authorizationServers: [jwt.issuer, { issuer: opaque.issuer, introspection: { clientId, authentication: secret } }],
    clock,
    discovery: { timeoutMs: 20 },
    fetch: async (url, init) => await (url.startsWith('https://jwt.') ? jwt : opaque).fetch(url, init)
  })
  app.get('/', async request => request.accessToken)
  const get = (token: string) => app.inject({ url: '/', headers: bearer(token) })
  endpoint.answer(never)
  jwt.answer(jwt.jwksUri, () => new Response('', { status: 500 }))
  t.equal((await get(endpoint.issue())).statusCode, 503)
  t.equal((await get(await jwt.token())).statusCode, 503)
  endpoint.answer(null)
  clock.advance(5)
  t.equal((await get(endpoint.issue())).statusCode, 200)
  t.equal((await get(await jwt.token())).statusCode, 503)
  endpoint.answer(() => { throw new Error('down') })
  jwt.answer(jwt.jwksUri, null)
  clock.advance(5)
  t.equal((await get(endpoint.issue())).statusCode, 503)
  t.equal((await get(await jwt.token())).statusCode, 200)
  t.strictSame(answerOf(await get('eyJ.e30.')), invalidToken)
})

test('nothing was left unhandled', async t => {
  await new Promise(setImmediate)
  t.strictSame(unhandled, [])
})
