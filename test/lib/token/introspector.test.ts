import { test } from 'tap'
import type { UnavailableError } from '../../../lib/errors/errors.ts'
import type { Introspector, IntrospectionSource } from '../../../lib/token/introspector.ts'
import { createIntrospector } from '../../../lib/token/introspector.ts'
import { createNegativeCache } from '../../../lib/token/token-cache.ts'
import type { TestClock } from '../../support/clock.ts'
import { createTestClock } from '../../support/clock.ts'
import type { Deferred } from '../../support/deferred.ts'
import { createDeferred } from '../../support/deferred.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { reasonOfAsync } from '../../support/reason.ts'

const good = { active: true, sub: 'user-1', aud: 'https://api.example.com' }
const json = (value: unknown, status = 200): Response => Response.json(value, { status })

interface Parts {
  readonly clock: TestClock
  readonly introspector: Introspector
  /** The tokens that were asked about, in order. */
  readonly asked: string[]
  reason (token: string): Promise<string | null>
}

function setup (answer: (token: string) => Response | Promise<Response>, changes: Partial<IntrospectionSource> = {}): Parts {
  const clock = createTestClock()
  const asked: string[] = []
  const introspector = createIntrospector({
    expected: createExpectedToken(),
    introspection: {
      clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' }, signedResponseAlgorithm: null
    },
    endpoint: async () => 'https://login.example.com/introspect',
    verifySignature: async () => {},
    refusedTokens: null,
    sharedAnswers: null,
    maxConcurrent: 100,
    fetch: async (_url, init) => {
      const token = (init.body as URLSearchParams).get('token')!
      asked.push(token)
      return await answer(token)
    },
    limits: { timeoutMs: 5000, maxBytes: 10_000 },
    retryAfterMs: 5000,
    clock,
    ...changes
  })
  return { clock, introspector, asked, reason: token => reasonOfAsync(() => introspector.introspect(token)) }
}

test('RFC 7662 2.2, 2.3: what a response says of its token, and nothing of another (C1)', async t => {
  const down = 'introspection_unavailable'
  const challenge = { 'www-authenticate': 'Basic realm="x"' }
  const cases: Array<[answer: Response, reason: string | null]> = [
    [json(good), null],
    [new Response(JSON.stringify(good), { headers: { 'content-type': 'text/plain' } }), null],
    [new Response(Buffer.from(JSON.stringify(good))), null],
    [json({ active: false }), 'token_inactive'],
    [json({ ...good, active: 'true' }), 'token_inactive'],
    [json({}), 'token_inactive'],
    [json({ ...good, aud: 'other' }), 'audience_foreign'],
    [json({ error: 'unsupported_token_type' }, 400), 'token_inactive'],
    [json({ error: 'invalid_request' }, 400), down],
    [json({ error: 'invalid_client' }, 400), down],
    [json({ error: '' }, 400), down],
    [json('nonsense', 400), down],
    [new Response('<html>', { status: 400 }), down],
    [json({ error: 'unsupported_token_type' }, 401), down],
    [json({ error: 'invalid_client' }, 401), down],
    [new Response('', { status: 401, headers: challenge }), down],
    [json(good, 201), down], [json({ active: false }, 403), down], [json({}, 404), down],
    [json({}, 429), down], [json(good, 500), down], [json({ error: 'unsupported_token_type' }, 503), down],
    [json([]), down], [json([good]), down], [json(null), down], [json(true), down],
    [new Response('{"active":true'), down], [new Response(''), down],
    [new Response('{"active":false,"active":true,"sub":"user-1","aud":"https://api.example.com"}'), down],
    [new Response(`{"active":true,"x":${'['.repeat(100)}${']'.repeat(100)}}`), down]
  ]
  for (const [i, [answer, reason]] of cases.entries()) {
    const parts = setup(token => token === 'first' ? answer : json(good))
    const title = `${i}: ${answer.status} ${answer.headers.get('content-type') ?? ''}`
    t.equal(await parts.reason('first'), reason, title)
    t.equal(await parts.reason('second'), null, `${title}, and others`)
    t.strictSame(parts.asked, ['first', 'second'], title)
  }
})

test('members of a response keep their names, whatever JSON was read before', async t => {
  // https://github.com/nodejs/node/issues/63785, with a claim as PHP writes it and a text that a stranger may have sent.
  for (let i = 0; i < 3; i++) JSON.parse(JSON.stringify({ active: true, sub: 'user-1', aud: 'https://api.example.com', 'https:\\/\\/a.example\\/r': ['x'] }))
  const text = JSON.stringify({ ...good, 'https://a.example/role': ['x'] }).replace('https://a.example/role', 'https:\\/\\/a.example\\/role')
  const { introspector } = setup(() => new Response(text))
  t.same((await introspector.introspect('first')).accessToken.claims['https://a.example/role'], ['x'])
})

test('a token that the issuer fails about is left alone for a while, and the log knows why (A2)', async t => {
  const parts = setup(token => token === 'good' ? json(good) : json({}, 500))
  t.equal(await parts.reason('a'), 'introspection_unavailable')
  for (let i = 0; i < 10; i++) {
    await t.rejects(parts.introspector.introspect('a'), {
      retryAfterSeconds: 5,
      cause: { message: 'https://login.example.com/introspect: status (500)' },
      detail: {
        expected: 'an introspection response of https://login.example.com', received: '"https://login.example.com/introspect: status (500)"'
      }
    } as Partial<UnavailableError> & Error)
  }
  t.strictSame(parts.asked, ['a'])
  parts.clock.advance(5)
  t.equal(await parts.reason('a'), 'introspection_unavailable')
  t.strictSame(parts.asked, ['a', 'a'])
})

test('an issuer that fails about five tokens in a row is down: it is left alone, and then tried with other tokens (C1)', async t => {
  let isDown = true
  const parts = setup(() => isDown ? json({}, 500) : json(good))
  for (const token of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'a']) t.equal(await parts.reason(token), 'introspection_unavailable', token)
  t.strictSame(parts.asked, ['a', 'b', 'c', 'd', 'e'])
  parts.clock.advance(4.999)
  t.equal(await parts.reason('h'), 'introspection_unavailable')
  parts.clock.advance(0.001)
  t.equal(await parts.reason('h'), 'introspection_unavailable')
  t.equal(await parts.reason('i'), 'introspection_unavailable')
  t.strictSame(parts.asked.slice(5), ['h'], 'one more failure, and it is down for as long again')
  parts.clock.advance(5)
  isDown = false
  t.equal(await parts.reason('a'), null, 'a token that failed may be tried again')
  t.equal(await parts.reason('b'), null)
})

test('an answer about one token, also one that refuses the request, says that the issuer is up (C1)', async t => {
  const answers: Array<[title: string, answer: Response, isUp: boolean]> = [
    ['an inactive token', json({ active: false }), true], ['a token for others', json({ ...good, aud: 'other' }), true],
    ['a request that is refused', json({ error: 'invalid_request' }, 400), true], ['the same in HTML', new Response('<html>', { status: 400 }), true],
    ['a secret that is refused', json({ error: 'invalid_client' }, 401), false], ['a response that is no JSON', new Response('<html>'), false]
  ]
  for (const [title, answer, isUp] of answers) {
    const parts = setup(token => token === 'answered' ? answer.clone() : token === 'good' ? json(good) : json({}, 500))
    for (const token of ['a', 'b', 'c', 'd', 'answered', 'e', 'good']) await parts.reason(token)
    t.equal(parts.asked.includes('good'), isUp, title)
  }
})

test('the log is told how a request failed, down to its cause (A2)', async t => {
  const cases: Array<[answer: Response, cause: object]> = [
    [json({ error: 'invalid_request' }, 400), { name: 'RequestRefusedError', cause: { name: 'ResponseBodyError', error: 'invalid_request' } }],
    [new Response('<html>', { status: 400 }), { name: 'RequestRefusedError', cause: { name: 'OperationProcessingError' } }],
    [json({ error: 'invalid_client' }, 401), { name: 'ResponseBodyError', error: 'invalid_client' }],
    [new Response('{"active":true'), { name: 'ResponseFormError', message: 'the response is not a JSON object', cause: { name: 'SyntaxError' } }]
  ]
  for (const [answer, cause] of cases) {
    await t.rejects(setup(() => answer).introspector.introspect('a'), { cause } as Partial<UnavailableError> & Error)
  }
})

test('the log is told why a token is not accepted, and where the issuer was not asked again (A1)', async t => {
  const clock = createTestClock()
  const { introspector } = setup(token => json(token === 'odd' ? {} : { active: false }), { clock, refusedTokens: createNegativeCache(10_000, clock) })
  const detailOf = async (token: string): Promise<unknown> => await introspector.introspect(token).catch((error: unknown) => (error as { detail: unknown }).detail)
  t.strictSame(await detailOf('odd'), { expected: 'a response with active: true or false', received: 'a response that does not accept the token' })
  const inactive = { expected: 'active is true (RFC 7662)', received: 'active is false' }
  t.strictSame(await detailOf('a'), inactive)
  t.strictSame(await detailOf('a'), { expected: 'a token that the issuer accepts', received: 'a token that was refused a moment ago (refusedCacheSeconds)' })
})

test('an endpoint without TLS is asked where the options allow it', async t => {
  const parts = setup(() => json(good), { endpoint: async () => 'http://localhost:3000/introspect' })
  t.equal(await parts.reason('a'), null)
})

test('while an issuer is down, tokens that failed before do not take the places of others (C1)', async t => {
  const pending = new Map<string, Deferred<Response>>()
  let isDown = true
  const parts = setup(token => {
    if (isDown) return json({}, 500)
    const answer = createDeferred<Response>()
    pending.set(token, answer)
    return answer.promise
  })
  for (const token of ['a', 'b', 'c', 'd', 'e']) await parts.reason(token)
  parts.clock.advance(5)
  isDown = false
  const tried = ['a', 'b', 'c', 'honest-1', 'honest-2', 'honest-3', 'honest-4', 'honest-5'].map(async token => await parts.reason(token))
  while (pending.size < 5) await new Promise(setImmediate)
  t.strictSame(parts.asked.slice(5), ['a', 'honest-1', 'honest-2', 'honest-3', 'honest-4'])
  pending.get('a')!.resolve(json({}, 403))
  for (const token of ['honest-1', 'honest-2', 'honest-3', 'honest-4']) pending.get(token)!.resolve(json(good))
  t.strictSame(await Promise.all(tried), [
    ...Array<string>(3).fill('introspection_unavailable'), null, null, null, null, 'introspection_unavailable'
  ])
})

test('honest requests under one stranger who sends a token that a firewall blocks, twice a second (C1)', async t => {
  for (const status of [403, 429, 500, 502]) {
    const parts = setup(token => token === '../../etc/passwd' ? json('blocked', status) : json(good))
    let served = 0
    let count = 0
    for (let tenth = 0; tenth < 600; tenth++) {
      if (tenth % 5 === 0) await parts.reason('../../etc/passwd')
      count++
      if (await parts.reason(`user-${tenth}`) === null) served++
      parts.clock.advance(0.1)
    }
    t.comment(`${status}: ${served} of ${count} honest requests served (${(100 * served / count).toFixed(1)} %), ${parts.asked.length - count} requests for the stranger's token`)
    t.ok(served / count >= 0.99)
  }
})

test('and under one who makes up such a token for each request (C1)', async t => {
  const parts = setup(token => token.startsWith('../') ? json('blocked', 403) : json(good))
  let served = 0
  for (let tenth = 0; tenth < 600; tenth++) {
    if (tenth % 5 === 0) await parts.reason(`../${tenth}`)
    if (await parts.reason(`user-${tenth}`) === null) served++
    parts.clock.advance(0.1)
  }
  t.comment(`${served} of 600 honest requests served`)
  t.ok(served / 600 >= 0.99)
})

test('a question that hangs keeps nobody else from being answered, neither then nor after', async t => {
  const hanging = createDeferred<Response>()
  const parts = setup(token => token === 'poison' ? hanging.promise : json(good))
  const poisoned = parts.reason('poison')
  t.equal(await parts.reason('a'), null)
  hanging.reject(new Error('timeout'))
  t.equal(await poisoned, 'introspection_unavailable')
  t.equal(await parts.reason('b'), null)
})

test('whoever asks the same at the same time shares an answer, good or bad', async t => {
  const pending = new Map<string, Deferred<Response>>()
  const parts = setup(token => {
    const answer = createDeferred<Response>()
    pending.set(token, answer)
    return answer.promise
  })
  const cases: Array<[token: string, answer: Response | Error, reason: string | null]> = [
    ['a', json(good), null], ['b', json({ active: false }), 'token_inactive'], ['c', new Error('reset'), 'introspection_unavailable']
  ]
  for (const [token, answer, reason] of cases) {
    const before = parts.asked.length
    const all = Promise.all(Array.from({ length: 50 }, () => parts.reason(token)))
    while (!pending.has(token)) await new Promise(setImmediate)
    if (answer instanceof Error) pending.get(token)!.reject(answer)
    else pending.get(token)!.resolve(answer)
    t.ok((await all).every(one => one === reason), token)
    t.equal(parts.asked.length, before + 1)
  }
})

test('no more questions than may be are under way, and whoever is turned away says nothing of the issuer (R7662-13)', async t => {
  const pending = new Map<string, Deferred<Response>>()
  const parts = setup(token => {
    const answer = createDeferred<Response>()
    pending.set(token, answer)
    return answer.promise
  }, { maxConcurrent: 2 })
  const [a, b, sameAsA] = [parts.reason('a'), parts.reason('b'), parts.reason('a')]
  while (pending.size < 2) await new Promise(setImmediate)
  await t.rejects(parts.introspector.introspect('c'),
    { statusCode: 503, retryAfterSeconds: 5, cause: { name: 'TooManyRequestsError' } } as Partial<UnavailableError> & Error)
  t.strictSame(parts.asked, ['a', 'b'])

  pending.get('b')!.resolve(json({ active: false }))
  t.equal(await b, 'token_inactive')
  const c = parts.reason('c')
  while (!pending.has('c')) await new Promise(setImmediate)
  pending.get('c')!.reject(new Error('reset'))
  t.equal(await c, 'introspection_unavailable')
  pending.get('a')!.resolve(json(good))
  t.strictSame(await Promise.all([a, sameAsA]), [null, null], 'who waits for an answer takes no place')
})

test('what is refused is remembered where that is wanted, and nothing else is', async t => {
  const clock = createTestClock()
  const answers: Record<string, Response> = { inactive: json({ active: false }), foreign: json({ ...good, aud: 'x' }), good: json(good), odd: json({}, 400) }
  const parts = setup(token => answers[token]!.clone(), { clock, refusedTokens: createNegativeCache(10_000, clock) })
  for (const [token, reasons] of [
    ['inactive', ['token_inactive', 'token_inactive']], ['foreign', ['audience_foreign', 'token_inactive']],
    ['good', [null, null]], ['odd', ['introspection_unavailable', 'introspection_unavailable']]
  ] as const) {
    for (const reason of reasons) t.equal(await parts.reason(token), reason, token)
  }
  t.strictSame(parts.asked, ['inactive', 'foreign', 'good', 'good', 'odd', 'odd'])
  clock.advance(10)
  await parts.reason('inactive')
  t.equal(parts.asked.length, 7)
})

test('when to come back is never at once', async t => {
  for (const [retryAfterMs, retryAfterSeconds] of [[0, 1], [1, 1], [1001, 2]] as const) {
    const { introspector } = setup(() => json({}, 500), { retryAfterMs })
    await t.rejects(introspector.introspect('a'), { retryAfterSeconds } as Partial<UnavailableError> & Error)
  }
})

test('an endpoint that cannot be found', async t => {
  const parts = setup(() => json(good), { endpoint: async () => { throw new Error('no metadata') } })
  await t.rejects(parts.introspector.introspect('a'), { statusCode: 503, cause: { message: 'no metadata' } } as Partial<UnavailableError> & Error)
})
