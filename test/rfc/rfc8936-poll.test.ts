import Fastify from 'fastify'
import { test } from 'tap'
import type { Fetch } from '../../lib/http/limited-fetch.ts'
import { createPollLoop } from '../../lib/shared-signals/poll.ts'
import type { PollLoop, PollParts, PollSettings } from '../../lib/shared-signals/poll.ts'
import { setRefused } from '../../lib/shared-signals/security-event-token.ts'
import type { SecurityEventToken } from '../../lib/shared-signals/security-event-token.ts'
import { createTestIssuer } from '../../plugins/entry-points/testing.ts'
import oauthResourceServer, { createMemoryRevocationStore } from '../../plugins/index.ts'
import { resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { createDeferred } from '../support/deferred.ts'
import { never } from '../support/issuer.ts'
import { caep, createFakeTransmitter, eitherFetch } from '../support/transmitter.ts'

const endpoint = 'https://login.example.com/poll'

interface Poll {
  maxEvents: number
  returnImmediately: boolean
  ack?: string[]
  setErrs?: Record<string, { err: string, description: string }>
}

type Answer = (poll: Poll, init: RequestInit) => Response | Promise<Response>

/**
 * A loop against a transmitter that answers in this order and then stops the loop, and that loop run to its end. A token is
 * its own `jti`; the names of those that are not good say what is wrong.
 */
async function run (answers: Answer[], settings: Partial<PollSettings> = {}, parts: Partial<PollParts> = {}) {
  const polls: Poll[] = []
  const inits: RequestInit[] = []
  const received: string[] = []
  const waits: number[] = []
  const warnings: string[] = []
  let open = 0
  let mostOpen = 0
  const ended = createDeferred<void>()
  const fetch: Fetch = async (url, init) => {
    mostOpen = Math.max(mostOpen, ++open)
    try {
      polls.push(JSON.parse(init.body as string) as Poll)
      inits.push({ ...init, method: `${init.method!} ${url}` })
      const answer = answers.shift()
      if (answer !== undefined) return await answer(polls.at(-1)!, init)
      ended.resolve()
      return await never(init)
    } finally {
      open--
    }
  }
  const loop: PollLoop = createPollLoop({
    settings: { endpoint, authorization: null, maxEvents: 25, timeoutMs: 60_000, intervalMs: 5000, ...settings },
    async receive (text) {
      if (text.startsWith('down')) throw new Error('the store is down')
      if (text.startsWith('bad')) throw setRefused('invalid_audience', 'aud is another one')
      received.push(text)
      return { id: text.replace('renamed', 'other') } as SecurityEventToken
    },
    fetch,
    log: { warn: (details, message) => { warnings.push(`${message}: ${((details as { err?: Error }).err)?.message ?? ''}`) } },
    wait: async ms => { waits.push(ms) },
    ...parts
  })
  loop.start()
  loop.start()
  await ended.promise
  await loop.stop()
  await loop.stop()
  return { polls, inits, received, waits, warnings, mostOpen }
}

const sets = (...ids: string[]): Answer => () => Response.json({ sets: Object.fromEntries(ids.map(id => [id, id])) })
const empty: Answer = () => Response.json({ sets: {} })

test('RFC 8936 2.4: events are requested by POST, and acknowledged by the request after [SSF-14]', async t => {
  const { polls, inits, received, waits, mostOpen } = await run([sets('a', 'b'), sets('c'), empty, empty], { maxEvents: 2, authorization: async () => 'Bearer poll' })
  t.strictSame(polls, [
    { maxEvents: 2, returnImmediately: false },
    { maxEvents: 2, returnImmediately: false, ack: ['a', 'b'] },
    { maxEvents: 2, returnImmediately: false, ack: ['c'] },
    { maxEvents: 2, returnImmediately: false },
    { maxEvents: 2, returnImmediately: false }
  ])
  t.strictSame(received, ['a', 'b', 'c'])
  t.equal(inits[0]!.method, `POST ${endpoint}`)
  t.same(inits[0]!.headers, { 'content-type': 'application/json', 'content-language': 'en', accept: 'application/json', authorization: 'Bearer poll' })
  t.equal(inits[0]!.redirect, 'manual')
  t.equal(mostOpen, 1, 'one request at a time')
  t.equal(waits.length, 2, 'no wait while there are events')
  t.ok(waits.every(ms => ms > 0 && ms <= 5000), 'and not without end while there are none')
})

test('RFC 8936 2.3: an event is known by its own name, whatever JSON was read before', async t => {
  // https://github.com/nodejs/node/issues/63785, with a jti as PHP writes it and a text that a stranger may have sent.
  for (let i = 0; i < 3; i++) JSON.parse('{"sets":{"first":1,"https:\\\\/\\\\":1}}')
  const { polls, received } = await run([() => new Response('{"sets":{"first":"first","https:\\/\\/a":"https://a"}}'), empty])
  t.strictSame([received, polls[1]!.ack, polls[1]!.setErrs], [['first', 'https://a'], ['first', 'https://a'], undefined])
})

test('RFC 8936 2.4.4: what is refused is reported in setErrs, and what could not be processed is requested again', async t => {
  const { polls, received, warnings, waits } = await run([
    () => Response.json({ sets: { a: 'a', bad: 'bad', number: 7, renamed: 'renamed' } }),
    sets('b', 'down', 'c'), empty
  ])
  t.strictSame(polls[1]!.ack, ['a'])
  t.strictSame(polls[1]!.setErrs, {
    bad: { err: 'invalid_audience', description: 'aud is another one' },
    number: { err: 'invalid_request', description: 'a security event token must be a string' },
    renamed: { err: 'invalid_request', description: 'jti is not the name under which the security event token came' }
  })
  t.strictSame(polls[2]!.ack, ['b'], 'neither the one that failed, nor those after it')
  t.strictSame([polls[2]!.setErrs, received], [undefined, ['a', 'renamed', 'b']])
  t.strictSame(warnings, ['an event could not be processed, and is requested again: the store is down'])
  t.ok(waits[0]! >= 500 && waits[0]! <= 1000, 'after a while')
})

test('a poll that fails is made again, later and later, and tells again what was not told', async t => {
  const fail: Answer = () => new Response('', { status: 500 })
  const { polls, warnings, waits } = await run([
    sets('a'), fail, () => new Response('eyJ.secret'), () => Response.json({ sets: [] }), () => Response.json(null),
    ...Array.from({ length: 8 }, () => fail), empty
  ])
  t.ok(polls.slice(1, 5).every(({ ack }) => ack?.join() === 'a'))
  t.equal(polls[5]!.ack, undefined, 'null is an answer without events')
  t.notMatch(warnings.join(), /secret/)
  t.match(warnings.slice(0, 3), [/500/, 'events could not be polled for; the request is made again: the response is not JSON (RFC 8936 section 2.3)', /no object as sets/])
  const [first, second, third, , ...later] = waits
  t.ok(first! <= 1000 && second! <= 2000 && second! >= 1000 && third! <= 4000 && third! >= 2000, String(waits))
  t.ok(later.every(ms => ms <= 300_000) && later[7]! >= 64_000, String(waits))
})

test('a transmitter that sends the same again, whatever is acknowledged, is not asked without a pause', async t => {
  const { waits } = await run([sets('a'), sets('a'), sets('a'), sets('b')])
  t.equal(waits.length, 2)
  t.ok(waits[0]! >= 500)
})

test('more events than were asked for are left for the next time', async t => {
  const { received, polls } = await run([sets('a', 'b', 'c')], { maxEvents: 2 })
  t.strictSame([received, polls[1]!.ack], [['a', 'b'], ['a', 'b']])
})

test('a request that the transmitter holds for too long is made again, and is no failure', async t => {
  const { warnings, waits, polls } = await run([sets('a'), async (_poll, init) => await never(init)], { timeoutMs: 20 })
  t.strictSame([warnings, waits, polls[2]!.ack], [[], [], ['a']])
})

test('too long an answer is refused', async t => {
  const { warnings } = await run([() => new Response('x'.repeat(4_194_305))])
  t.match(warnings, [/too_large/])
})

test('stop gives up a request, also when fetch ignores its signal, and ends a wait', async t => {
  for (const answer of [async () => await new Promise<never>(() => {}), async () => Response.json({ sets: {} })]) {
    const asked = createDeferred<void>()
    const loop = createPollLoop({
      settings: { endpoint, authorization: null, maxEvents: 1, timeoutMs: 60_000, intervalMs: 60_000 },
      receive: async () => await new Promise<never>(() => {}),
      fetch: async () => { asked.resolve(); return await answer() },
      log: { warn: (_details, message) => { t.fail(message) } }
    })
    await loop.stop()
    loop.start()
    await asked.promise
    // The answer is read, and the loop waits.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
    await loop.stop()
    t.pass('it ended')
  }
})

test('stop does not wait for a function that returns the authorization, and no request is made after it', async t => {
  const asked = createDeferred<void>()
  const answered = createDeferred<string>()
  const urls: string[] = []
  const loop = createPollLoop({
    settings: { endpoint, authorization: async () => { asked.resolve(); return await answered.promise }, maxEvents: 1, timeoutMs: 60_000, intervalMs: 60_000 },
    receive: async () => await new Promise<never>(() => {}),
    fetch: async (url, { signal }) => { urls.push(url); t.equal(signal!.aborted, true); return await new Promise<never>(() => {}) },
    log: { warn: (_details, message) => { t.fail(message) } }
  })
  loop.start()
  await asked.promise
  await loop.stop()
  answered.resolve('Bearer x')
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  t.strictSame(urls, [endpoint], 'with a signal that is aborted')
})

test('an event that is being processed is finished, and those after it are left', async t => {
  const processing = createDeferred<void>()
  const finish = createDeferred<void>()
  const received: string[] = []
  const loop = createPollLoop({
    settings: { endpoint, authorization: null, maxEvents: 5, timeoutMs: 60_000, intervalMs: 60_000 },
    async receive (text) {
      received.push(text)
      processing.resolve()
      await finish.promise
      return { id: text } as SecurityEventToken
    },
    fetch: async () => Response.json({ sets: { a: 'a', b: 'b' } }),
    log: { warn () {} }
  })
  loop.start()
  await processing.promise
  const stopped = loop.stop()
  finish.resolve()
  await stopped
  t.strictSame(received, ['a'])
})

test('SSF 1.0 6.1.2: the server polls once it is ready, its tokens are revoked, and it stops when it closes', async t => {
  const clock = createTestClock()
  const login = 'https://login.example.com'
  const issuer = createTestIssuer({ resource, issuer: login, clock })
  const transmitter = createFakeTransmitter({ clock, audience: resource })
  const acknowledged = createDeferred<string[]>()
  const authorizations: unknown[] = []
  const set = transmitter.set(`${caep}session-revoked`, { format: 'iss_sub', iss: login, sub: 'ann' }, {}, { claims: { jti: 'event-1' } })
  let polls = 0
  transmitter.answer(transmitter.pollEndpoint, async init => {
    authorizations.push((init.headers as Record<string, string>).authorization)
    const { ack } = JSON.parse(init.body as string) as Poll
    if (polls++ === 0) return Response.json({ sets: { 'event-1': set } })
    acknowledged.resolve(ack!)
    return await never(init)
  })
  const app = Fastify()
  await app.register(oauthResourceServer, {
    ...issuer.options,
    clock,
    fetch: eitherFetch(transmitter.fetch, issuer.fetch),
    revocations: createMemoryRevocationStore({ clock }),
    sharedSignals: { transmitters: [{ issuer: login, poll: { endpoint: transmitter.pollEndpoint, authorization: 'Bearer poll' }, push: { path: '/events' } }] }
  })
  app.get('/me', async request => request.accessToken!.subject)
  t.equal(polls, 0)
  await app.ready()
  t.strictSame(await acknowledged.promise, ['event-1'])
  t.strictSame(authorizations, ['Bearer poll', 'Bearer poll'])
  t.equal((await app.inject({ url: '/me', headers: issuer.headers({ subject: 'ann' }) })).statusCode, 401)
  t.match(app.oauthCounters.signals, [{ outcome: 'revoked', count: 1 }])
  const pushed = await app.inject({
    method: 'POST', url: '/events', headers: { 'content-type': 'application/secevent+jwt' }, payload: transmitter.set(`${caep}session-revoked`, { format: 'iss_sub', iss: login, sub: 'ben' })
  })
  t.equal(pushed.statusCode, 202)
  t.equal(transmitter.requests.filter(url => url === transmitter.metadataUrl).length, 1, 'one receiver has the metadata and keys of the transmitter')
  t.notMatch(JSON.stringify(app.oauthConfig.sharedSignals), /Bearer poll/)
  await app.close()
  t.equal(polls, 2)
})
