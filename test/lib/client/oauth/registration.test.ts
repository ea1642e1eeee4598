import { test } from 'tap'
import { registerClient, clientMetadataDocument, clientMetadataUrlFault, sameClient } from '../../../../lib/client/oauth/registration.ts'
import type { Client, ClientOwner, RegistrationNeeds, RegistrationOptions } from '../../../../lib/client/oauth/registration.ts'
import type { StoredClient } from '../../../../lib/stores/connections/connection-store.ts'
import type { FakeOAuth } from '../../../support/fake-oauth.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'
import { accessTo } from '../../../support/outbound.ts'

const redirectUri = 'http://127.0.0.1:3000/callback'
const registerUrl = 'https://login.example.com/register'
const registered = { issuer: 'https://login.example.com', clientId: 'known', authentication: { method: 'client_secret_basic', clientSecret: 's' } } as const
const clientMetadataUrl = 'https://client.example.com/metadata.json'
const stored: StoredClient = {
  issuer: 'https://login.example.com', clientId: 'stored', clientSecret: null, authenticationMethod: 'none', expiresAt: null, redirectUris: [redirectUri]
}

async function become (fake: FakeOAuth, options: RegistrationOptions = {}, needs: Partial<RegistrationNeeds> = {}): Promise<Client> {
  const { server, httpClient, clock } = accessTo(fake)
  return await registerClient(server, options, { redirectUri, stored: null, clock, ...needs }, httpClient)
}

test('the first way to become a client that the server supports is used (MCPC-23)', async t => {
  const withDocuments = { client_id_metadata_document_supported: true }
  const all = { clients: [registered], clientMetadataUrl }
  t.match(await become(createFakeOAuth({ server: withDocuments }), all, { stored }), { clientId: 'known', registration: null })
  t.match(await become(createFakeOAuth({ server: withDocuments }), { clientMetadataUrl }, { stored }), { clientId: clientMetadataUrl, authentication: { method: 'none' }, registration: null })
  t.match(await become(createFakeOAuth(), { clientMetadataUrl }, { stored }), { clientId: 'stored', registration: stored })
  t.equal((await become(createFakeOAuth({ server: withDocuments }))).clientId, 'client-1', 'a client without a document registers dynamically')
  const fake = createFakeOAuth()
  t.match(await become(fake, { clientMetadataUrl }), { clientId: 'client-1', registration: { issuer: fake.issuer, clientId: 'client-1' } })
  await t.rejects(become(createFakeOAuth({ server: { registration_endpoint: undefined } })), failed('FST_OAUTH_CLIENT_UNKNOWN', { message: /: "https:\/\/login\.example\.com"$/ }))
  await t.rejects(become(createFakeOAuth(), { dynamicRegistration: false }), failed('FST_OAUTH_CLIENT_UNKNOWN'))
  await t.rejects(become(createFakeOAuth(), {}, { redirectUri: null, stored }), failed('FST_OAUTH_CLIENT_UNKNOWN'), 'who sends nobody anywhere does not register')
})

test('a client ID metadata document may have a key of its own (MCPC-24)', async t => {
  const { privateKey } = await (await import('jose')).generateKeyPair('ES256')
  const authentication = { method: 'private_key_jwt', privateKey } as const
  const client = await become(createFakeOAuth({ server: { client_id_metadata_document_supported: true } }), { clientMetadataUrl, clientMetadataAuthentication: authentication })
  t.equal(client.authentication, authentication)
  t.equal(clientMetadataUrlFault(clientMetadataUrl), null)
  for (const url of ['nonsense', 'http://client.example.com/m', 'https://client.example.com', 'https://client.example.com/', 'https://client.example.com/m#x', 'https://a@client.example.com/m', 'https://:b@client.example.com/m', 'https://client.example.com/a/../m', 'https://CLIENT.example.com/m']) {
    t.type(clientMetadataUrlFault(url), 'string', url)
  }
})

test('the client ID metadata document that is published (MCPC-24, MCPC-27)', t => {
  const document = clientMetadataDocument({ clientMetadataUrl, clientName: 'Desk', redirectUris: ['http://127.0.0.1/callback'], clientMetadata: { client_uri: 'https://client.example.com', client_id: 'mine' } })
  t.same(document, {
    application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
    client_uri: 'https://client.example.com',
    client_id: clientMetadataUrl,
    client_name: 'Desk',
    redirect_uris: ['http://127.0.0.1/callback']
  })
  t.equal(clientMetadataDocument({ clientMetadataUrl, clientName: 'Site', redirectUris: ['https://app.example.com/cb'] }).application_type, 'web')
  t.equal(clientMetadataDocument({ clientMetadataUrl, clientName: 'Both', redirectUris: ['http://127.0.0.1/cb', 'https://app.example.com/cb'] }).application_type, 'web')
  const option = { code: 'FST_OAUTH_OPTION_INVALID' }
  t.throws(() => clientMetadataDocument({ clientMetadataUrl: 'https://client.example.com', clientName: 'x', redirectUris: ['https://a.example/'] }), option)
  t.throws(() => clientMetadataDocument({ clientMetadataUrl, clientName: 'x', redirectUris: ['http://app.example.com/'] }), { ...option, message: /http:\/\/app/ })
  t.throws(() => clientMetadataDocument({ clientMetadataUrl, clientName: 'x', redirectUris: [] }), { ...option, message: /, got \[\]$/ })
  t.end()
})

test('a client is used only at its own authorization server (MCPC-26, MCPC-06)', async t => {
  const elsewhere = { ...registered, issuer: 'https://other.example.com' }
  t.match(await become(createFakeOAuth(), { clients: [elsewhere, registered] }), { clientId: 'known' })
  const fake = createFakeOAuth()
  t.match(await become(fake, { clients: [elsewhere] }), { clientId: 'client-1' }, 'registered anew')
  await t.rejects(become(createFakeOAuth(), { clients: [elsewhere], dynamicRegistration: false }), failed('FST_OAUTH_CLIENT_OF_ANOTHER_ISSUER'))
  t.match(await become(createFakeOAuth(), {}, { stored: { ...stored, issuer: 'https://other.example.com' } }), { clientId: 'client-1' })
})

test('a registration that has expired, or has another redirect URI, is made anew', async t => {
  const clock = { now: () => 1000 }
  t.equal((await become(createFakeOAuth(), {}, { clock, stored: { ...stored, expiresAt: 1001 } })).clientId, 'stored')
  t.equal((await become(createFakeOAuth(), {}, { clock, stored: { ...stored, expiresAt: 1000 } })).clientId, 'client-1')
  const fake = createFakeOAuth()
  t.equal((await become(fake, {}, { stored: { ...stored, redirectUris: ['http://127.0.0.1:4000/callback'] } })).clientId, 'client-1')
  t.notOk('scope' in (JSON.parse(fake.received[0]!.body) as object), 'no scopes, as before')
})

test('RFC 7591 section 2: the client metadata of a registration (MCPC-25, MCPC-22)', async t => {
  const body = async (uri: string, server: Record<string, unknown> = {}, clientMetadata = {}): Promise<Record<string, unknown>> => {
    const fake = createFakeOAuth({ server })
    await become(fake, { clientMetadata }, { redirectUri: uri })
    return JSON.parse(fake.received[0]!.body) as Record<string, unknown>
  }
  const requested = createFakeOAuth()
  await become(requested)
  const { method, headers } = requested.received[0]!
  t.same([method, headers.get('content-type'), headers.get('accept')], ['POST', 'application/json', 'application/json'])
  t.same(await body(redirectUri, {}, { client_name: 'Desk' }), {
    application_type: 'native',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    client_name: 'Desk',
    token_endpoint_auth_method: 'none'
  })
  t.match(await body('https://app.example.com/cb'), { application_type: 'web', token_endpoint_auth_method: 'client_secret_post' }, 'F9 post first: servers that offer both may support only that')
  t.match(await body(redirectUri, { token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'] }), { token_endpoint_auth_method: 'client_secret_post' })
  t.match(await body('https://app.example.com/cb', { token_endpoint_auth_methods_supported: ['client_secret_basic'] }), { token_endpoint_auth_method: 'client_secret_basic' })
  t.match(await body(redirectUri, { token_endpoint_auth_methods_supported: undefined }), { token_endpoint_auth_method: 'client_secret_basic' }, 'RFC 8414: the default')
  t.match(await body(redirectUri, { token_endpoint_auth_methods_supported: ['client_secret_post'] }), { token_endpoint_auth_method: 'client_secret_post' })
  t.match(await body('https://app.example.com/cb', { token_endpoint_auth_methods_supported: ['none'] }), { token_endpoint_auth_method: 'none' })
  t.match(await body(redirectUri, { token_endpoint_auth_methods_supported: 7 }), { token_endpoint_auth_method: 'client_secret_basic' })
  await t.rejects(body(redirectUri, { token_endpoint_auth_methods_supported: ['tls_client_auth'] }), failed('FST_OAUTH_AUTHENTICATION_UNSUPPORTED'))
})

test('RFC 7591 section 2: the authentication method and the scopes of clientMetadata are sent (F9)', async t => {
  const registration = async (clientMetadata: Record<string, unknown>, needs: Partial<RegistrationNeeds> = {}, more: object = {}): Promise<{ body: Record<string, unknown>, client: Client }> => {
    const fake = createFakeOAuth()
    fake.answer(registerUrl, () => Response.json({ client_id: 'c', client_secret: 's', ...more }, { status: 201 }))
    const client = await become(fake, { clientMetadata }, needs)
    return { body: JSON.parse(fake.received[0]!.body) as Record<string, unknown>, client }
  }
  for (const method of ['none', 'client_secret_basic', 'client_secret_post']) {
    const { body, client } = await registration({ token_endpoint_auth_method: method })
    t.equal(body.token_endpoint_auth_method, method)
    t.equal(client.authentication.method, method)
  }
  for (const method of ['private_key_jwt', 'mine', 7]) {
    await t.rejects(registration({ token_endpoint_auth_method: method }), { ...failed('FST_OAUTH_AUTHENTICATION_UNSUPPORTED'), message: /token_endpoint_auth_method/ })
  }
  t.notOk('scope' in (await registration({})).body, 'without scopes none is sent')
  const unlimited = await registration({}, { scopes: ['read', 'write'] })
  t.equal(unlimited.client.registration!.scopes, null, 'a response without scope limits the client to none')
  const scoped = await registration({}, { scopes: ['read', 'write'] }, { scope: 'read' })
  t.equal(scoped.body.scope, 'read write')
  t.same(scoped.client.registration!.scopes, ['read', 'write'])
  const own = await registration({ scope: 'mine' }, { scopes: ['read'] })
  t.equal(own.body.scope, 'mine')
  t.equal(own.client.registration!.scopes, null)
  const repeated = await registration({ scope: 'mine' }, { scopes: ['read'] }, { scope: 'mine' })
  t.equal(repeated.client.registration!.scopes, null, 'with a scope of its own, the application decides when to register anew')
})

test('RFC 7591 section 2: a client that was registered for fewer scopes registers anew, for both (F9)', async t => {
  const registration = { ...stored, scopes: ['read'] }
  t.equal((await become(createFakeOAuth(), {}, { stored: registration, scopes: ['read'] })).clientId, 'stored')
  t.equal((await become(createFakeOAuth(), {}, { stored: registration })).clientId, 'stored')
  t.equal((await become(createFakeOAuth(), {}, { stored, scopes: ['write'] })).clientId, 'stored', 'a registration without scopes does not limit them')
  const fake = createFakeOAuth()
  const client = await become(fake, {}, { stored: registration, scopes: ['write'] })
  t.equal(client.clientId, 'client-1')
  t.equal((JSON.parse(fake.received[0]!.body) as { scope: string }).scope, 'read write')
  const elsewhere = createFakeOAuth()
  await become(elsewhere, {}, { stored: { ...registration, issuer: 'https://other.example.com' }, scopes: ['write'] })
  t.equal((JSON.parse(elsewhere.received[0]!.body) as { scope: string }).scope, 'write')
})

test('RFC 7591 section 3.2.1: the registered client is the one of the response', async t => {
  const answered = async (answer: Record<string, unknown>, server: Record<string, unknown> = {}): Promise<Client> => {
    const fake = createFakeOAuth({ server })
    fake.answer(registerUrl, () => Response.json({ client_id: 'c', ...answer }, { status: 201 }))
    return await become(fake)
  }
  const basic = { token_endpoint_auth_methods_supported: ['client_secret_basic'] }
  t.match(await answered({ client_secret: 's', client_secret_expires_at: 0 }, basic), { authentication: { method: 'client_secret_basic', clientSecret: 's' }, registration: { expiresAt: null } })
  t.match(await answered({ client_secret: 's', client_secret_expires_at: 5 }, basic), { registration: { expiresAt: 5000 } })
  t.match(await answered({ client_secret: 's', token_endpoint_auth_method: 'client_secret_post' }, basic), { authentication: { method: 'client_secret_post' } })
  t.match(await answered({ client_secret: 's' }), { authentication: { method: 'none' }, registration: { clientSecret: null } }, 'a secret that was not asked for')
  t.match(await answered({}, basic), { authentication: { method: 'none' }, registration: { authenticationMethod: 'none' } }, 'no secret came')
  t.match(await answered({ client_secret: 7 }, basic), { authentication: { method: 'none' }, registration: { clientSecret: null } }, 'no text')
  t.match(await answered({ client_secret_expires_at: 5 }, basic), { registration: { expiresAt: null } }, 'nothing expires')
  t.match(await answered({ client_secret: 's', client_secret_expires_at: '5' }, basic), { registration: { expiresAt: null } }, 'no number')
  t.match(await answered({ client_secret: 's', token_endpoint_auth_method: 'surprise' }, basic), { authentication: { method: 'client_secret_basic' } })
})

test('RFC 7591 section 3.2.2: a registration that is refused (MCPC-25)', async t => {
  const refused = async (answer: () => Response): Promise<unknown> => {
    const fake = createFakeOAuth()
    fake.answer(registerUrl, answer)
    return await become(fake)
  }
  await t.rejects(refused(() => Response.json({ error: 'invalid_redirect_uri', error_description: 'not "mine"' }, { status: 400 })), { ...failed('FST_OAUTH_REGISTRATION_REFUSED'), oauthError: 'invalid_redirect_uri', description: 'not mine', responseStatus: 400 })
  await t.rejects(refused(() => Response.json({ error: 'access_denied' }, { status: 403 })), { ...failed('FST_OAUTH_REGISTRATION_REFUSED'), oauthError: 'access_denied' })
  await t.rejects(refused(() => Response.json({ error: 'access_denied', error_description: 7 }, { status: 400 })), { ...failed('FST_OAUTH_REGISTRATION_REFUSED'), oauthError: 'access_denied', description: null, responseStatus: 400 }, 'a description that is no text is ignored')
  for (const body of [{}, { client_id: 7 }, { client_id: '' }, null, 'text']) await t.rejects(refused(() => Response.json(body, { status: 201 })), failed('FST_OAUTH_REGISTRATION_REFUSED', { message: /: the response has no client_id$/ }), JSON.stringify(body))
  await t.rejects(refused(() => new Response('<html>', { status: 201 })), failed('FST_OAUTH_REGISTRATION_REFUSED', { message: /: the response is not JSON$/ }))
  await t.rejects(refused(() => new Response('', { status: 500 })), { ...failed('FST_OAUTH_SERVER_UNAVAILABLE'), responseStatus: 500, message: /: status$/ })
  await t.rejects(refused(() => new Response('', { status: 404 })), { ...failed('FST_OAUTH_REGISTRATION_REFUSED'), responseStatus: 404 })
  const { AuthorizationError } = await import('../../../../lib/errors/authorization-error.ts')
  await t.rejects(refused(() => { throw new AuthorizationError('FST_OAUTH_ADDRESS_REFUSED') }), failed('FST_OAUTH_ADDRESS_REFUSED'))
  await t.rejects(become(createFakeOAuth({ server: { registration_endpoint: 'https://localhost/register' } })), failed('FST_OAUTH_ADDRESS_REFUSED'))
})

test('RFC 6749 section 10.4: tokens are presented only by the client that they were issued to (RFSH-12)', t => {
  const issuer = 'https://login.example.com'
  const registration = { issuer, clientId: 'own', clientSecret: 's', authenticationMethod: 'client_secret_post', expiresAt: 1000, redirectUris: [] } as const
  const clients = [{ issuer: 'https://other.example.com', clientId: 'a', authentication: { method: 'none' } }, { issuer, clientId: 'b', authentication: { method: 'none' } }] as const
  const clientMetadataUrl = 'https://client.example.com/m'
  const at = (now: number) => ({ now: () => now })
  const is = (owner: Partial<ClientOwner>, options: RegistrationOptions = {}): string => sameClient({ issuer, clients: {}, ...owner }, options, at(999)).clientId
  t.equal(is({ clientId: 'b' }, { clients }), 'b')
  t.equal(is({}, { clients }), 'b', 'where it was not noted')
  t.same(sameClient({ issuer, clientId: clientMetadataUrl, clients: {} }, { clientMetadataUrl, clients }, at(0)), { clientId: clientMetadataUrl, authentication: { method: 'none' } })
  t.same(sameClient({ issuer, clientId: 'own', registration, clients: {} }, { clients }, at(999)), { clientId: 'own', authentication: { method: 'client_secret_post', clientSecret: 's' } })
  t.equal(is({ clientId: 'own', registration: null, clients: { [issuer]: registration } }), 'own')
  t.equal(is({ clients: { [issuer]: registration } }), 'own')
  for (const unused of [{ authenticationMethod: 'none' }, { clientSecret: null }] as const) {
    t.same(sameClient({ issuer, clientId: 'own', registration: { ...registration, ...unused }, clients: {} }, {}, at(0)), { clientId: 'own', authentication: { method: 'none' } })
  }
  const lost: Array<() => unknown> = [
    () => is({ clientId: 'a' }, { clients }),
    () => is({ clientId: 'own', clients: { [issuer]: { ...registration, clientId: 'newer' } } }),
    () => is({ clientId: clientMetadataUrl }, { clientMetadataUrl: `${clientMetadataUrl}2` }),
    () => is({}, { clientMetadataUrl }),
    () => is({ issuer: null, clients: { [issuer]: registration } }, { clients }),
    () => sameClient({ issuer, clientId: 'own', registration, clients: {} }, {}, at(1000))
  ]
  for (const one of lost) t.throws(one, failed('FST_OAUTH_CLIENT_LOST'))
  t.end()
})
