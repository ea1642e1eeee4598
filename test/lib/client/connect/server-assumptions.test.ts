import { test } from 'tap'
import { connect } from '../../../../lib/client/connect/connect.ts'
import { requestClientCredentials } from '../../../../lib/client/oauth/grants.ts'
import { createConnectionWorld, fetchOf, machine } from '../../../support/connection-world.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'

const known = machine[0]

test('RFC 7636: an authorization server that does not advertise PKCE (F8: Entra, Cognito)', async t => {
  const silent = { server: { code_challenge_methods_supported: undefined, registration_endpoint: undefined } }
  const { fake, connection } = await createConnectionWorld(silent, { clients: [{ ...known, assumptions: { supportsPkce: true } }] })
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(fake.authorizations[0]!.get('code_challenge_method'), 'S256')
  const strict = await createConnectionWorld(silent, { clients: machine })
  await t.rejects(strict.connection.fetch(strict.fake.resource), failed('FST_OAUTH_PKCE_UNSUPPORTED'))
})

test('RFC 8707: an authorization server that refuses the resource parameter (F8: Entra)', async t => {
  const refusing = (fake: ReturnType<typeof createFakeOAuth>): void => {
    const original = fake.fetch
    const refuse = async (request: { url: string, method: string, headers: Headers, body: string, form: URLSearchParams }): Promise<Response> => {
      if (request.form.has('resource')) return Response.json({ error: 'invalid_target', error_description: 'AADSTS9010010' }, { status: 400 })
      fake.answer(request.url, null)
      const response = await original(request.url, request)
      fake.answer(request.url, refuse)
      return response
    }
    fake.answer('https://login.example.com/token', refuse)
  }
  const { fake, connection } = await createConnectionWorld({}, { clients: [{ ...known, assumptions: { refusesResource: true } }] })
  refusing(fake)
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(fake.authorizations[0]!.get('resource'), null)
  fake.killTokens()
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.equal(fake.tokenRequests.at(-1)!.get('grant_type'), 'refresh_token', 'the refresh has none either')

  const world = createFakeOAuth()
  refusing(world)
  const machines = await connect({ url: world.resource, grant: requestClientCredentials, fetch: fetchOf(world), clients: [{ ...known, assumptions: { refusesResource: true } }] })
  t.equal((await machines.fetch(world.resource)).status, 200)
  const strict = await createConnectionWorld({}, { clients: machine })
  refusing(strict.fake)
  await t.rejects(strict.connection.fetch(strict.fake.resource), { ...failed('FST_OAUTH_TOKEN_REQUEST_REFUSED'), oauthError: 'invalid_target' })
})

test('RFC 9728: an API without a metadata document whose authorization server is known (F8)', async t => {
  const fake = createFakeOAuth({ resource: 'https://api.example.com/v1' })
  fake.answer('https://api.example.com/.well-known/oauth-protected-resource/v1', () => new Response('', { status: 404 }))
  fake.answer('https://api.example.com/.well-known/oauth-protected-resource', () => new Response('', { status: 404 }))
  const open = async (clients: Parameters<typeof connect>[0]['clients']) => await connect({ url: fake.resource, grant: requestClientCredentials, fetch: fetchOf(fake), ...clients !== undefined && { clients } })
  t.equal((await (await open([{ ...known, assumptions: { protectsResource: 'https://api.example.com/v1' } }])).fetch(`${fake.resource}/x`)).status, 200)
  t.equal(fake.tokenRequests[0]!.get('resource'), 'https://api.example.com/v1')
  await t.rejects((await open(machine)).fetch(`${fake.resource}/x`), failed('FST_OAUTH_RESOURCE_METADATA_MISSING'))
  await t.rejects(open([{ ...known, assumptions: { protectsResource: 'https://other.example.com' } }]), { code: 'FST_OAUTH_OPTION_INVALID', message: /protectsResource .* covers url "https:\/\/api\.example\.com\/v1", got "https:\/\/other\.example\.com"/ })
  await t.rejects(open([{ ...known, assumptions: { protectsResource: 'nonsense' } }]), { code: 'FST_OAUTH_OPTION_INVALID', message: /got "nonsense"/ })
})

test('RFC 8414 section 3.3: a resource that names the issuer without its slash (F8)', async t => {
  const slashed = { issuer: 'https://login.example.com/', document: { authorization_servers: ['https://login.example.com'] } }
  const { fake, connection } = await createConnectionWorld(slashed, { clients: [{ ...known, issuer: 'https://login.example.com/', assumptions: { ignoresTrailingSlash: true } }] })
  t.equal((await connection.fetch(fake.resource)).status, 200)
  fake.killTokens()
  t.equal((await connection.fetch(fake.resource)).status, 200, 'the refresh finds the server, too')
  const strict = await createConnectionWorld(slashed)
  await t.rejects(strict.connection.fetch(strict.fake.resource), { ...failed('FST_OAUTH_ISSUER_MISMATCH'), message: /names the issuer "https:\/\/login\.example\.com\/", expected "https:\/\/login\.example\.com"/ })
})

test('RFC 7591: a registration has the scopes that will be requested, and those that the resource supports (F9)', async t => {
  const { fake, connection } = await createConnectionWorld({ challenge: 'scope="read"', document: { scopes_supported: ['read', 'write'] }, scopesOf: path => path.endsWith('/admin') ? ['admin'] : [] })
  const registered = (): unknown[] => fake.received.filter(({ url }) => url.endsWith('/register')).map(({ body }) => (JSON.parse(body) as { scope?: string }).scope)
  t.equal((await connection.fetch(fake.resource)).status, 200)
  t.same(registered(), ['read write'])
  t.equal((await connection.fetch(`${fake.resource}/admin`)).status, 200)
  t.same(registered(), ['read write', 'read write admin'], 'a step-up beyond them registers anew')
})
