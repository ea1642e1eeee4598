import { test } from 'tap'
import type { OAuthResourceServerOptions } from '../../lib/config/options.ts'
import type { Answer as IssuerAnswer, FakeIssuer } from '../support/issuer.ts'
import { never } from '../support/issuer.ts'
import { accepted, answerOf, createTestServer, invalidToken, unavailable } from '../support/server.ts'

const soon: Partial<OAuthResourceServerOptions> = { discovery: { timeoutMs: 200, maxBytes: 10_000 } }

/** A body of so many bytes a piece, without end. */
function endless (): Response {
  return new Response(new ReadableStream<Uint8Array>({
    pull (controller) { controller.enqueue(new Uint8Array(1000).fill(0x20)) }
  }))
}

function stalling (): Response {
  return new Response(new ReadableStream<Uint8Array>({ start (controller) { controller.enqueue(Uint8Array.of(0x7b)) } }))
}

/** What a server can do in place of an answer. */
const faults: Record<string, IssuerAnswer> = {
  'answers 500': () => new Response('{"keys":[]}', { status: 500 }),
  'answers 404': () => new Response('', { status: 404 }),
  'answers 401': () => Response.json({ error: 'invalid_token' }, { status: 401 }),
  'answers 204': () => new Response(null, { status: 204 }),
  'sends elsewhere': () => new Response(null, { status: 302, headers: { location: 'http://169.254.169.254/' } }),
  'sends to itself': () => new Response(null, { status: 307, headers: { location: '' } }),
  hangs: never,
  'hangs and does not listen': () => new Promise(() => {}),
  'hangs in the middle': stalling,
  'never ends': endless,
  'is huge': () => new Response(`{"keys":[],"x":"${'x'.repeat(1_000_000)}"}`),
  'breaks off': () => new Response('{"keys":[{"kty":"EC"'),
  'resets the connection': () => { throw new TypeError('fetch failed') },
  'rejects with nothing': async () => await (Promise.reject as (reason?: unknown) => Promise<never>).call(Promise),
  'sends garbage': () => new Response(Uint8Array.of(0xff, 0x00, 0xfe)),
  'sends nothing': () => new Response(''),
  'sends a web page': () => new Response('<!doctype html>', { headers: { 'content-type': 'text/html' } }),
  'sends a list': () => Response.json([]),
  'sends null': () => Response.json(null),
  'is no response at all': () => undefined as unknown as Response,
  'is a text': () => '{"keys":[]}' as unknown as Response,
  'is an odd response': () => ({ status: 200, body: [7], headers: null }) as unknown as Response
}
const keysFaults: Record<string, IssuerAnswer> = {
  'is an error of OAuth': () => Response.json({ error: 'server_error' }),
  'has keys that are no list': () => Response.json({ keys: { 0: {} } })
}
const metadataFaults: Record<string, IssuerAnswer> = {
  'names another issuer': () => Response.json({ issuer: 'https://evil.example', jwks_uri: 'https://evil.example/jwks' }),
  'has no jwks_uri': () => Response.json({ issuer: 'https://login.example.com' }),
  'has a jwks_uri on this machine': () => Response.json({ issuer: 'https://login.example.com', jwks_uri: 'https://127.0.0.1/jwks' }),
  'has a jwks_uri in clear': () => Response.json({ issuer: 'https://login.example.com', jwks_uri: 'http://evil.example/jwks' }),
  'has a jwks_uri that is no URL': () => Response.json({ issuer: 'https://login.example.com', jwks_uri: 'https://[::1' })
}

/** The places that fail, and how often each attempt at them asks anything. */
const places: Array<[string, (issuer: FakeIssuer) => string, Record<string, IssuerAnswer>, cold: number]> = [
  // The second well-known place is asked too, and is not there.
  ['metadata', issuer => issuer.metadataUrl, { ...faults, ...metadataFaults }, 2],
  // The keys, and the metadata twice: they may have moved.
  ['keys', issuer => issuer.jwksUri, { ...faults, ...keysFaults }, 3]
]

/** An issuer that does not answer is not asked where its keys are. */
const hangs = (title: string): boolean => title.startsWith('hangs')

for (const [place, urlOf, table, requestsWhenAsked] of places) {
  for (const [title, answer] of Object.entries(table)) {
    test(`${place} that ${title}: 503, and all is well afterwards`, async t => {
      const requestsWhenCold = place === 'keys' && hangs(title) ? 2 : requestsWhenAsked
      const { app, clock, issuer, get, handled } = await createTestServer(t, { options: soon })
      issuer.answer(urlOf(issuer), answer)
      const response = await get(await issuer.token())
      t.strictSame(answerOf(response), unavailable)
      t.equal(response.headers['retry-after'], '5')
      t.equal(issuer.requests.length, requestsWhenCold)
      t.notOk(issuer.requests.some(url => url.includes('evil') || url.includes('169.254') || url.includes('127.0.0.1')))

      t.strictSame(answerOf(await get(await issuer.token())), unavailable)
      t.equal(issuer.requests.length, requestsWhenCold, 'nobody is asked again at once')
      t.strictSame(answerOf(await app.inject({ url: '/', headers: { authorization: 'Bearer nonsense' } })), invalidToken)
      t.strictSame(handled, [])

      issuer.answer(urlOf(issuer), null)
      clock.advance(5)
      t.strictSame(answerOf(await get(await issuer.token())), accepted, 'without a restart')
    })
  }
}

for (const [title, answer] of Object.entries({ ...faults, ...keysFaults })) {
  test(`known keys serve while their renewal ${title}`, async t => {
    const { clock, issuer, get, handled } = await createTestServer(t, { options: soon })
    t.strictSame(answerOf(await get(await issuer.token())), accepted)
    issuer.answer(issuer.jwksUri, answer)
    clock.advance(600)
    t.strictSame(answerOf(await get(await issuer.token())), accepted)
    while (issuer.requests.length < (hangs(title) ? 3 : 4)) await new Promise(setImmediate)
    t.strictSame(issuer.requests.slice(2), hangs(title) ? [issuer.jwksUri] : [issuer.jwksUri, issuer.metadataUrl])
    const unknown = await get(await issuer.token({}, { kid: 'unknown' }))
    t.strictSame(answerOf(unknown), unavailable, 'and nobody can say what an unknown key is')
    t.equal(unknown.headers['retry-after'], '5')
    t.equal(issuer.requests.length, hangs(title) ? 3 : 4)
    t.equal(handled.length, 2)
  })
}

test('a hundred first requests at once ask once', async t => {
  const { issuer, get } = await createTestServer(t)
  const tokens = await Promise.all(Array.from({ length: 100 }, () => issuer.token()))
  const answers = await Promise.all(tokens.map(token => get(token)))
  t.ok(answers.every(({ statusCode }) => statusCode === 200))
  t.strictSame(issuer.requests, [issuer.metadataUrl, issuer.jwksUri])
})

test('a hundred first requests at once while nobody answers: each is told to come back', async t => {
  const { clock, issuer, get, handled } = await createTestServer(t, { options: soon })
  issuer.answer(issuer.metadataUrl, never)
  const tokens = await Promise.all(Array.from({ length: 100 }, () => issuer.token()))
  for (const round of [1, 2]) {
    const answers = await Promise.all(tokens.map(token => get(token)))
    t.ok(answers.every(answer => answer.statusCode === 503 && answer.headers['retry-after'] === '5'))
    t.equal(issuer.requests.length, 2 * round)
    clock.advance(5)
  }
  t.strictSame(handled, [])
})

test('unknown keys in an outage stay unknown until it is over, at one look-up in five seconds', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
  issuer.answer(issuer.jwksUri, () => new Response('', { status: 500 }))
  await issuer.rotate()
  for (let second = 0; second < 60; second += 5) {
    const before = issuer.requests.filter(url => url === issuer.jwksUri).length
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, i) =>
      await get(await issuer.token({}, i === 0 ? {} : { kid: `unknown-${i}` }))))
    t.ok(answers.every(answer => answer.statusCode === 503 && answer.headers['retry-after'] === '5'), `second ${second}`)
    t.equal(issuer.requests.filter(url => url === issuer.jwksUri).length, before + 1)
    clock.advance(5)
  }
  issuer.answer(issuer.jwksUri, null)
  t.strictSame(answerOf(await get(await issuer.token())), accepted)
})

test('a rotation of every key, again and again', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  let last = ''
  for (let i = 0; i < 5; i++) {
    const token = await issuer.token()
    t.strictSame(answerOf(await get(token)), accepted)
    if (last !== '') t.strictSame(answerOf(await get(last)), invalidToken)
    last = token
    await issuer.rotate()
    clock.advance(31)
  }
  t.equal(issuer.requests.length, 6)
})

test('the Retry-After is the one that is configured', async t => {
  const { clock, issuer, get } = await createTestServer(t, { options: { discovery: { retryAfterSeconds: 42 } } })
  issuer.answer(issuer.metadataUrl, () => { throw new Error('down') })
  t.equal((await get(await issuer.token())).headers['retry-after'], '42')
  clock.advance(41)
  t.equal((await get(await issuer.token())).statusCode, 503)
  t.equal(issuer.requests.length, 2)
})
