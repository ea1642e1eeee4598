import { test } from 'tap'
import type { UnavailableError } from '../../../lib/errors/errors.ts'
import type { Introspector, IntrospectionSource } from '../../../lib/token/introspector.ts'
import { createIntrospector } from '../../../lib/token/introspector.ts'
import { createNegativeCache } from '../../../lib/token/negative-cache.ts'
import type { TestClock } from '../../support/clock.ts'
import { createTestClock } from '../../support/clock.ts'
import type { Deferred } from '../../support/deferred.ts'
import { createDeferred } from '../../support/deferred.ts'
import { createIssuerRule } from '../../support/issuer-rule.ts'
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
    rule: createIssuerRule(),
    introspection: {
      clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' }, signedResponseAlgorithm: null,
      allowMissingAudience: false
    },
    endpoint: async () => 'https://login.example.com/introspect',
    verifySignature: async () => {},
    refusedTokens: null,
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

test('what an answer says of the token, and what it says of nothing', async t => {
  const down = 'introspection_unavailable'
  const challenge = { 'www-authenticate': 'Basic realm="x"' }
  const cases: Array<[answer: Response, reason: string | null, down: boolean]> = [
    [json(good), null, false],
    [new Response(JSON.stringify(good), { headers: { 'content-type': 'text/plain' } }), null, false],
    [json({ active: false }), 'token_inactive', false],
    [json({ ...good, active: 'true' }), 'token_inactive', false],
    [json({}), 'token_inactive', false],
    [json({ ...good, aud: 'other' }), 'audience_foreign', false],
    [json({ error: 'unsupported_token_type' }, 400), 'token_inactive', false],
    [json({ error: 'invalid_request' }, 400), down, false],
    [json({ error: 'invalid_client' }, 400), down, false],
    [json({ error: '' }, 400), down, false],
    [json('nonsense', 400), down, false],
    [new Response('<html>', { status: 400 }), down, false],
    [json({ error: 'unsupported_token_type' }, 401), down, true],
    [json({ error: 'invalid_client' }, 401), down, true],
    [new Response('', { status: 401, headers: challenge }), down, true],
    [json(good, 201), down, true], [json({ active: false }, 403), down, true], [json({}, 404), down, true],
    [json({}, 429), down, true], [json(good, 500), down, true], [json({ error: 'unsupported_token_type' }, 503), down, true],
    [json([]), down, true], [json([good]), down, true], [json(null), down, true], [json(true), down, true],
    [new Response('{"active":true'), down, true], [new Response(''), down, true],
    [new Response('{"active":false,"active":true,"sub":"user-1","aud":"https://api.example.com"}'), down, true],
    [new Response(`{"active":true,"x":${'['.repeat(100)}${']'.repeat(100)}}`), down, true]
  ]
  for (const [i, [answer, reason, isDown]] of cases.entries()) {
    const parts = setup(token => token === 'first' ? answer : json(good))
    const title = `${i}: ${answer.status} ${answer.headers.get('content-type') ?? ''}`
    t.equal(await parts.reason('first'), reason, title)
    t.equal(await parts.reason('second'), isDown ? down : null, `${title}, and others`)
    t.equal(parts.asked.length, isDown ? 1 : 2, title)
  }
})

test('an issuer that is down is left alone for a while, and the log knows why', async t => {
  const parts = setup(token => token === 'good' ? json(good) : json({}, 500))
  t.equal(await parts.reason('a'), 'introspection_unavailable')
  for (let i = 0; i < 10; i++) {
    await t.rejects(parts.introspector.introspect(`b${i}`),
      { retryAfterSeconds: 5, cause: { message: 'https://login.example.com/introspect: status (500)' } } as Partial<UnavailableError> & Error)
  }
  parts.clock.advance(4.999)
  t.equal(await parts.reason('good'), 'introspection_unavailable')
  t.strictSame(parts.asked, ['a'])
  parts.clock.advance(0.001)
  t.equal(await parts.reason('good'), null)
  t.equal(await parts.reason('c'), 'introspection_unavailable')
  t.strictSame(parts.asked, ['a', 'good', 'c'])
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

test('R7662-13 no more questions than may be are under way, and whoever is turned away says nothing of the issuer', async t => {
  const pending = new Map<string, Deferred<Response>>()
  const parts = setup(token => {
    const answer = createDeferred<Response>()
    pending.set(token, answer)
    return answer.promise
  }, { maxConcurrent: 2 })
  const [a, b, sameAsA] = [parts.reason('a'), parts.reason('b'), parts.reason('a')]
  while (pending.size < 2) await new Promise(setImmediate)
  await t.rejects(parts.introspector.introspect('c'),
    { statusCode: 503, retryAfterSeconds: 5, cause: { name: 'TooManyQuestionsError' } } as Partial<UnavailableError> & Error)
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
