import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { test } from 'tap'
import type { OAuthResourceServerOptions } from '../../lib/config/options.ts'
import { bearer, createApp, optionsFor, resource } from '../support/app.ts'
import type { TestClock } from '../support/clock.ts'
import { createTestClock } from '../support/clock.ts'
import type { FakeIssuer } from '../support/issuer.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { answerOf, accepted, createTestServer, invalidToken, unavailable } from '../support/server.ts'

type Teardown = Parameters<typeof createApp>[0]

interface Setup {
  readonly app: FastifyInstance
  readonly clock: TestClock
  readonly a: FakeIssuer
  readonly b: FakeIssuer
  readonly log: Array<Record<string, unknown>>
  get (token: string): Promise<LightMyRequestResponse>
}

async function setup (t: Teardown, optionsOf: (a: FakeIssuer, b: FakeIssuer) => Partial<OAuthResourceServerOptions>): Promise<Setup> {
  const clock = createTestClock()
  const a = await createFakeIssuer({ clock, issuer: 'https://a.example' })
  const b = await createFakeIssuer({ clock, issuer: 'https://b.example', alg: 'RS256' })
  const log: Array<Record<string, unknown>> = []
  const fetch: FakeIssuer['fetch'] = async (url, init) => await (url.startsWith('https://a.') ? a : b).fetch(url, init)
  const stream = {
    write (line: string) {
      const entry = JSON.parse(line) as Record<string, unknown>
      // What is told at boot is of no interest here.
      if ('rule' in entry || entry.level !== 40) log.push(entry)
    }
  }
  const app = await createApp(t, { ...optionsFor(a, { fetch, clock }), ...optionsOf(a, b) }, { logger: { level: 'warn', stream } })
  app.get('/', { config: { oauth: { anyTeam: true } } }, async request => ({ accessToken: request.accessToken }))
  return { app, clock, a, b, log, get: token => app.inject({ url: '/', headers: bearer(token) }) }
}

test('each issuer has its own rule, and a subject is somebody of an issuer (F48, F51, R8725-12)', async t => {
  const { a, b, get } = await setup(t, (a, b) => ({
    authorizationServers: [
      { issuer: a.issuer, algorithms: ['ES256'] },
      { issuer: b.issuer, algorithms: ['RS256'], audience: ['urn:b', 'urn:c'], claims: { roles: ['realm', 'roles'], teams: 'team' }, advertised: false }
    ]
  }))
  const fromA = (await get(await a.token({ sub: 'same', roles: ['x'], realm: { roles: ['y'] } }))).json()
  t.match(fromA, { accessToken: { issuer: a.issuer, subject: 'same', roles: ['x'], teams: null } })
  const fromB = (await get(await b.token({ sub: 'same', aud: 'urn:c', roles: ['x'], realm: { roles: ['y'] }, team: 't-1' }))).json()
  t.match(fromB, { accessToken: { issuer: b.issuer, subject: 'same', roles: ['y'], teams: ['t-1'] } })
  for (const [title, token] of [
    ['the audience of another', await a.token({ aud: 'urn:b' })],
    ['T-28 the resource, where the issuer has another name for it', await b.token()],
    ['the algorithm of another', await a.token({}, {}, b.keys[0])],
    ['R8725-11 T-23 the key of another', await a.token({}, { kid: 'key-1' }, { ...b.keys[0]!, alg: 'RS256' })],
    ['a claim of another shape', await b.token({ aud: 'urn:b', authorization_details: 7 })]
  ] as const) t.strictSame(answerOf(await get(token)), invalidToken, title)
})

test('only those that are advertised stand in the document', async t => {
  const { app } = await setup(t, (a, b) => ({ authorizationServers: [a.issuer, { issuer: b.issuer, advertised: false }] }))
  const document = (await app.inject('/.well-known/oauth-protected-resource')).json() as { authorization_servers: string[] }
  t.strictSame(document.authorization_servers, ['https://a.example'])
})

test('keys, failures and cool-downs of one issuer are no matter to the other', async t => {
  const { a, b, clock, get } = await setup(t, (a, b) => ({ authorizationServers: [a.issuer, b.issuer] }))
  a.answer(a.jwksUri, () => new Response('', { status: 500 }))
  t.strictSame(answerOf(await get(await a.token())), unavailable)
  t.strictSame(answerOf(await get(await b.token())), accepted)
  a.answer(a.jwksUri, null)
  clock.advance(5)
  t.strictSame(answerOf(await get(await a.token())), accepted)
  // A flood of unknown keys at one of them uses up its cool-down, not the other's.
  for (let i = 0; i < 50; i++) t.strictSame(answerOf(await get(await a.token({}, { kid: `unknown-${i}` }))), i === 0 ? invalidToken : unavailable)
  const asked = (issuer: FakeIssuer): number => issuer.requests.filter(url => url === issuer.jwksUri).length
  t.strictSame([asked(a), asked(b)], [3, 1])
  await b.rotate()
  t.strictSame(answerOf(await get(await b.token())), accepted)
  t.strictSame([asked(a), asked(b)], [3, 2])
})

test('a token that names further audiences (T-27)', async t => {
  for (const [rejectForeignAudiences, status, told] of [[false, 200, 0], [true, 401, 0], ['report', 200, 1]] as const) {
    const { a, get, log } = await setup(t, a => ({ authorizationServers: [{ issuer: a.issuer, rejectForeignAudiences }] }))
    const token = await a.token({ aud: [resource, 'https://other.example'] })
    for (let i = 0; i < 3; i++) t.equal((await get(token)).statusCode, status, String(rejectForeignAudiences))
    t.equal(log.length, told, 'once for a token, not for a request')
    if (told > 0) t.match(log[0], { rule: 'foreignAudiences', issuer: a.issuer, subject: 'user-1', clientId: 'client-1', msg: 'an access token breaks a rule that is not enforced yet' })
    t.notMatch(JSON.stringify(log), token, 'and without the token')
  }
})

test('a rule of the host\'s own: first it tells, then it refuses (F29)', async t => {
  for (const reportOnly of [true, false]) {
    const { a, get, log } = await setup(t, a => ({
      authorizationServers: [{
        issuer: a.issuer,
        tokenRules: [{ name: 'short-lived', check: ({ expiresAt, issuedAt }) => expiresAt! - issuedAt! <= 300, reportOnly }]
      }]
    }))
    t.strictSame(answerOf(await get(await a.token())), accepted)
    t.strictSame(log, [])
    t.strictSame(answerOf(await get(await a.token({ exp: 1_800_003_600 }))), reportOnly ? accepted : invalidToken)
    t.strictSame(log.map(({ rule }) => rule), reportOnly ? ['short-lived'] : [])
  }
  const { a, get } = await setup(t, a => ({
    authorizationServers: [{ issuer: a.issuer, tokenRules: [{ name: 'down', check: async () => { throw new Error('down') } }] }]
  }))
  t.strictSame(answerOf(await get(await a.token())), unavailable)
})

test('an issuer of the host\'s own function (F49)', async t => {
  const asked: string[] = []
  let given: () => unknown = () => null
  const { a, b, clock, get } = await setup(t, a => ({
    authorizationServers: [a.issuer],
    resolveIssuer: async issuer => { asked.push(issuer); return given() as null }
  }))
  t.strictSame(answerOf(await get(await a.token())), accepted)
  t.strictSame(asked, [], 'those of the list are known')
  for (const iss of ['junk', 'http://b.example', '', 7, null, undefined, ['https://b.example']]) {
    t.strictSame(answerOf(await get(await b.token({ iss }))), invalidToken, JSON.stringify(iss))
  }
  t.strictSame(answerOf(await get('opaque')), invalidToken)
  t.strictSame(asked, [], 'and junk is nobody\'s')

  t.strictSame(answerOf(await get(await b.token())), invalidToken, 'null: none of ours')
  t.strictSame(answerOf(await get(await b.token())), invalidToken)
  t.strictSame([asked, b.requests], [[b.issuer], []], 'R8414-07 and it is asked for nothing')
  clock.advance(5)
  for (const failure of [() => { throw new Error('down') }, () => a.issuer, () => ({ issuer: b.issuer, nonsense: true })]) {
    given = failure
    const response = await get(await b.token())
    t.strictSame(answerOf(response), unavailable, String(failure))
    t.equal(response.headers['retry-after'], '5')
  }
  t.strictSame(b.requests, [])

  given = () => ({ issuer: b.issuer, audience: 'urn:b' })
  t.strictSame(answerOf(await get(await b.token())), invalidToken, 'by its own rule')
  asked.length = 0
  const answers = await Promise.all(Array.from({ length: 100 }, async () => await get(await b.token({ aud: 'urn:b' }))))
  t.ok(answers.every(({ statusCode }) => statusCode === 200))
  t.strictSame([asked, b.requests], [[], [b.metadataUrl, b.jwksUri]])
  given = () => null
  clock.advance(600)
  t.strictSame(answerOf(await get(await b.token({ aud: 'urn:b' }))), invalidToken, 'a tenant that is gone is gone')
})

test('what is no access token, by the rule of its issuer (S15, C-10)', async t => {
  const strict = await createTestServer(t)
  const lenient = await createTestServer(t, { rule: { profile: 'jwt' } })
  const cases: Array<[claims: Record<string, unknown>, typ: string | undefined, strict: boolean, lenient: boolean]> = [
    [{}, 'at+jwt', true, true], [{}, 'JWT', false, true], [{}, undefined, false, true], [{}, 'id+jwt', false, false],
    [{ nonce: 'n' }, 'JWT', false, false], [{ at_hash: 'x' }, undefined, false, false],
    [{ client_id: undefined, jti: undefined }, 'JWT', false, false], [{ client_id: undefined, scope: 'read' }, 'JWT', false, true],
    [{ client_id: undefined, azp: resource }, 'JWT', false, false]
  ]
  for (const [claims, typ, byStrict, byLenient] of cases) {
    for (const [server, good] of [[strict, byStrict], [lenient, byLenient]] as const) {
      t.strictSame(answerOf(await server.get(await server.issuer.token(claims, { typ }))), good ? accepted : invalidToken, JSON.stringify([claims, typ, good]))
    }
  }
})

test('who acts for the subject, where an issuer says it in its own way (R8693-14)', async t => {
  const cases: Array<[actor: string | string[] | undefined, claims: Record<string, unknown>, subject: string | null | 'refused']> = [
    [undefined, { act: { sub: 'staff-1' } }, 'staff-1'], [undefined, {}, null], [undefined, { act: 'staff-1' }, 'refused'],
    ['https://example.com/actor', { 'https://example.com/actor': 'staff-1' }, 'staff-1'],
    ['https://example.com/actor', { 'https://example.com/actor': { sub: 'staff-1' } }, 'staff-1'],
    ['https://example.com/actor', { act: { sub: 'staff-1' } }, 'staff-1'],
    ['https://example.com/actor', { 'https://example.com/actor': 7 }, 'refused'],
    ['https://example.com/actor', { 'https://example.com/actor': '' }, 'refused'],
    ['https://example.com/actor', { 'https://example.com/actor': null }, 'refused'],
    ['https://example.com/actor', { 'https://example.com/actor': 'user-1' }, null],
    [['impersonator', 'id'], { impersonator: { id: 'staff-1', username: 'sam' } }, 'staff-1']
  ]
  for (const [actor, claims, subject] of cases) {
    const { get, issuer } = await createTestServer(t, actor === undefined ? {} : { rule: { claims: { actor } } })
    const response = await get(await issuer.token(claims))
    const title = JSON.stringify([actor, claims])
    if (subject === 'refused') t.strictSame(answerOf(response), invalidToken, title)
    else t.strictSame(response.json().accessToken.actor, subject === null ? null : { issuer: issuer.issuer, subject }, title)
  }
})
