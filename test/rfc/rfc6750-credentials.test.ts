import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import formbody from '@fastify/formbody'
import type { FastifyInstance } from 'fastify'
import { test } from 'tap'
import { parseChallenges } from '../../plugins/entry-points/client.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import type { Answer, TestServer } from '../support/server.ts'
import {
  accepted, answerOf, createTestServer, insufficientScope, invalidRequest, invalidToken, noCredentials, unavailable
} from '../support/server.ts'

/** What a server answers to these very header lines, on a socket. */
async function overTheWire (app: FastifyInstance, lines: readonly string[]): Promise<Answer> {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(['GET / HTTP/1.1', 'Host: localhost', 'Connection: close', ...lines, '', ''].join('\r\n'), 'latin1')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  const [head = ''] = text.split('\r\n\r\n')
  const [statusLine = '', ...fields] = head.split('\r\n')
  const headers: Record<string, string> = {}
  for (const field of fields) headers[field.slice(0, field.indexOf(':')).toLowerCase()] = field.slice(field.indexOf(':') + 2)
  return answerOf({ statusCode: Number(statusLine.split(' ')[1]), headers })
}

type Row = [title: string, request: (token: string) => Record<string, string>, answer: Answer]

const authorization = (value: (token: string) => string) => (token: string) => ({ authorization: value(token) })

const rows: Row[] = [
  ['R6750-01 a valid token', authorization(token => `Bearer ${token}`), accepted],
  ['R6750-01 H25 a token that is none', authorization(() => 'Bearer nonsense'), invalidToken],
  ['R6750-02 H38 bearer', authorization(token => `bearer ${token}`), accepted],
  ['R6750-02 H38 BEARER', authorization(token => `BEARER ${token}`), accepted],
  ['R6750-02 H38 bEaReR', authorization(token => `bEaReR ${token}`), accepted],
  ['R6750-02 another scheme in any case', authorization(token => `bEaReRs ${token}`), noCredentials],
  ['R6750-03 H38 two spaces', authorization(token => `Bearer  ${token}`), accepted],
  ['R6750-03 H38 many spaces', authorization(token => `Bearer         ${token}`), accepted],
  ['R6750-03 R6750-04 R6750-22 a comma', authorization(token => `Bearer ${token},b`), invalidRequest],
  ['R6750-03 R6750-04 R6750-22 H38 no token', authorization(() => 'Bearer'), invalidRequest],
  ['R6750-03 R6750-04 R6750-22 two tokens', authorization(token => `Bearer ${token} ${token}`), invalidRequest],
  ['R6750-03 R6750-04 R6750-22 a quoted token', authorization(token => `Bearer "${token}"`), invalidRequest],
  ['R6750-04 of the grammar and no JWT', authorization(() => 'Bearer abc=='), invalidToken],
  ['R6750-07 R6750-08 a token beside a query token', authorization(token => `Bearer ${token}`), accepted],
  ['R6750-18 Basic', authorization(() => 'Basic dXNlcjpwYXNz'), noCredentials],
  ['R6750-18 DPoP', authorization(token => `DPoP ${token}`), noCredentials],
  ['R6750-18 Digest', authorization(() => 'Digest username="a", realm="b"'), noCredentials],
  ['R6750-18 a bare token', authorization(token => token), noCredentials],
  ['R6750-18 no value', authorization(() => ''), noCredentials],
  ['R6750-27 a cookie', token => ({ cookie: `access_token=${token}; Authorization=Bearer ${token}` }), noCredentials],
  ['R6750-27 a cookie beside a token', token => ({ cookie: 'access_token=x', ...bearer(token) }), accepted],
  ['R6750-01 another header', token => ({ 'proxy-authorization': `Bearer ${token}`, 'x-access-token': token }), noCredentials]
]

for (const [title, headersFor, answer] of rows) {
  test(title, async t => {
    const { app, issuer, handled } = await createTestServer(t)
    const headers = headersFor(await issuer.token())
    const url = title.includes('query') ? '/?access_token=x' : '/'
    t.strictSame(answerOf(await app.inject({ url, headers })), answer)
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    t.strictSame(await overTheWire(app, lines), answer, 'the same on a socket')
    t.equal(handled.length, answer === accepted ? 2 : 0)
  })
}

test('more than one Authorization header, on a socket (R6750-11, H38)', async t => {
  const { app, issuer, handled } = await createTestServer(t)
  const token = await issuer.token()
  const cases: Array<[lines: string[], answer: Answer]> = [
    [[`Authorization: Bearer ${token}`, `Authorization: Bearer ${token}`], invalidRequest],
    [[`Authorization: Bearer ${token}`, 'authorization: Bearer x'], invalidRequest],
    [['Authorization: Bearer x', `AUTHORIZATION: Bearer ${token}`], invalidRequest],
    [[`Authorization: Bearer ${token}`, `Authorization: DPoP ${token}`], invalidRequest],
    [['Authorization: Basic x', `Authorization: Bearer ${token}`], invalidRequest],
    [[`Authorization: Bearer ${token}`, 'Authorization:'], invalidRequest],
    [[`Authorization: Bearer ${token}, Bearer ${token}`], invalidRequest],
    [[`Authorization: Bearer\t${token}`], invalidRequest],
    [[`Authorization: Bearer ${token}`, 'X-Other: Authorization'], accepted]
  ]
  for (const [lines, answer] of cases) t.strictSame(await overTheWire(app, lines), answer, lines.join(' | ').replaceAll(token, 't'))
  t.equal(handled.length, 1)
})

test('a token in a body (R6750-05, R6750-06, R6750-10, H39)', async t => {
  const { app, issuer, handled } = await createTestServer(t)
  await app.register(formbody)
  const token = await issuer.token()
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const payload = `access_token=${token}`
  const multipart = `--b\r\nContent-Disposition: form-data; name="access_token"\r\n\r\n${token}\r\n--b--\r\n`
  const requests = [
    { headers: form, payload },
    { headers: { 'content-type': 'application/json' }, payload: JSON.stringify({ access_token: token }) },
    { headers: { 'content-type': 'multipart/form-data; boundary=b' }, payload: multipart }
  ]
  for (const request of requests) {
    t.strictSame(answerOf(await app.inject({ method: 'POST', url: '/', ...request })), noCredentials, request.headers['content-type'])
    t.strictSame(answerOf(await app.inject({ method: 'GET', url: '/', ...request })), noCredentials, 'GET')
  }
  t.strictSame(handled, [])
  const both = await app.inject({ method: 'POST', url: '/', payload, headers: { ...form, ...bearer(token) } })
  t.strictSame(answerOf(both), accepted, 'is no method at all here, so beside a header it is just a body')
})

test('a token in the query (R6750-07, R6750-08, R6750-09, H39, MCPS-16)', async t => {
  const { app, issuer, handled } = await createTestServer(t)
  const token = await issuer.token()
  for (const url of [`/?access_token=${token}`, `/?Authorization=Bearer%20${token}`, `/?token=${token}`]) {
    t.strictSame(answerOf(await app.inject(url)), noCredentials)
  }
  t.strictSame(handled, [])
})

test('whatever is wrong with a token (R6750-23, H25)', async t => {
  const { app, clock, issuer, get, handled } = await createTestServer(t)
  const stranger = await createFakeIssuer({ clock })
  const now = clock.now() / 1000
  const tokens: Record<string, string> = {
    expired: await issuer.token({ exp: now - 60 }),
    malformed: 'a.b.c',
    'for somebody else': await issuer.token({ aud: 'https://other.example' }),
    'of an issuer that nobody trusts': await issuer.token({ iss: 'https://evil.example' }),
    'signed by somebody else': await stranger.token(),
    'not valid yet': await issuer.token({ nbf: now + 60 }),
    'bound to a key': await issuer.token({ cnf: { jkt: 'x' } })
  }
  for (const [title, token] of Object.entries(tokens)) t.strictSame(answerOf(await get(token)), invalidToken, title)
  t.strictSame(handled, [])
  const expired = parseChallenges(String((await get(tokens.expired!)).headers['www-authenticate']))[0]
  t.equal(expired?.parameters.get('error_description'), 'The access token has expired')
  t.strictSame(answerOf(await app.inject({ url: '/', headers: bearer(await issuer.token()) })), accepted)
})

test('validity is decided before scope (R6750-25, H29)', async t => {
  const { clock, issuer, get } = await createTestServer(t)
  const cases: Array<[Record<string, unknown>, Answer]> = [
    [{ exp: clock.now() / 1000 - 60 }, invalidToken],
    [{ aud: 'https://other.example' }, invalidToken],
    [{}, insufficientScope],
    [{ scope: 'write' }, accepted]
  ]
  for (const [claims, answer] of cases) t.strictSame(answerOf(await get(await issuer.token(claims), { url: '/write' })), answer)
})

test('no token is ever shown (R6750-26, R54)', async t => {
  const log = new PassThrough()
  let logged = ''
  log.on('data', chunk => { logged += String(chunk) })
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const app = await createApp(t, optionsFor(issuer, { clock }), { logger: { level: 'trace', stream: log } })
  const errors: unknown[] = []
  app.addHook('onError', async (_request, _reply, error) => { errors.push(error) })
  app.get('/', async () => 'ok')
  app.get('/write', { config: { oauth: { scopes: ['write'] } } }, async () => 'ok')
  const token = await issuer.token()
  const [header = '', claims = '', signature = ''] = token.split('.')
  const presented = [
    token, `${token},x`, `${header}.${claims}.${'A'.repeat(86)}`, `${header}.e30.${signature}`, `e30.${claims}.${signature}`,
    await issuer.token({ exp: 1 }), await issuer.token({ aud: 'other' }), await issuer.token({}, { kid: 'unknown' }),
    await issuer.token({ iss: 'https://evil.example' }), await issuer.token({ act: 7 }), 'x'.repeat(5000)
  ]
  for (const down of [false, true]) {
    if (down) {
      clock.advance(30)
      issuer.answer(issuer.jwksUri, () => { throw new Error('down') })
      presented.push(await issuer.token({}, { kid: 'while-down' }))
    }
    for (const given of presented) {
      for (const url of ['/', '/write']) {
        const response = await app.inject({ url, headers: bearer(given) })
        for (const secret of [given, ...given.split('.')].filter(part => part.length > 8)) {
          t.notOk(`${response.body}${JSON.stringify(response.headers)}`.includes(secret), `the answer, ${response.statusCode}`)
        }
      }
    }
  }
  t.match(logged, 'request completed')
  t.match(logged, 'FST_OAUTH_TOKEN_INVALID')
  t.match(logged, 'FST_OAUTH_UNAVAILABLE')
  t.ok(errors.length > 20)
  for (const given of presented) {
    for (const secret of given.split('.').filter(part => part.length > 8)) {
      t.notOk(logged.includes(secret), 'the log')
      t.notOk(errors.some(error => everythingOf(error).includes(secret)), 'the errors')
    }
  }
})

test('a preflight is not challenged (R6750-28)', async t => {
  const { app, handled } = await createTestServer(t)
  const secrets: string[] = []
  app.all('/all', async () => { secrets.push('shown'); return 'secret' })
  const headers = { origin: 'https://app.example', 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }
  const response = await app.inject({ method: 'OPTIONS', url: '/all', headers })
  t.strictSame(answerOf(response), { status: 204, error: undefined, pointer: false })
  t.strictSame(answerOf(await app.inject({ method: 'OPTIONS', url: '/all' })), noCredentials, 'what only looks like one is')
  t.strictSame(secrets, [])
  t.strictSame(handled, [])
})

test('a fault of the server is not one of the token (R6750-32, H40)', async t => {
  const { app, issuer, get, handled }: TestServer = await createTestServer(t)
  issuer.answer(issuer.metadataUrl, () => { throw new Error('down') })
  const response = await get(await issuer.token())
  t.strictSame(answerOf(response), unavailable)
  t.equal(response.headers['retry-after'], '5')
  t.notMatch(response.body, /invalid_token|login\.example\.com/)
  t.strictSame(handled, [])
  t.strictSame(answerOf(await app.inject('/')), noCredentials, 'and who has no token is told so all the same')
})

/** Everything that an error says, its causes included. */
function everythingOf (error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error) ?? ''
  const own = Object.getOwnPropertyNames(error).filter(name => name !== 'cause')
    .map(name => JSON.stringify((error as unknown as Record<string, unknown>)[name]))
  return [...own, error.cause === undefined ? '' : everythingOf(error.cause)].join(' ')
}
