import { test } from 'tap'
import type { IssuerOptions } from '../../../lib/config/issuer.ts'
import type { PresetName } from '../../../lib/config/presets.ts'
import { issuerPresets } from '../../../lib/config/presets.ts'
import { resolveIssuer } from '../../../lib/config/issuer.ts'
import { answerOf, accepted, createTestServer, invalidToken } from '../../support/server.ts'

type Fields = Record<string, unknown>

/** What a product issues: the header and claims of its access tokens, beside the times, and of its other tokens. */
interface Vendor {
  readonly issuer: string
  readonly audience: string
  readonly header: Fields
  readonly accessTokens: Readonly<Record<string, Fields>>
  /** Of those, the ones of a client that acts for itself. */
  readonly clientTokens: readonly string[]
  readonly otherTokens: Readonly<Record<string, Fields>>
  /** What is read of the first access token. */
  readonly read: Fields
}

const none = { jti: undefined, client_id: undefined }
const app = '66666666-7777-8888-9999-000000000000'

const vendors: Record<PresetName, Vendor> = {
  entra: {
    issuer: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0',
    audience: app,
    header: { typ: 'JWT', alg: 'RS256' },
    accessTokens: {
      'for a user': {
        ...none, aud: app, sub: 'pairwise', aio: 'x', azp: 'client-1', azpacr: '0', name: 'Ann', oid: 'oid-1', preferred_username: 'ann@example.com',
        rh: 'x', scp: 'projects.read projects.write', roles: ['reader'], tid: '11111111-2222-3333-4444-555555555555', uti: 'x', ver: '2.0', sid: 's-1'
      },
      'for an application': { ...none, aud: app, sub: 'oid-2', oid: 'oid-2', azp: 'client-2', azpacr: '1', idtyp: 'app', roles: ['writer'], uti: 'x', ver: '2.0' },
      'for an application, without the optional claim': { ...none, aud: app, sub: 'oid-2', oid: 'oid-2', azp: 'client-2', azpacr: '1', roles: ['writer'], ver: '2.0' },
      'for a user, with the optional claim': { ...none, aud: app, sub: 'pairwise', oid: 'oid-1', azp: 'client-1', idtyp: 'user', scp: 'projects.read', ver: '2.0' }
    },
    clientTokens: ['for an application', 'for an application, without the optional claim'],
    otherTokens: {
      'an ID token': { ...none, aud: app, sub: 'pairwise', name: 'Ann', nonce: 'n', oid: 'oid-1', preferred_username: 'ann@example.com', uti: 'x', ver: '2.0' },
      'an ID token without a nonce': { ...none, aud: app, sub: 'pairwise', name: 'Ann', oid: 'oid-1', uti: 'x', ver: '2.0' },
      'a v1 access token': { ...none, aud: app, sub: 'pairwise', appid: 'client-1', scp: 'projects.read', uti: 'x', ver: '1.0' },
      'a token for another application': { ...none, aud: 'other', sub: 'pairwise', azp: 'client-1', scp: 'projects.read', ver: '2.0' }
    },
    read: { clientId: 'client-1', scopes: ['projects.read', 'projects.write'], roles: ['reader'], sessionId: 's-1' }
  },
  keycloak: {
    issuer: 'https://sso.example.com/realms/main',
    audience: 'projects-api',
    header: { typ: 'JWT', alg: 'RS256' },
    accessTokens: {
      'for a user': {
        client_id: undefined, jti: 'onrtac:1', aud: ['projects-api', 'account'], sub: 'user-1', typ: 'Bearer', azp: 'client-1', sid: 's-1', acr: '1',
        'allowed-origins': ['*'], realm_access: { roles: ['reader', 'writer'] }, resource_access: { account: { roles: ['view-profile'] } },
        scope: 'profile projects:read', preferred_username: 'ann'
      },
      'for a service account': {
        client_id: 'client-2', jti: 'trrtcc:2', aud: 'projects-api', sub: 'user-2', typ: 'Bearer', azp: 'client-2', acr: '1',
        realm_access: { roles: [] }, scope: 'projects:read', preferred_username: 'service-account-client-2'
      },
      'for a service account without a profile': {
        client_id: 'client-2', jti: 'trrtcc:2', aud: 'projects-api', sub: 'user-2', typ: 'Bearer', azp: 'client-2', scope: 'projects:read',
        clientHost: '203.0.113.7', clientAddress: '203.0.113.7'
      },
      'for a user who is called like the service account of another client': {
        client_id: undefined, aud: 'projects-api', sub: 'user-3', typ: 'Bearer', azp: 'client-1', scope: 'profile', preferred_username: 'service-account-client-2'
      },
      'for a user, with a mapper for the client': { client_id: 'client-1', aud: 'projects-api', sub: 'user-1', typ: 'Bearer', azp: 'client-1', scope: 'profile' }
    },
    clientTokens: ['for a service account', 'for a service account without a profile'],
    otherTokens: {
      'an ID token': { client_id: undefined, aud: 'projects-api', sub: 'user-1', typ: 'ID', azp: 'projects-api', sid: 's-1', at_hash: 'x', acr: '1' },
      'an ID token without hashes': { client_id: undefined, aud: 'projects-api', sub: 'user-1', typ: 'ID', azp: 'projects-api', scope: 'x' },
      'a refresh token': { client_id: undefined, aud: 'projects-api', sub: 'user-1', typ: 'Refresh', azp: 'client-1', sid: 's-1', scope: 'projects:read' },
      'a logout token': { client_id: undefined, aud: 'projects-api', sub: 'user-1', typ: 'Logout', events: {} },
      'a token without an audience mapper': { client_id: undefined, aud: 'account', sub: 'user-1', typ: 'Bearer', azp: 'client-1', scope: 'projects:read' }
    },
    read: { clientId: 'client-1', scopes: ['profile', 'projects:read'], roles: ['reader', 'writer'], sessionId: 's-1', authenticationContext: '1' }
  },
  auth0: {
    issuer: 'https://tenant.eu.auth0.com/',
    audience: 'https://api.example.com',
    header: { typ: 'JWT', alg: 'RS256' },
    accessTokens: {
      'of its own dialect': {
        ...none, aud: ['https://api.example.com', 'https://tenant.eu.auth0.com/userinfo'], sub: 'auth0|1', azp: 'client-1', scope: 'openid read:projects',
        permissions: ['read:projects', 'delete:projects']
      },
      'of RFC 9068': { aud: 'https://api.example.com', sub: 'auth0|1', client_id: 'client-1', jti: 'x', scope: 'read:projects', typ: undefined },
      'for a machine': { ...none, aud: 'https://api.example.com', sub: 'client-2@clients', azp: 'client-2', gty: 'client-credentials', scope: 'read:projects' },
      'for a machine, of RFC 9068': { aud: 'https://api.example.com', sub: 'client-2@clients', client_id: 'client-2', jti: 'x', scope: 'read:projects' },
      'for a user, by password': { ...none, aud: 'https://api.example.com', sub: 'auth0|1', azp: 'client-1', gty: 'password', scope: 'read:projects' }
    },
    clientTokens: ['for a machine', 'for a machine, of RFC 9068'],
    otherTokens: {
      'an ID token': { ...none, aud: 'client-1', sub: 'auth0|1', nonce: 'n', sid: 's-1', name: 'Ann' },
      'an ID token whose client is the API': { ...none, aud: 'https://api.example.com', sub: 'auth0|1', sid: 's-1', name: 'Ann' },
      'a token for userinfo alone': { ...none, aud: 'https://tenant.eu.auth0.com/userinfo', sub: 'auth0|1', azp: 'client-1', scope: 'openid' }
    },
    read: { clientId: 'client-1', scopes: ['openid', 'read:projects'], roles: ['read:projects', 'delete:projects'] }
  },
  okta: {
    issuer: 'https://example.okta.com/oauth2/default',
    audience: 'api://default',
    header: { typ: undefined, alg: 'RS256' },
    accessTokens: {
      'for a user': {
        client_id: undefined, jti: 'AT.x', ver: 1, aud: 'api://default', sub: 'ann@example.com', cid: 'client-1', uid: '00u1', scp: ['openid', 'projects.read'],
        auth_time: 1_799_999_000, groups: ['Everyone']
      },
      'for a service': { client_id: undefined, jti: 'AT.y', ver: 1, aud: 'api://default', sub: 'client-2', cid: 'client-2', scp: ['projects.read'] }
    },
    clientTokens: ['for a service'],
    otherTokens: {
      'an ID token': {
        client_id: undefined, jti: 'ID.x', ver: 1, aud: 'client-1', sub: '00u1', amr: ['pwd'], idp: '00o1', nonce: 'n', auth_time: 1_799_999_000, at_hash: 'x'
      },
      'an ID token whose client is the API': { client_id: undefined, jti: 'ID.x', ver: 1, aud: 'api://default', sub: '00u1', amr: ['pwd'], idp: '00o1' }
    },
    read: { clientId: 'client-1', scopes: ['openid', 'projects.read'], roles: ['Everyone'], authenticatedAt: 1_799_999_000 }
  },
  cognito: {
    issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example',
    audience: 'client-1',
    header: { typ: undefined, alg: 'RS256' },
    accessTokens: {
      'for a user': {
        aud: undefined, sub: 'user-1', 'cognito:groups': ['staff'], version: 2, client_id: 'client-1', origin_jti: 'x', event_id: 'x', token_use: 'access',
        scope: 'openid projects/read', auth_time: 1_799_999_000, jti: 'x', username: 'ann'
      },
      'for a machine': { aud: undefined, sub: 'client-1', version: 2, client_id: 'client-1', token_use: 'access', scope: 'projects/read', jti: 'x' }
    },
    clientTokens: ['for a machine'],
    otherTokens: {
      'an ID token': {
        client_id: undefined, aud: 'client-1', sub: 'user-1', 'cognito:groups': ['staff'], 'cognito:username': 'ann', at_hash: 'x', nonce: 'n',
        origin_jti: 'x', event_id: 'x', token_use: 'id', auth_time: 1_799_999_000, jti: 'x'
      },
      'an ID token that names a client': { client_id: 'client-1', aud: 'client-1', sub: 'user-1', token_use: 'id', jti: 'x' },
      'an access token of another client': { aud: undefined, sub: 'user-1', client_id: 'client-9', token_use: 'access', scope: 'x', jti: 'x' }
    },
    read: { clientId: 'client-1', audience: ['client-1'], scopes: ['openid', 'projects/read'], roles: ['staff'] }
  }
}

for (const [preset, vendor] of Object.entries(vendors) as Array<[PresetName, Vendor]>) {
  test(`R9068-14 R9700-08 F52 preset ${preset}: its access tokens, whom they speak for, and nothing else that it signs`, async t => {
    const { issuer, audience, header, accessTokens, clientTokens, otherTokens, read } = vendor
    const server = await createTestServer(t, { issuer: { issuer, alg: 'RS256' }, rule: { preset, audience } })
    for (const [i, [title, claims]] of Object.entries(accessTokens).entries()) {
      const response = await server.get(await server.issuer.token(claims, header))
      t.strictSame(answerOf(response), accepted, title)
      const { accessToken } = response.json() as { accessToken: Fields }
      t.equal(accessToken.principalType, clientTokens.includes(title) ? 'client' : 'user', title)
      if (i === 0) t.match(accessToken, read)
    }
    for (const [title, claims] of Object.entries(otherTokens)) {
      t.strictSame(answerOf(await server.get(await server.issuer.token(claims, header))), invalidToken, title)
    }
    for (const typ of ['dpop+jwt', 'logout+jwt', 'token-introspection+jwt']) {
      t.strictSame(answerOf(await server.get(await server.issuer.token(Object.values(accessTokens)[0], { ...header, typ }))), invalidToken, typ)
    }
  })
}

test('Auth0 and Keycloak can issue tokens by RFC 9068', async t => {
  for (const preset of ['auth0', 'keycloak'] as const) {
    const { issuer, audience, accessTokens } = vendors[preset]
    const server = await createTestServer(t, { issuer: { issuer, alg: 'RS256' }, rule: { preset, audience } })
    t.strictSame(answerOf(await server.get(await server.issuer.token(Object.values(accessTokens)[0], { typ: 'at+jwt' }))), accepted, preset)
  }
})

test('what a preset says can be overridden, part by part', async t => {
  const issuer = 'https://sso.example.com/realms/main'
  const ruleOf = (options: Partial<IssuerOptions>) => resolveIssuer({ issuer, ...options }, 'x', { resource: 'https://api.example.com' }).rule
  t.match(ruleOf({ preset: 'keycloak' }), {
    profile: 'jwt', scopeClaims: ['scope'], claims: { roles: ['realm_access', 'roles'], audience: 'aud' }, requiredClaims: { typ: 'Bearer' },
    audiences: ['https://api.example.com']
  })
  t.match(ruleOf({ preset: 'keycloak', claims: { organizations: 'org' }, requiredClaims: { azp: 'client-1' }, algorithms: ['ES256'], profile: 'rfc9068' }), {
    profile: 'rfc9068', algorithms: ['ES256'], claims: { roles: ['realm_access', 'roles'], organizations: 'org' },
    requiredClaims: { typ: 'Bearer', azp: 'client-1' }
  })
  t.strictSame(ruleOf({ preset: 'auth0', clientTokens: [] }).clientTokens, [])
  t.strictSame(ruleOf({ preset: 'auth0' }).clientTokens, issuerPresets.auth0.clientTokens)
  t.strictSame(ruleOf({ preset: 'keycloak', requiredClaims: { typ: 'DPoP' } }).requiredClaims, { typ: 'DPoP' })
  t.strictSame(ruleOf({ ...issuerPresets.keycloak, requiredClaims: {} }).requiredClaims, {}, 'and it is plain data, to be spread')
  t.strictSame(JSON.parse(JSON.stringify(issuerPresets)), issuerPresets)
})
