// RFC 9700, Best Current Practice for OAuth 2.0 Security, at the resource server.
import { test } from 'tap'
import type { InjectOptions } from 'fastify'
import oauthResourceServer from '../../plugins/index.ts'
import { bearer, optionsFor, resource } from '../support/app.ts'
import { bearerOf, createServer, pointer } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { accepted, answerOf, createTestServer, insufficientScope, invalidToken } from '../support/server.ts'

test('the audience is checked on every request, whatever the route says, for known tokens too (R9700-01)', async t => {
  const { app, get, issuer, handled } = await createTestServer(t)
  app.get('/rules', {
    config: { oauth: { scopes: ['write'], anyOrganization: true, anyTeam: true, actors: 'any', policy: () => true } }
  }, async () => 'reached')
  const foreign = await issuer.token({ aud: 'https://other.example.com', scope: 'write' })
  for (let i = 0; i < 2; i++) {
    for (const request of [
      { url: '/' }, { url: '/write' }, { url: '/optional' }, { url: '/rules' }, { method: 'POST', url: '/' }, { method: 'HEAD', url: '/' }
    ] satisfies InjectOptions[]) {
      t.strictSame(answerOf(await get(foreign, request)), invalidToken, JSON.stringify(request))
    }
  }
  t.strictSame(handled, [])
})

test('privilege is checked on every request: a token that was let in once is no pass (R9700-02)', async t => {
  const { get, issuer } = await createTestServer(t)
  const token = await issuer.token({ scope: 'read' })
  for (let i = 0; i < 2; i++) {
    t.strictSame(answerOf(await get(token)), accepted)
    t.strictSame(answerOf(await get(token, { url: '/write' })), insufficientScope)
    t.strictSame(answerOf(await get(token, { method: 'HEAD', url: '/write' })), insufficientScope)
  }
})

test('tokens are in no log, no error and no answer, and nobody is sent one (R9700-04)', async t => {
  const lines: string[] = []
  const asked: string[] = []
  const issuer = await createFakeIssuer()
  const fetch: typeof issuer.fetch = async (url, init) => {
    asked.push(`${url} ${JSON.stringify(init)}`)
    return await issuer.fetch(url, init)
  }
  const app = createServer(t, { logger: { level: 'trace', stream: { write: line => { lines.push(line) } } } })
  await app.register(oauthResourceServer, optionsFor(issuer, { fetch }))
  app.addHook('onError', async ({ log }, _reply, error) => { log.error({ err: error, all: { ...error } }) })
  app.get('/', async request => request.accessToken)
  app.get('/write', { config: { oauth: { scopes: ['write'] } } }, async () => 'written')
  app.get('/fails', { config: { oauth: { policy: () => { throw new Error('gone') } } } }, async () => 'reached')

  const good = await issuer.token()
  const bad = `${good.slice(0, -8)}AAAAAAAA`
  const answers = []
  for (const token of [good, good, bad, 'not.a.token-at-all', await issuer.token({ exp: 1 })]) {
    for (const url of ['/', '/write', '/fails']) {
      const { body, headers } = await app.inject({ url, headers: bearer(token) })
      answers.push(body, JSON.stringify(headers))
    }
  }
  t.ok(lines.length > 10 && asked.length > 0)
  const signature = good.split('.')[2]!
  for (const secret of [good, signature, bad, 'not.a.token-at-all']) {
    t.notOk([...lines, ...asked, ...answers].some(text => text.includes(secret)), secret.slice(0, 20))
  }
})

for (const trustProxy of [false, true]) {
  test(`what a peer says of itself is believed nowhere, with trustProxy ${trustProxy} (R9700-07)`, async t => {
    const issuer = await createFakeIssuer()
    const app = createServer(t, { trustProxy })
    await app.register(oauthResourceServer, optionsFor(issuer))
    app.get('/', async () => 'data')
    const spoofed = {
      host: 'evil.example.com',
      forwarded: 'host=evil.example.com;proto=http',
      'x-forwarded-host': 'evil.example.com',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-prefix': '/evil'
    }
    const refused = await app.inject({ url: '/', headers: spoofed })
    t.equal(bearerOf(refused).resource_metadata, pointer)
    const document = await app.inject({ url: new URL(pointer).pathname, headers: spoofed })
    t.equal(document.json<{ resource: string }>().resource, resource)
    const token = await issuer.token({ aud: 'https://evil.example.com' })
    t.strictSame(answerOf(await app.inject({ url: '/', headers: { ...spoofed, ...bearer(token) } })), invalidToken)
  })
}

test('a client that acts for itself is not taken for a user (R9700-08)', async t => {
  const { app, get, issuer } = await createTestServer(t)
  app.get('/users', { config: { oauth: { policy: ({ principalType }) => principalType === 'user' } } }, async () => 'user')
  const user = await issuer.token({ sub: 'ann', client_id: 'app' })
  const client = await issuer.token({ sub: 'app', client_id: 'app' })
  for (const [token, principalType, status] of [[user, 'user', 200], [client, 'client', 403]] as const) {
    t.match((await get(token)).json(), { accessToken: { principalType } })
    t.equal((await get(token, { url: '/users' })).statusCode, status)
  }
})
