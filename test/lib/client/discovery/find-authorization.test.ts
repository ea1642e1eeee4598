import { SignJWT, generateKeyPair } from 'jose'
import { test } from 'tap'
import { readChallenge } from '../../../../lib/client/fetch/classify.ts'
import type { FoundAuthorization, SearchOptions } from '../../../../lib/client/discovery/find-authorization.ts'
import { findAuthorization } from '../../../../lib/client/discovery/find-authorization.ts'
import type { FakeOAuth } from '../../../support/fake-oauth.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { failed } from '../../../support/failed.ts'
import { outboundTo } from '../../../support/outbound.ts'

const nothing = readChallenge(new Headers())
const find = async (fake: FakeOAuth, options: Partial<SearchOptions> = {}): Promise<FoundAuthorization> =>
  await findAuthorization({ url: fake.resource, ...options }, nothing, outboundTo(fake))

test('the authorization server is one with a registered client, else the first, or the chosen one (MCPC-06, R9728-59)', async t => {
  const issuers = ['https://one.example.com', 'https://login.example.com', 'https://two.example.com']
  const fake = createFakeOAuth({ document: { authorization_servers: issuers } })
  for (const issuer of issuers) fake.answer(`${issuer}/.well-known/oauth-authorization-server`, () => Response.json({ issuer }))
  t.equal((await find(fake)).server.issuer, 'https://one.example.com')
  const client = { issuer: 'https://two.example.com', clientId: 'c', authentication: { method: 'none' } } as const
  t.equal((await find(fake, { clients: [client] })).server.issuer, 'https://two.example.com')
  t.equal((await find(fake, { clients: [{ ...client, issuer: 'https://elsewhere.example.com' }] })).server.issuer, 'https://one.example.com')
  const chosen = await find(fake, {
    chooseIssuer: (offered, resource) => {
      t.same(offered, issuers)
      t.equal(resource.resource, fake.resource)
      return 'https://login.example.com'
    }
  })
  t.equal(chosen.server.issuer, 'https://login.example.com')
  await t.rejects(find(fake, { chooseIssuer: async () => 'https://mine.example.com' }), failed('FST_OAUTH_ISSUER_MISSING'), 'none that the resource does not name')
  await t.rejects(find(createFakeOAuth({ document: { authorization_servers: undefined } })), failed('FST_OAUTH_ISSUER_MISSING'))
})

test('MCP 2025-03-26: a server without metadata of the resource is accepted only where that is allowed', async t => {
  const fake = createFakeOAuth({ issuer: 'https://mcp.example.com' })
  const places = ['https://mcp.example.com/.well-known/oauth-protected-resource/mcp', 'https://mcp.example.com/.well-known/oauth-protected-resource']
  for (const place of places) fake.answer(place, () => new Response('', { status: 404 }))
  await t.rejects(find(fake), failed('FST_OAUTH_RESOURCE_METADATA_MISSING'))
  const found = await find(fake, { allowMissingMetadata: true })
  t.same(found.resource, { resource: fake.resource, authorizationServers: ['https://mcp.example.com'], scopesSupported: null, needsProof: false, document: {} })
  t.equal(found.server.token_endpoint, 'https://mcp.example.com/token')

  fake.answer('https://mcp.example.com/.well-known/oauth-authorization-server', () => new Response('', { status: 404 }))
  t.same((await find(fake, { allowMissingMetadata: true })).server, {
    issuer: 'https://mcp.example.com',
    authorization_endpoint: 'https://mcp.example.com/authorize',
    token_endpoint: 'https://mcp.example.com/token',
    registration_endpoint: 'https://mcp.example.com/register',
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post']
  }, 'endpoints of fixed names')
  fake.answer('https://mcp.example.com/.well-known/oauth-authorization-server', () => Response.json({ issuer: 'https://evil.example.com' }))
  await t.rejects(find(fake, { allowMissingMetadata: true }), failed('FST_OAUTH_ISSUER_MISMATCH'), 'but not in the place of a lie')
  fake.answer(places[0]!, () => Response.json({ resource: 'https://evil.example.com' }))
  await t.rejects(find(fake, { allowMissingMetadata: true }), failed('FST_OAUTH_RESOURCE_MISMATCH'))
})

test('RFC 9728 2.2: metadataTrust decides whether signed metadata names the authorization server [R9728-40]', async t => {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const fake = createFakeOAuth({ document: { authorization_servers: ['https://plain.example.com'] } })
  const members = { iss: 'https://signer.example', resource: fake.resource, authorization_servers: [fake.issuer] }
  fake.document.signed_metadata = await new SignJWT(members).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  fake.answer('https://plain.example.com/.well-known/oauth-authorization-server', () => Response.json({ issuer: 'https://plain.example.com' }))
  t.equal((await find(fake, { metadataTrust: { issuer: 'https://signer.example', key: publicKey } })).server.issuer, fake.issuer)
  t.equal((await find(fake)).server.issuer, 'https://plain.example.com')
})

const known = { issuer: 'https://login.example.com', clientId: 'c', authentication: { method: 'none' } } as const

test('RFC 7636: PKCE that is not advertised is used only where a registered client says that the server supports it (F8)', async t => {
  const methods = async (metadata: unknown, clients: SearchOptions['clients']): Promise<unknown> =>
    (await find(createFakeOAuth({ server: { code_challenge_methods_supported: metadata } }), { ...clients !== undefined && { clients } })).server.code_challenge_methods_supported
  const says = { ...known, assumptions: { supportsPkce: true } }
  t.same(await methods(undefined, [says]), ['S256'])
  t.equal(await methods(undefined, [known]), undefined)
  t.equal(await methods(undefined, []), undefined)
  t.equal(await methods(undefined, [{ ...says, issuer: 'https://other.example.com' }]), undefined, 'said of another server')
  t.same(await methods(['plain'], [says]), ['plain'], 'a server that says something is believed')
})

test('RFC 8414 section 3.3: an issuer with or without the slash of an empty path, where a registered client says that it is the same (F8)', async t => {
  const cases: ReadonlyArray<readonly [named: string, own: string, found: boolean]> = [
    ['https://login.example.com', 'https://login.example.com/', true],
    ['https://login.example.com/', 'https://login.example.com', true],
    ['https://login.example.com/t', 'https://login.example.com/t/', false],
    ['https://login.example.com?t', 'https://login.example.com?t/', false],
    ['https://login.example.com', 'https://other.example.com/', false]
  ]
  for (const [named, own, isSame] of cases) {
    const fake = createFakeOAuth({ issuer: own, document: { authorization_servers: [named] } })
    const client = { ...known, issuer: own, assumptions: { ignoresTrailingSlash: true } }
    if (isSame) t.equal((await find(fake, { clients: [client] })).server.issuer, own, named)
    else await t.rejects(find(fake, { clients: [client] }), { name: 'AuthorizationError' }, named)
    t.equal(isSame ? (await find(fake, { clients: [client], chooseIssuer: () => named })).server.issuer : own, own)
    await t.rejects(find(fake, { clients: [{ ...known, issuer: own }] }), { name: 'AuthorizationError' }, 'not by itself')
  }
})

test('RFC 9728: a resource without a document, where a registered client says that its server issues tokens for it (F8)', async t => {
  const fake = createFakeOAuth()
  const places = ['https://mcp.example.com/.well-known/oauth-protected-resource/mcp', 'https://mcp.example.com/.well-known/oauth-protected-resource']
  for (const place of places) fake.answer(place, () => new Response('', { status: 401 }))
  const client = { ...known, assumptions: { protectsResource: 'https://mcp.example.com' } }
  t.match(await find(fake, { clients: [known, client] }), { resource: { resource: 'https://mcp.example.com', authorizationServers: [known.issuer], scopesSupported: null }, server: { issuer: known.issuer } })
  await t.rejects(find(fake, { clients: [known] }), failed('FST_OAUTH_RESOURCE_METADATA_MISSING'))
  await t.rejects(find(fake, { clients: [{ ...client, assumptions: { protectsResource: 'https://other.example.com' } }] }), failed('FST_OAUTH_RESOURCE_METADATA_MISSING'))
  fake.answer(places[0]!, () => Response.json({ resource: fake.resource, authorization_servers: ['https://login.example.com'], scopes_supported: ['read'] }))
  t.match(await find(fake, { clients: [client] }), { resource: { resource: fake.resource, scopesSupported: ['read'] } }, 'a document that is there counts')
  for (const place of places) fake.answer(place, () => new Response('', { status: 503 }))
  await t.rejects(find(fake, { clients: [client] }), failed('FST_OAUTH_SERVER_UNAVAILABLE'), 'and one that cannot be had is not missing')
})
