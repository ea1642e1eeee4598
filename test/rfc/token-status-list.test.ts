import { deflateSync } from 'node:zlib'
import type { Test } from 'tap'
import { test } from 'tap'
import { readStatusList } from '../../lib/token/status-list.ts'
import { createSigningKey } from '../../lib/testing/signing-key.ts'
import type { SigningKey } from '../../lib/testing/signing-key.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { createApp, resource } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'

const login = 'https://login.example.com'
const uri = `${login}/statuslists/1`
const start = 1_800_000_000

/** The list of these statuses, as the issuer compresses it (section 4.1). */
function compress (statuses: readonly number[], bits: number): string {
  const bytes = Buffer.alloc(Math.ceil(statuses.length * bits / 8))
  for (const [index, status] of statuses.entries()) bytes[Math.floor(index * bits / 8)]! |= status << (index * bits) % 8
  return deflateSync(bytes, { level: 9 }).toString('base64url')
}

type StatusListOption = Exclude<NonNullable<Exclude<OAuthResourceServerOptions['authorizationServers'][number], string>['statusList']>, boolean>

async function world (t: Test, statusList: StatusListOption | boolean | null = true, more: Partial<OAuthResourceServerOptions> = {}, issuer: object = {}) {
  const clock = createTestClock(start)
  const key = createSigningKey('ES256', 'key-1')
  const state = { statuses: [0, 1, 2, 3], bits: 2, claims: {} as Record<string, unknown>, header: {} as Record<string, unknown>, key: key as SigningKey, isDown: false, after: '' }
  const requests: Array<[method: string | undefined, url: string, accept: string | undefined]> = []
  const lines: string[] = []
  const now = (): number => Math.floor(clock.now() / 1000)
  const list = (): string => state.key.sign(
    { typ: 'statuslist+jwt', kid: state.key.keyId, ...state.header },
    { iss: login, sub: uri, iat: now(), exp: now() + 86_400, ttl: 60, status_list: { bits: state.bits, lst: compress(state.statuses, state.bits) }, ...state.claims }) + state.after
  const app = await createApp(t, {
    resource,
    authorizationServers: [{ issuer: login, jwks: { keys: [key.publicJwk] }, ...statusList !== null && { statusList }, ...issuer }],
    clock,
    fetch: async (url, { method, headers }) => {
      requests.push([method, url, (headers as Record<string, string>).accept])
      if (state.isDown) return new Response('', { status: 500 })
      return url === `${login}/status-keys` ? Response.json({ keys: [state.key.publicJwk] }) : new Response(list(), { headers: { 'content-type': 'application/statuslist+jwt' } })
    },
    ...more
  }, { logger: { level: 'info', stream: { write: (line: string) => { lines.push(line) } } } })
  const verified = new Set<unknown>()
  app.get('/me', async request => {
    verified.add(request.accessToken)
    return request.accessToken!.subject
  })
  let serial = 0
  const token = (status: unknown, claims: Record<string, unknown> = {}): string => key.sign({ typ: 'at+jwt', kid: 'key-1' }, {
    iss: login, aud: resource, sub: 'ann', client_id: 'client-1', jti: String(++serial), iat: now(), exp: now() + 3600, ...status !== undefined && { status }, ...claims
  })
  const at = (idx: unknown, of: unknown = uri, claims: Record<string, unknown> = {}): string => token({ status_list: { idx, uri: of } }, claims)
  const ask = async (given: string) => await app.inject({ url: '/me', headers: { authorization: `Bearer ${given}` } })
  const statusOf = async (given: string) => (await ask(given)).statusCode
  const reasons = (): unknown => Object.fromEntries([...app.oauthCounters.refused, ...app.oauthCounters.unavailable].map(({ reason, count }) => [reason, count]))
  /** What happens behind a request ends in the thread pool. */
  const eventually = async (isSo: () => boolean | Promise<boolean>): Promise<boolean> => {
    for (let turn = 0; turn < 20_000; turn++) {
      if (await isSo()) return true
      await new Promise(setImmediate)
    }
    return false
  }
  /** What the log says about the refusals: what was expected, and what came. */
  const details = (): unknown[] => lines.flatMap(line => {
    const { audit } = JSON.parse(line) as { audit?: { detail: { expected: string, received: string } } }
    return audit === undefined ? [] : [[audit.detail.expected, audit.detail.received]]
  })
  return { app, clock, state, requests, lines, verified, token, at, ask, statusOf, reasons, details, eventually }
}

test('Token Status List 4.1: statuses of 1, 2, 4 and 8 bits are read from the least significant bit on', async t => {
  for (const bits of [1, 2, 4, 8]) {
    const statuses = Array.from({ length: 1001 }, (_, index) => (index * 7 + (index >> 3)) % 2 ** bits)
    const list = await readStatusList({ status_list: { bits, lst: compress(statuses, bits) }, iat: 0 }, { uri, maxListBytes: 1001 })
    t.strictSame(statuses.map((_, index) => list.statusAt(index)), statuses, `${bits} bits`)
    t.equal(list.statusAt(Math.ceil(1001 * bits / 8) * 8 / bits), null, 'and no further')
  }
  // The example of that section.
  const lst = Buffer.from('78da3be9f2130003df0207', 'hex').toString('base64url')
  const list = await readStatusList({ status_list: { bits: 2, lst }, iat: 0 }, { uri, maxListBytes: 3 })
  t.strictSame(Array.from({ length: 12 }, (_, index) => list.statusAt(index)), [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3])
})

test('Token Status List 8.3: a token is accepted while its status is VALID, and refused with any other one', async t => {
  const { at, ask, statusOf, reasons, requests, details } = await world(t)
  t.equal(await statusOf(at(0)), 200)
  for (const [idx, words] of [[1, 'INVALID'], [2, 'SUSPENDED'], [3, 'application specific']] as const) {
    const answer = await ask(at(idx))
    t.equal(answer.statusCode, 401, words)
    t.match(answer.headers['www-authenticate'], /error="invalid_token"/)
  }
  t.strictSame(reasons(), { token_revoked: 2, token_suspended: 1 })
  t.strictSame(details(), [1, 2, 3].map(status => [`status 0 (VALID) at idx ${status} of ${uri}`, `status ${status}`]))
  t.strictSame(requests, [['GET', uri, 'application/statuslist+jwt']], 'one list for all, requested once')
})

test('Token Status List 8.3: an index that the list does not have is refused; a longer list is looked for first', async t => {
  const { at, statusOf, reasons, requests, state, clock, details } = await world(t)
  t.equal(await statusOf(at(4)), 401, 'of a list that was loaded for it')
  t.strictSame(details(), [[`a status at idx 4 of ${uri}`, 'a list that does not reach that far']])
  state.statuses = [0, 1, 2, 3, 0]
  t.equal(await statusOf(at(4)), 200, 'the issuer has made the list longer')
  t.equal(requests.length, 2)
  t.equal(await statusOf(at(8)), 503, 'a third one is not requested at once')
  clock.advance(31)
  t.equal(await statusOf(at(8)), 401)
  t.equal(requests.length, 3)
  t.equal(await statusOf(at(8, uri, { iat: start })), 401, 'of a token that is older than the list')
  t.equal(await statusOf(at(8, uri, { iat: start + 31 - 6 })), 401, 'by six seconds')
  t.equal(await statusOf(at(8, uri, { iat: start + 31 - 5 })), 503, 'by less than clocks may differ: a newer list could have it')
  t.equal(requests.length, 3)
  t.strictSame(reasons(), { status_unreadable: 4, status_list_unavailable: 2 })
})

test('a token that does not say when it was issued is looked up in a newer list', async t => {
  const { token, state, clock, statusOf, at } = await world(t, true, {}, { profile: 'jwt' })
  t.equal(await statusOf(at(0)), 200)
  state.statuses = [0, 0, 0, 0, 0]
  clock.advance(10)
  t.equal(await statusOf(token({ status_list: { idx: 4, uri } }, { iat: null })), 200)
})

test('a reference that cannot be followed refuses the token, and nothing is requested', async t => {
  const { at, token, statusOf, requests, reasons, details } = await world(t, { uris: [`${login}/statuslists`, 'https://cdn.example/one'] })
  const bad: ReadonlyArray<readonly [string, string]> = [
    ['status is no object', token('revoked')], ['status is null', token(null)], ['status is a list', token([])],
    ['status_list is null', token({ status_list: null })], ['status_list is a string', token({ status_list: uri })],
    ['idx is negative', at(-1)], ['idx is a fraction', at(0.5)], ['idx is a string', at('0')], ['idx is beyond integers', at(2 ** 53)], ['no idx', at(undefined)],
    ['uri is no string', at(0, 7)], ['another origin', at(0, 'https://other.example/statuslists/1')], ['another path', at(0, `${login}/jwks`)],
    ['a path that only begins like it', at(0, `${login}/statuslists-of-others/1`)], ['dot segments', at(0, `${login}/statuslists/../admin`)],
    ['encoded dot segments', at(0, `${login}/statuslists/%2e%2e/admin`)], ['a user name', at(0, 'https://login.example.com@other.example/statuslists/1')],
    ['a fragment', at(0, `${uri}#x`)], ['below one that is a whole URI', at(0, 'https://cdn.example/oneself')], ['http', at(0, uri.replace('https', 'http'))]
  ]
  for (const [title, given] of bad) t.equal(await statusOf(given), 401, title)
  t.strictSame([requests, reasons()], [[], { status_unreadable: bad.length }])
  const listUri = `status.status_list.uri is one of ${login}/statuslists, https://cdn.example/one, or below it`
  t.match(details(), [
    ['status is an object', 'status is "revoked"'], ['status is an object', 'status is null'], ['status is an object', 'status is []'],
    ...Array.from({ length: 7 }, () => ['status.status_list.idx is an integer of at least 0', /^status is {"status_list":/]),
    ...bad.slice(10).map(() => [listUri, /^status is {"status_list":/])
  ])
  t.equal(await statusOf(at(0)), 200)
  t.equal(await statusOf(at(0, `${login}/statuslists`)), 503, 'sub of the list is another URI')
})

test('Token Status List 5.1 and 8.3: a list that is not valid is no answer: 503, and never 200', async t => {
  const stranger = createSigningKey('ES256', 'key-1')
  const bomb = deflateSync(Buffer.alloc(5_000_000)).toString('base64url')
  const cases: ReadonlyArray<readonly [title: string, Partial<{ claims: Record<string, unknown>, header: Record<string, unknown>, key: SigningKey, isDown: boolean }>]> = [
    ['another type', { header: { typ: 'JWT' } }], ['no type', { header: { typ: undefined } }], ['no signature', { header: { alg: 'none' } }], ['a shared secret', { header: { alg: 'HS256' } }],
    ['a critical header', { header: { crit: ['x'] } }], ['another key', { key: stranger }], ['another sub', { claims: { sub: `${uri}/` } }], ['no sub', { claims: { sub: undefined } }],
    ['another issuer', { claims: { iss: 'https://other.example' } }], ['no iat', { claims: { iat: undefined } }], ['iat in the future', { claims: { iat: start + 60 } }],
    ['nbf in the future', { claims: { nbf: start + 60 } }], ['expired', { claims: { exp: start } }], ['exp in words', { claims: { exp: 'x' } }], ['a ttl of nothing', { claims: { ttl: 0 } }],
    ['no list', { claims: { status_list: undefined } }], ['3 bits', { claims: { status_list: { bits: 3, lst: compress([0], 1) } } }], ['no lst', { claims: { status_list: { bits: 1 } } }],
    ['no base64url', { claims: { status_list: { bits: 1, lst: '+/' } } }], ['not compressed', { claims: { status_list: { bits: 1, lst: 'AAAA' } } }],
    ['a bomb', { claims: { status_list: { bits: 1, lst: bomb } } }], ['away', { isDown: true }]
  ]
  for (const [title, changes] of cases) {
    const { at, ask, state, reasons, clock, details } = await world(t)
    Object.assign(state, changes)
    const answer = await ask(at(0))
    t.strictSame([answer.statusCode, answer.headers['retry-after']], [503, '5'], title)
    t.strictSame(reasons(), { status_list_unavailable: 1 })
    t.match(details(), [[`the status list ${uri}`, `"${uri}: `]], 'the log says which list')
    Object.assign(state, { claims: {}, header: {}, isDown: false }, changes.key !== undefined && { claims: {} })
    if (changes.key !== undefined) continue
    clock.advance(6)
    t.equal((await ask(at(0))).statusCode, 200, 'once it is valid')
  }
})

test('what is no JWT is no list; one without iss, or with a line break around it, is one', async t => {
  const { at, statusOf, state } = await world(t, true, { discovery: { maxBytes: 1024 } })
  Object.assign(state, { claims: { iss: undefined }, after: '\r\n' })
  t.equal(await statusOf(at(0)), 200)
  const other = await world(t, true, { fetch: async () => new Response('hello') })
  t.equal(await other.statusOf(other.at(0)), 503)
  t.strictSame(other.details(), [[`the status list ${uri}`, `"${uri}: token_malformed: it does not have three parts"`]])
})

test('Token Status List 13.7: the list is kept for its ttl, then renewed behind the requests, and cached tokens follow it', async t => {
  const { at, statusOf, state, clock, requests, eventually, verified } = await world(t)
  const token = at(0)
  t.equal(await statusOf(token), 200)
  state.statuses = [1, 1, 1, 1]
  clock.advance(59)
  t.equal(await statusOf(token), 200, 'its time is not over')
  t.equal(verified.size, 1, 'the token was not verified again')
  t.equal(requests.length, 1)
  clock.advance(2)
  t.equal(await statusOf(token), 200, 'the last good list, while it is renewed')
  t.ok(await eventually(async () => await statusOf(token) === 401), 'a token that was remembered as verified is looked up again')
  t.equal(requests.length, 2)
  state.statuses = [0]
  clock.advance(61)
  t.ok(await eventually(async () => await statusOf(token) === 200), 'a suspension can be lifted')
})

test('a list that cannot be renewed is used for a while, and never past its exp', async t => {
  const { at, statusOf, state, clock, eventually, lines, reasons } = await world(t, { maxStaleSeconds: 100 })
  const token = at(0)
  t.equal(await statusOf(token), 200)
  state.isDown = true
  clock.advance(100)
  t.equal(await statusOf(token), 200)
  t.ok(await eventually(() => lines.join('').includes('the status list of an issuer could not be loaded')))
  clock.advance(61)
  t.equal(await statusOf(token), 503)

  state.isDown = false
  clock.advance(6)
  state.claims = { exp: start + 200, ttl: undefined }
  t.equal(await statusOf(token), 200)
  state.isDown = true
  clock.advance(34)
  t.equal(await statusOf(token), 503, 'exp is over')
  t.strictSame(reasons(), { status_list_unavailable: 2 })
})

test('a list that ends before it is due is fetched again then, as often as that happens', async t => {
  for (const ttl of [undefined, 60]) {
    const { at, statusOf, state, clock, requests } = await world(t)
    const token = at(0)
    for (const [second, expected] of [[0, 1], [15, 1], [20, 2], [35, 2], [40, 3]] as const) {
      if (second % 20 === 0) state.claims = { ttl, exp: start + second + 20 }
      t.equal(await statusOf(token), 200, `ttl ${ttl}, second ${second}`)
      t.equal(requests.length, expected)
      clock.advance(second % 20 === 0 ? 15 : 5)
    }
    state.isDown = true
    clock.advance(5)
    t.equal(await statusOf(token), 503, 'not at the second of its exp')
  }
})

test('a list is fetched again after maxAgeSeconds at the latest, and not more often than the ttl of the list is reasonable', async t => {
  const { at, statusOf, state, clock, requests, eventually } = await world(t, { maxAgeSeconds: 30 })
  state.claims = { ttl: 43_200, exp: undefined }
  t.equal(await statusOf(at(0)), 200)
  clock.advance(31)
  state.claims = { ttl: 0.001, exp: undefined }
  state.statuses = [1]
  t.ok(await eventually(async () => await statusOf(at(0)) === 401), 'the second list')
  clock.advance(9)
  t.equal(await statusOf(at(0)), 401)
  t.equal(requests.length, 2)
  clock.advance(1)
  t.equal(await statusOf(at(0)), 401)
  t.equal(requests.length, 3)
  const endless = await world(t)
  endless.state.claims = { ttl: undefined, exp: undefined }
  t.equal(await endless.statusOf(endless.at(0)), 200, 'it need not say how long it lives')
})

test('allowUnavailable accepts tokens whose list cannot be had, with a warning, and refuses those of a list that can', async t => {
  const { at, statusOf, state, clock, lines } = await world(t, { allowUnavailable: true })
  state.isDown = true
  const [good, bad] = [at(0), at(1)]
  t.strictSame([await statusOf(good), await statusOf(bad)], [200, 200])
  t.match(lines.join(''), /could not be loaded/)
  state.isDown = false
  clock.advance(6)
  t.strictSame([await statusOf(good), await statusOf(bad)], [200, 401], 'it was not remembered as verified')
})

test('required refuses tokens that name no list; else they are accepted, as are those with another kind of status', async t => {
  for (const [required, status, kinds] of [[true, 401, { claim_missing: 2 }], [false, 200, {}]] as const) {
    const { token, statusOf, reasons, details } = await world(t, { required })
    t.strictSame([await statusOf(token(undefined)), await statusOf(token({ other: {} }))], [status, status])
    t.strictSame(reasons(), kinds)
    const detail = ['claim status.status_list (authorizationServers[0].statusList.required)', 'status.status_list is missing']
    t.strictSame(details(), required ? [detail, detail] : [])
  }
})

test('Token Status List 8.3: nothing is fetched for a token that is refused anyway', async t => {
  const { at, statusOf, requests } = await world(t)
  t.equal(await statusOf(at(0, uri, { exp: start - 60 })), 401)
  t.equal(await statusOf(at(0, uri, { aud: 'https://other.example' })), 401)
  t.equal(await statusOf(`${at(0).slice(0, -10)}AAAAAAAAAA`), 401)
  t.strictSame(requests, [])
})

test('Token Status List 12.4: another party may sign the lists', async t => {
  const { at, statusOf, state } = await world(t, { uris: [`${login}/`], jwksUri: `${login}/status-keys` })
  state.key = createSigningKey('ES256', 'status-1')
  state.claims = { iss: 'https://status.example' }
  t.strictSame([await statusOf(at(0)), await statusOf(at(1))], [200, 401])
})

test('RFC 7519 4: without the option, a status is ignored, and the log says so once', async t => {
  for (const option of [null, false]) {
    const { at, token, statusOf, requests, lines } = await world(t, option)
    t.equal(await statusOf(token(undefined)), 200)
    t.notMatch(lines.join(''), /status list/)
    t.strictSame([await statusOf(at(1)), await statusOf(at(2)), requests], [200, 200, []])
    t.equal(lines.filter(line => line.includes('set authorizationServers[0].statusList')).length, 1)
  }
})

test('options that cannot be used stop the boot', async t => {
  const introspection = { clientId: 'a', authentication: { method: 'client_secret_basic', clientSecret: 'b' }, endpoint: `${login}/introspect` } as const
  const jwks = { keys: [createSigningKey('ES256', 'a').publicJwk] }
  const cases: ReadonlyArray<readonly [issuer: object, message: RegExp]> = [
    [{ statusList: { uris: ['http://lists.example'] } }, /statusList\.uris\[0\] must be https/],
    [{ statusList: { jwksUri: 'http://lists.example' } }, /statusList\.jwksUri must be https/],
    [{ statusList: { uri: 'x' } }, /unknown option "uri"\. Did you mean "uris"\?/],
    [{ statusList: { maxListBytes: 0 } }, /maxListBytes must be an integer/],
    [{ statusList: true, introspection }, /statusList and .*introspection contradict each other/],
    [{ issuer: 'my-issuer', statusList: true, jwks }, /statusList requires .*statusList\.uris/]
  ]
  for (const [issuer, message] of cases) {
    await t.rejects(createApp(t, { resource, authorizationServers: [{ issuer: login, ...issuer }] } as never).then(async app => await app.ready()), { message }, String(message))
  }
})
