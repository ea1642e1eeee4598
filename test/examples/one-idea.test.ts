import { createHash, randomBytes } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import type { Test } from 'tap'
import { test } from 'tap'
import { trace } from '@opentelemetry/api'
import type { Span } from '@opentelemetry/api'
import { decodeJwt } from 'jose'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { RunningExample } from '../support/example.ts'
import { startExample } from '../support/example.ts'

// @fastify/autoload looks for a loader that it knows; the one of these tests is another.
process.env.FASTIFY_AUTOLOAD_TYPESCRIPT = '1'

const folder = new URL('../../examples/', import.meta.url)

/** Runs every command that an example prints, as a user would: its remark begins with the status, or it is 200. */
async function runCommands (t: Test, example: RunningExample): Promise<Array<{ headers: Headers, body: string }>> {
  const responses = []
  t.ok(example.commands.length > 0, 'there are commands')
  for (const command of example.commands) {
    const response = await example.run(command)
    t.equal(response.status, Number(/^\d{3}\b/.exec(command.remark)?.[0] ?? 200), `${command.method} ${command.url} ${command.remark}`)
    responses.push(response)
  }
  return responses
}

const challengeOf = ({ headers }: { headers: Headers }): string => headers.get('www-authenticate') ?? ''

test('two-resources.ts: a token for one resource is refused at the other (R8707-1)', async t => {
  const [api, reports, foreign, document] = await runCommands(t, await startExample(t, 'two-resources.ts'))
  t.same([api!.body, reports!.body], ['["Analytical Engine"]', '{"month":"November","projects":1}'])
  t.match(challengeOf(foreign!), /oauth-protected-resource\/reports"/)
  t.match(JSON.parse(document!.body), { resource: /\/reports$/, scopes_supported: ['reports:read'] })
})

test('introspection.ts: a revoked opaque token is refused', async t => {
  const [active, revoked] = await runCommands(t, await startExample(t, 'introspection.ts'))
  t.equal(active!.body, '{"subject":"user-1"}')
  t.match(challengeOf(revoked!), /error="invalid_token"/)
})

test('dpop.ts: a proof works once, and a bound token is refused without one', async t => {
  const example = await startExample(t, 'dpop.ts')
  const [bound] = await runCommands(t, example)
  t.match(JSON.parse(bound!.body), { subject: 'user-1', boundTo: { keyThumbprint: /./ } })
  const replayed = await example.run(example.commands[0]!)
  t.equal(replayed.status, 401)
  t.match(challengeOf(replayed), /DPoP .*error="invalid_dpop_proof"/)
})

test('api-keys.ts: keys and access tokens are accepted on the same routes', async t => {
  const [key, token, , narrow] = await runCommands(t, await startExample(t, 'api-keys.ts'))
  t.same([key!.body, token!.body], ['{"subject":"ann"}', '{"subject":"bob"}'])
  t.match(challengeOf(narrow!), /insufficient_scope/)
})

test('session-beside-tokens.ts: a session or a token lets a request in, and a 401 leads to a token', async t => {
  const [session, token, refused] = await runCommands(t, await startExample(t, 'session-beside-tokens.ts'))
  t.same(JSON.parse(session!.body), { signedInBy: 'session', user: 'ann' })
  t.same(JSON.parse(token!.body), { signedInBy: 'access token', user: 'bob' })
  t.match(challengeOf(refused!), /^Bearer resource_metadata="/)
})

test('openapi.ts: the document has the scopes of each route', async t => {
  const [document] = await runCommands(t, await startExample(t, 'openapi.ts'))
  const { paths } = JSON.parse(document!.body) as { paths: Record<string, Record<string, { security: object, responses: object }>> }
  t.same(paths['/projects']!.get!.security, [{ oauth: ['projects:read'] }])
  t.same(paths['/projects']!.post!.security, [{ oauth: ['projects:read', 'projects:write'] }])
  t.same(Object.keys(paths['/projects']!.get!.responses), ['200', '401', '403', '503'])
  t.equal(paths['/openapi.json'], undefined)
})

test('metrics-and-traces.ts: a refusal is counted, and is an event of the active span', async t => {
  const events: unknown[] = []
  const { getActiveSpan } = trace
  // Stands in for an OpenTelemetry SDK.
  trace.getActiveSpan = () => ({ addEvent: (name: string, attributes: object) => { events.push({ name, attributes }) } }) as unknown as Span
  t.teardown(() => { trace.getActiveSpan = getActiveSpan })
  const [, , metrics] = await runCommands(t, await startExample(t, 'metrics-and-traces.ts'))
  t.match(metrics!.body, 'oauth_requests{outcome="accepted",reason=""} 1')
  t.match(metrics!.body, 'oauth_requests{outcome="refused",reason="scope_insufficient"} 1')
  t.same(events, [{ name: 'oauth.refusal', attributes: { reason: 'scope_insufficient', route: 'GET /projects' } }])
})

test('proxy.ts: the upstream gets the credential of the proxy and never the token of the caller', async t => {
  const [forwarded] = await runCommands(t, await startExample(t, 'proxy.ts'))
  t.same(JSON.parse(forwarded!.body), { sky: 'clear', apiKey: 'key-of-the-proxy', callersToken: null })
})

test('mcp-tool-scopes.ts: each tool needs its own scopes, and undeclared tools are refused', async t => {
  const [, whoami, , narrow, , missing] = await runCommands(t, await startExample(t, 'mcp-tool-scopes.ts'))
  t.match(whoami!.body, '"text":"ann"')
  t.match(challengeOf(narrow!), 'scope="notes:read notes:write"')
  t.match(challengeOf(missing!), 'scope="notes:read"')
})

test('mcp-gateway.ts: scopes are checked in front of an MCP server that has none', async t => {
  const [forwarded, narrow] = await runCommands(t, await startExample(t, 'mcp-gateway.ts'))
  t.match(forwarded!.body, 'list_notes was called')
  t.match(challengeOf(narrow!), 'scope="notes:read notes:write"')
})

test('mcp-sessions.ts: a session works for the user who began it, and is 404 for another one', async t => {
  const { origin, output } = await startExample(t, 'mcp-sessions.ts')
  const tokenOf = (user: string): string => new RegExp(`${user}: (\\S+)`).exec(output)![1]!
  const url = new URL(`${origin}/mcp`)
  const transport = new StreamableHTTPClientTransport(url, { requestInit: { headers: { authorization: `Bearer ${tokenOf('ann')}` } } })
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport)
  t.teardown(() => client.close())
  await client.callTool({ name: 'count', arguments: {} })
  t.match(await client.callTool({ name: 'count', arguments: {} }), { content: [{ text: '2' }] })
  const stolen = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${tokenOf('bob')}`, 'mcp-session-id': transport.sessionId!, 'content-type': 'application/json', accept: 'application/json, text/event-stream'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'count', arguments: {} } })
  })
  t.equal(stolen.status, 404)
})

test('autoload: a plugin file protects the routes of other files', async t => {
  const [refused] = await runCommands(t, await startExample(t, 'autoload/server.ts'))
  t.match(challengeOf(refused!), 'scope="projects:read"')
})

test('third-party-impersonation.ts: a claim of the issuer marks impersonated tokens, and each use of them is checked', async t => {
  const [staff, , refused, customer] = await runCommands(t, await startExample(t, 'third-party-impersonation.ts'))
  t.same(JSON.parse(staff!.body), { subject: 'ann', impersonatedBy: 'sam' })
  t.same(JSON.parse(customer!.body), { subject: 'ann', impersonatedBy: null })
  t.notMatch(refused!.body, 'globex', 'the refusal names no organization')
})

test('own-authorization-server.ts: the guard refuses the grant of an impersonator without an approval', async t => {
  const { origin } = await startExample(t, 'own-authorization-server.ts')

  const customer = await connect(origin, 'bob')
  t.match(customer, { sub: 'bob', aud: 'https://api.example.com', scope: 'projects:read' }, 'customers are not affected')
  t.equal((customer as { act?: unknown }).act, undefined)
  t.match(await connect(origin, 'sam-as-ann'), { sub: 'ann', act: { sub: 'sam' }, impersonation: {} }, 'globex has approved')
  t.equal(await connect(origin, 'sam-as-bob'), 'access_denied', 'acme has not')
})

/** An authorization code flow in a browser with this session. The claims of the access token, or the error of the redirect. */
async function connect (origin: string, session: string): Promise<object | string> {
  const redirectUri = 'https://desk.example.com/callback'
  const verifier = randomBytes(32).toString('base64url')
  const cookies = new Map([['session', session]])
  let url = new URL('/auth', origin)
  url.search = new URLSearchParams({
    client_id: 'desk', response_type: 'code', scope: 'projects:read', redirect_uri: redirectUri,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256'
  }).toString()
  while (url.origin === origin) {
    const response = await fetch(url, { redirect: 'manual', headers: { cookie: [...cookies].map(pair => pair.join('=')).join('; ') } })
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';', 1)[0]!.split(/=(.*)/s)
      cookies.set(name, value)
    }
    url = new URL(response.headers.get('location')!, url)
  }
  const error = url.searchParams.get('error')
  if (error !== null) return error
  const body = new URLSearchParams({
    grant_type: 'authorization_code', client_id: 'desk', redirect_uri: redirectUri, code: url.searchParams.get('code')!, code_verifier: verifier
  })
  const { access_token: token } = await (await fetch(new URL('/token', origin), { method: 'POST', body })).json() as { access_token: string }
  return decodeJwt(token)
}

/** The examples that another file of the tests runs: it names them. */
const elsewhere: Readonly<Record<string, string>> = {
  'minimal.ts': 'minimal.test.ts',
  'login.mjs': 'first-token.test.ts',
  'commonjs.cjs': '../package/package.test.ts',
  'nestjs.ts': '../hosts/install.ts',
  keycloak: 'keycloak.test.ts',
  demo: '../e2e/example-process.test.ts',
  'local-proxy': '../e2e/local-proxy-process.test.ts',
  'mcp-conformance': '../conformance/mcp-server.test.ts',
  'mcp-conformance.ts': '../conformance/mcp-server.test.ts'
}

test('examples/README.md lists every example, and each is run by a test', async t => {
  const names = (await readdir(folder)).filter(name => name !== 'README.md').sort()
  const table = await readFile(new URL('README.md', folder), 'utf8')
  t.same([...table.matchAll(/^\| (?:\[`([^`]+)`\]|`([^`]+)`)/gm)].map(([, linked, named]) => linked ?? named).sort(), names)
  const own = await readFile(new URL(import.meta.url), 'utf8')
  for (const name of names) {
    const other = elsewhere[name]
    const code = other === undefined ? own : await readFile(new URL(other, import.meta.url), 'utf8')
    t.ok(code.includes(other === undefined ? `startExample(t, '${name}` : name.replace(/\.ts$/, '')), `${name} is run by ${other ?? 'this file'}`)
  }
})
