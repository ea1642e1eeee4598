// RFC 8707, Resource Indicators for OAuth 2.0, at the resource server.
import { test } from 'tap'
import { resolveConfig } from '../../lib/config/resolve.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { bearer, optionsFor } from '../support/app.ts'
import { createServer } from '../support/hint.ts'
import { createFakeIssuer } from '../support/issuer.ts'
import { createTestServer } from '../support/server.ts'

test('the tenant is part of the identifier: a token for one is none for the other (R8707-03)', async t => {
  const issuer = await createFakeIssuer()
  const app = createServer(t)
  for (const tenant of ['a', 'b', 'a/b']) {
    await app.register(async child => {
      await child.register(oauthResourceServer, optionsFor(issuer, { resource: `https://api.example.com/${tenant}` }))
      child.get('/data', async () => tenant)
    }, { prefix: `/${tenant}` })
  }
  const aud = 'https://api.example.com/a'
  const first = bearer(await issuer.token({ aud }))
  t.equal((await app.inject({ url: '/a/data', headers: first })).body, 'a')
  for (const url of ['/b/data', '/a/b/data']) {
    const response = await app.inject({ url, headers: first })
    t.equal(response.statusCode, 401, url)
    t.match(response.headers['www-authenticate'], /error="invalid_token"/)
  }
  for (const foreign of ['https://api.example.com', 'https://api.example.com/', `${aud}/`, 'https://api.example.com/A']) {
    t.equal((await app.inject({ url: '/a/data', headers: bearer(await issuer.token({ aud: foreign })) })).statusCode, 401, foreign)
  }
  const both = bearer(await issuer.token({ aud: [aud, 'https://api.example.com/b'] }))
  for (const tenant of ['a', 'b']) t.equal((await app.inject({ url: `/${tenant}/data`, headers: both })).body, tenant)
})

test('a resource is an absolute URI without a fragment, and better without a query (R8707-01)', async t => {
  const options = optionsFor(await createFakeIssuer())
  for (const resource of ['/api', 'api.example.com', 'https://api.example.com#x', 'https://api.example.com/#']) {
    t.throws(() => resolveConfig({ ...options, resource }), { code: 'FST_OAUTH_OPTION_INVALID' }, resource)
  }
  t.match(resolveConfig({ ...options, resource: 'https://api.example.com?tenant=a' }).warnings.join(), 'should not have a query')
})

test('an abstract audience counts where it is configured, and nowhere else (R8707-02)', async t => {
  for (const [rule, status] of [[{}, 401], [{ audience: 'api://projects' }, 200], [{ audience: ['api://a', 'api://projects'] }, 200]] as const) {
    const { get, issuer } = await createTestServer(t, { rule })
    t.equal((await get(await issuer.token({ aud: 'api://projects' }))).statusCode, status)
    t.equal((await get(await issuer.token({ aud: 'api://projects/more' }))).statusCode, 401)
  }
})
