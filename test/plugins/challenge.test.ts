import { test } from 'tap'
import { OAuthResourceError, UnavailableError } from '../../plugins/index.ts'
import { bearer } from '../support/app.ts'
import { bearerOf, createHintServer, stockChallenge } from '../support/hint.ts'

test('a challenge of the host that nobody can read is replaced, and the log says so', async t => {
  const lines: string[] = []
  const app = await createHintServer(t, {}, { logger: { level: 'warn', stream: { write: line => { lines.push(line) } } } })
  app.get('/', (_request, reply) => reply.code(401).header('www-authenticate', 'Bearer secret="x').send())
  t.equal((await app.inject('/')).headers['www-authenticate'], stockChallenge)
  t.equal(lines.length, 1)
  t.match(lines[0], 'WWW-Authenticate')
  t.notMatch(lines[0], 'secret')
})

test('why a request was refused is there for the hooks of the host', async t => {
  const app = await createHintServer(t)
  const seen: unknown[] = []
  app.addHook('onResponse', async request => { seen.push(request.oauthRefusal?.reason ?? null) })
  app.get('/ours', async () => { throw new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: 'signature_invalid' }) })
  app.get('/other', async () => { throw new Error('x') })
  app.get('/none', async () => 1)
  for (const url of ['/ours', '/other', '/none']) await app.inject(url)
  t.strictSame(seen, ['signature_invalid', null, null])
})

test('503: when to try again, and no challenge', async t => {
  const app = await createHintServer(t)
  app.get('/ours', async () => { throw new UnavailableError('keys_unavailable', 9) })
  app.get('/theirs', async () => { throw Object.assign(new Error('x'), { statusCode: 503 }) })
  app.get('/set', async (_request, reply) => { reply.header('retry-after', '120'); throw new UnavailableError('keys_unavailable', 9) })
  app.get('/opted-out', { config: { oauth: { challenge: 'none' } } }, async () => { throw new UnavailableError('keys_unavailable', 9) })
  for (const [url, retryAfter] of [['/ours', '9'], ['/theirs', undefined], ['/set', '120'], ['/opted-out', '9']] as const) {
    const response = await app.inject({ url, headers: bearer('abc') })
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], retryAfter, url)
    t.equal(response.headers['www-authenticate'], undefined)
  }
})

test('400 of our own has a challenge, 400 of others has none', async t => {
  const app = await createHintServer(t)
  app.get('/ours', async () => { throw new OAuthResourceError('FST_OAUTH_REQUEST_MALFORMED', { reason: 'authorization_malformed' }) })
  app.get('/theirs', (_request, reply) => reply.code(400).send())
  t.equal(bearerOf(await app.inject('/ours')).error, 'invalid_request')
  t.equal((await app.inject('/theirs')).headers['www-authenticate'], undefined)
})

test('errors of another copy of the package, and our own with another copy of a class', async t => {
  const app = await createHintServer(t)
  const stranger = Object.assign(new Error('x'), {
    [Symbol.for('fastify-oauth-resource-server.error')]: true,
    code: 'FST_OAUTH_SCOPE_INSUFFICIENT', statusCode: 403, oauthError: 'insufficient_scope', requiredScopes: ['a']
  })
  app.get('/', async () => { throw stranger })
  t.match(bearerOf(await app.inject('/')), { error: 'insufficient_scope', scope: 'a' })
})

test('who presented no token is told of no error, who presented one is, whoever refuses (R6750-17, R6750-18)', async t => {
  const app = await createHintServer(t)
  app.get('/', (_request, reply) => reply.code(401).send())
  for (const [headers, error] of [
    [{}, undefined], [{ authorization: 'Basic eDp5' }, undefined], [{ authorization: 'Bearer abc' }, 'invalid_token'],
    [{ authorization: 'Bearer ä ö' }, 'invalid_token']
  ] as const) t.equal(bearerOf(await app.inject({ url: '/', headers })).error, error)
})
