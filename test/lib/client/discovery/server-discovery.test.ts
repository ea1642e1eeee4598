import { test } from 'tap'
import { checkPkceSupport, checkProtectedResources, discoverServer, endpointOf } from '../../../../lib/client/discovery/server-discovery.ts'
import type { ServerMetadata } from '../../../../lib/client/discovery/server-discovery.ts'
import { AuthorizationError, authorizationErrorTable } from '../../../../lib/errors/authorization-error.ts'
import { failed } from '../../../support/failed.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { outboundTo } from '../../../support/outbound.ts'

function world (documents: Record<string, unknown>): { find: (issuer: string) => Promise<ServerMetadata>, log: () => string[] } {
  const fake = createFakeOAuth({ issuer: 'https://unused.example.com' })
  for (const [place, answer] of Object.entries(documents)) {
    fake.answer(place, () => {
      if (answer instanceof Error) throw answer
      return typeof answer === 'number' ? new Response('', { status: answer }) : Response.json(answer)
    })
  }
  return { find: async issuer => await discoverServer(issuer, outboundTo(fake)), log: fake.log }
}

test('RFC 8414 3.1: the order of the well-known URLs, for issuers with and without a path [MCPC-07 R8414-05]', async t => {
  const tenant = world({})
  await t.rejects(tenant.find('https://as.example/t1'), failed('FST_OAUTH_SERVER_METADATA_MISSING'))
  t.same(tenant.log(), [
    'GET https://as.example/.well-known/oauth-authorization-server/t1',
    'GET https://as.example/.well-known/openid-configuration/t1',
    'GET https://as.example/t1/.well-known/openid-configuration'
  ])
  const root = world({})
  await t.rejects(root.find('https://as.example'), failed('FST_OAUTH_SERVER_METADATA_MISSING'))
  t.same(root.log(), ['GET https://as.example/.well-known/oauth-authorization-server', 'GET https://as.example/.well-known/openid-configuration'])
})

test('RFC 8414 3.3: a document of another issuer is not used [MCPC-08]', async t => {
  const issuer = 'https://as.example'
  const [first, second] = ['https://as.example/.well-known/oauth-authorization-server', 'https://as.example/.well-known/openid-configuration']
  for (const other of ['https://evil.example', 'https://as.example/', 'https://AS.example', 'https://as.example:443', undefined, null]) {
    await t.rejects(world({ [first]: { issuer: other }, [second]: { issuer: other } }).find(issuer), failed('FST_OAUTH_ISSUER_MISMATCH'), String(other))
  }
  const message = `${authorizationErrorTable.FST_OAUTH_ISSUER_MISMATCH.message}: "${first}" names the issuer "https://evil.example", expected "${issuer}", "${second}" status`
  await t.rejects(world({ [first]: { issuer: 'https://evil.example' } }).find(issuer), failed('FST_OAUTH_ISSUER_MISMATCH', { message }), 'the message says what each place answered')
  const { find } = world({ [first]: { issuer: 'https://evil.example', token_endpoint: 'https://evil.example' }, [second]: { issuer, token_endpoint: 'https://as.example/token' } })
  t.equal((await find(issuer)).token_endpoint, 'https://as.example/token', 'the next place is asked')
})

test('an issuer that cannot be reached is not one without metadata', async t => {
  const [first, second] = ['https://as.example/.well-known/oauth-authorization-server', 'https://as.example/.well-known/openid-configuration']
  await t.rejects(world({ [first]: 503 }).find('https://as.example'), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
  await t.rejects(world({ [first]: 404, [second]: new Error('down') }).find('https://as.example'), failed('FST_OAUTH_SERVER_UNAVAILABLE'))
  await t.rejects(world({ [first]: new AuthorizationError('FST_OAUTH_ADDRESS_REFUSED') }).find('https://as.example'), failed('FST_OAUTH_ADDRESS_REFUSED'))
})

test('an issuer in a private network gets no request [MCPC-28 T-32]', async t => {
  for (const issuer of ['https://127.0.0.1', 'http://localhost:9000', 'https://10.0.0.5/t', 'http://as.example', 'nonsense']) {
    const { find, log } = world({})
    await t.rejects(find(issuer), failed('FST_OAUTH_ADDRESS_REFUSED'), issuer)
    t.same(log(), [])
  }
})

test('RFC 7636: the authorization server must advertise PKCE with S256 [MCPC-09]', t => {
  const issuer = 'https://as.example'
  for (const methods of [undefined, [], ['plain'], 'S256', null]) {
    t.throws(() => checkPkceSupport({ issuer, code_challenge_methods_supported: methods as string[] }), failed('FST_OAUTH_PKCE_UNSUPPORTED'))
  }
  checkPkceSupport({ issuer, code_challenge_methods_supported: ['plain', 'S256'] })
  t.end()
})

test('endpoints with an unsafe scheme or a private address are refused [MCPC-29 MCPC-28]', t => {
  const httpClient = outboundTo(createFakeOAuth())
  const issuer = 'https://as.example'
  for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'http://as.example/authorize', 'http://localhost/authorize', 'https://192.168.1.1/', 'cmd:calc', '/authorize', '']) {
    t.throws(() => endpointOf({ issuer, authorization_endpoint: url }, 'authorization_endpoint', httpClient), failed('FST_OAUTH_ADDRESS_REFUSED'), url)
  }
  t.throws(() => endpointOf({ issuer }, 'token_endpoint', httpClient), failed('FST_OAUTH_ENDPOINT_MISSING', { message: /token_endpoint/ }))
  t.equal(endpointOf({ issuer, authorization_endpoint: 'https://as.example/authorize?a=b' }, 'authorization_endpoint', httpClient).search, '?a=b')
  const inDevelopment = outboundTo(createFakeOAuth(), { allowLoopback: true })
  t.equal(endpointOf({ issuer, authorization_endpoint: 'http://localhost:1/authorize' }, 'authorization_endpoint', inDevelopment).port, '1')
  t.end()
})

test('RFC 9728 4: a server that lists its resources must list this one [R9728-59]', t => {
  const server = (resources: unknown): ServerMetadata => ({ issuer: 'https://as.example', protected_resources: resources as string[] })
  checkProtectedResources(server(undefined), 'https://api.example')
  checkProtectedResources(server(['https://other.example', 'https://api.example']), 'https://api.example')
  for (const listed of [[], ['https://api.example/'], ['https://other.example']]) {
    t.throws(() => checkProtectedResources(server(listed), 'https://api.example'), failed('FST_OAUTH_SERVER_MISMATCH', { message: `${authorizationErrorTable.FST_OAUTH_SERVER_MISMATCH.message}: "https://api.example"` }))
  }
  t.end()
})
