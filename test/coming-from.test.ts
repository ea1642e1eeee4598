import Fastify from 'fastify'
import { test } from 'tap'
import type { ErrorCode } from '../plugins/index.ts'
import oauthResourceServer, { errorTable, mcp } from '../plugins/index.ts'
import { createTestIssuer } from '../plugins/entry-points/testing.ts'

// The right column of the tables in docs/coming-from. The other columns were read from runs of the other packages, which are no
// dependencies of this one.

test('coming from @fastify/jwt, fastify-auth0-verify and express-oauth2-jwt-bearer: the status codes are those of the pages (F107)', async t => {
  const issuer = createTestIssuer({ resource: 'https://api.example.com' })
  const app = Fastify()
  await app.register(oauthResourceServer, issuer.options)
  app.get('/', async () => 'ok')
  app.get('/scoped', { config: { oauth: { scopes: ['a', 'b'] } } }, async () => 'ok')
  app.get('/one-claim', { config: { oauth: { policy: ({ claims }) => claims.department === 'sales' } } }, async () => 'ok')
  const get = async (url: string, token?: string) => await app.inject({ url, ...token !== undefined && { headers: { authorization: `Bearer ${token}` } } })
  const challengeOf = ({ headers }: { headers: Record<string, unknown> }): string => String(headers['www-authenticate'])

  const missing = await get('/scoped')
  t.equal(missing.statusCode, 401)
  t.equal(challengeOf(missing), 'Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource", scope="a b"')
  for (const kind of ['expired', 'wrong_audience', 'no_audience', 'no_expiry', 'id_token', 'bound_to_a_key', 'symmetric'] as const) {
    const response = await get('/', issuer.brokenToken(kind))
    t.equal(response.statusCode, 401, kind)
    t.match(challengeOf(response), 'error="invalid_token"', kind)
    const { code, message } = response.json() as { code: ErrorCode, message: string }
    t.equal(message, errorTable[code].message, `${kind}: the client gets the fixed text of the code`)
  }
  const inQuery = await get(`/?access_token=${issuer.token()}`)
  t.equal(inQuery.statusCode, 401)
  t.notMatch(challengeOf(inQuery), 'error=', 'a token in the query counts as none')
  const narrow = await get('/scoped', issuer.token({ scopes: ['a'] }))
  t.equal(narrow.statusCode, 403)
  t.match(challengeOf(narrow), 'scope="a b"', 'the 403 names every scope')
  t.equal((await get('/one-claim', issuer.token())).statusCode, 403, 'a policy of one route')

  t.equal((await get('/', issuer.token())).statusCode, 200)
  issuer.setOutage(true)
  t.equal((await get('/', issuer.token())).statusCode, 200, 'during an outage, tokens of known keys are accepted')
  await app.close()

  const cold = Fastify()
  await cold.register(oauthResourceServer, issuer.options)
  cold.get('/', async () => 'ok')
  const unavailable = await cold.inject({ url: '/', headers: issuer.headers() })
  t.equal(unavailable.statusCode, 503)
  t.match(unavailable.headers['retry-after'], /^\d+$/)
  await cold.close()
})

test('coming from the MCP SDK and FastMCP: the refusals are those of the pages (F107)', async t => {
  const issuer = createTestIssuer({ resource: 'https://mcp.example.com/mcp' })
  const app = Fastify()
  await app.register(oauthResourceServer, issuer.options)
  await app.register(mcp, { tools: { list_notes: ['notes:read'] } })
  app.route({ ...app.mcpRoute, method: ['POST'], url: '/mcp', handler: async () => ({ jsonrpc: '2.0', id: 1, result: {} }) })
  const call = async (tool: string, headers = {}) => await app.inject({
    method: 'POST', url: '/mcp', headers: { 'content-type': 'application/json', ...headers },
    payload: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: tool, arguments: {} } }
  })

  const missing = await call('list_notes')
  t.equal(missing.statusCode, 401)
  t.notMatch(missing.headers['www-authenticate'], 'error=')
  t.match(missing.headers['www-authenticate'], 'scope="notes:read"', 'the scopes of the tool')
  t.match(missing.json(), { jsonrpc: '2.0', error: {} }, 'a JSON-RPC error')
  const narrow = await call('list_notes', issuer.headers())
  t.equal(narrow.statusCode, 403)
  t.match(narrow.headers['www-authenticate'], 'error="insufficient_scope"')
  t.equal((await call('undeclared', issuer.headers({ scopes: ['notes:read'] }))).statusCode, 403)
  t.equal((await call('list_notes', issuer.headers({ scopes: ['notes:read'] }))).statusCode, 200)
  await app.close()
})
