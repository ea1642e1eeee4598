import type { PresetName } from '../../lib/config/presets.ts'

export type Fields = Record<string, unknown>

/** What a product issues: the header and claims of its access tokens, beside the times, and of its other tokens. */
export interface Vendor {
  readonly issuer: string
  readonly audience?: string
  /** Where its metadata is not below its issuer, or is not a URL. */
  readonly jwksUri?: boolean
  /** Whether this is a header of its own, in place of `Authorization`. */
  readonly tokenHeader?: string
  readonly header: Fields
  /** Of its keys. Default: RS256. */
  readonly alg?: 'RS256' | 'ES256'
  readonly accessTokens: Readonly<Record<string, Fields>>
  /** Of those, the ones of a client that acts for itself. */
  readonly clientTokens: readonly string[]
  readonly otherTokens: Readonly<Record<string, Fields>>
  /** What is read of the first access token. */
  readonly read: Fields
}

const none = { jti: undefined, client_id: undefined }
const app = '66666666-7777-8888-9999-000000000000'

/** Tokens of the shape that each product documents. */
export const vendors: Readonly<Record<PresetName, Vendor>> = {
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
  entraV1: {
    issuer: 'https://sts.windows.net/11111111-2222-3333-4444-555555555555/',
    jwksUri: true,
    audience: 'api://projects',
    header: { typ: 'JWT', alg: 'RS256', x5t: 'x' },
    accessTokens: {
      'for a user': {
        ...none, aud: 'api://projects', sub: 'pairwise', acr: '1', aio: 'x', amr: ['pwd'], appid: 'client-1', appidacr: '0', family_name: 'A', ipaddr: '203.0.113.7',
        name: 'Ann', oid: 'oid-1', rh: 'x', roles: ['reader'], scp: 'projects.read projects.write', tid: '11111111-2222-3333-4444-555555555555',
        unique_name: 'ann@example.com', upn: 'ann@example.com', uti: 'x', ver: '1.0'
      },
      'for an application': { ...none, aud: 'api://projects', sub: 'oid-2', oid: 'oid-2', appid: 'client-2', appidacr: '1', idp: 'x', roles: ['writer'], uti: 'x', ver: '1.0' }
    },
    clientTokens: ['for an application'],
    otherTokens: {
      'an ID token': { ...none, aud: 'client-1', sub: 'pairwise', amr: ['pwd'], name: 'Ann', nonce: 'n', oid: 'oid-1', unique_name: 'ann@example.com', ver: '1.0' },
      'an ID token whose client is the API': { ...none, aud: 'api://projects', sub: 'pairwise', amr: ['pwd'], name: 'Ann', oid: 'oid-1', ver: '1.0' },
      'a v2 access token': { ...none, aud: 'api://projects', sub: 'pairwise', azp: 'client-1', scp: 'projects.read', ver: '2.0' }
    },
    read: { clientId: 'client-1', scopes: ['projects.read', 'projects.write'], roles: ['reader'] }
  },
  entraB2c: {
    issuer: 'https://contoso.b2clogin.com/11111111-2222-3333-4444-555555555555/v2.0/',
    jwksUri: true,
    audience: app,
    header: { typ: 'JWT', alg: 'RS256' },
    accessTokens: {
      'for a user, with the nonce of the sign-in': {
        ...none, aud: app, sub: 'user-1', azp: 'client-1', scp: 'projects.read', nonce: 'n', tfp: 'B2C_1_signin', ver: '1.0', auth_time: 1_799_999_000, name: 'Ann', oid: 'user-1'
      },
      'for a user': { ...none, aud: app, sub: 'user-1', azp: 'client-1', scp: 'projects.read projects.write', acr: 'b2c_1_signin', ver: '1.0' },
      'for an application': { ...none, aud: app, sub: 'client-2', azp: 'client-2', ver: '1.0', tid: 'x' }
    },
    clientTokens: ['for an application'],
    otherTokens: {
      'an ID token': { ...none, aud: 'client-1', sub: 'user-1', nonce: 'n', tfp: 'B2C_1_signin', ver: '1.0', name: 'Ann' },
      'an ID token whose client is the API': { ...none, aud: app, sub: 'user-1', nonce: 'n', tfp: 'B2C_1_signin', ver: '1.0', name: 'Ann' }
    },
    read: { clientId: 'client-1', scopes: ['projects.read'], authenticatedAt: 1_799_999_000 }
  },
  adfs: {
    issuer: 'http://sts.contoso.example/adfs/services/trust',
    jwksUri: true,
    audience: 'microsoft:identityserver:projects-api',
    header: { typ: 'JWT', alg: 'RS256', x5t: 'x' },
    accessTokens: {
      'for a user': {
        ...none, aud: 'microsoft:identityserver:projects-api', sub: 'pairwise', apptype: 'Public', appid: 'client-1', authmethod: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
        auth_time: '2026-11-30T00:00:00.000Z', ver: '1.0', scp: 'openid projects', role: ['reader']
      },
      'for an application': { ...none, aud: 'microsoft:identityserver:projects-api', sub: undefined, apptype: 'Confidential', appid: 'client-2', authmethod: 'x', ver: '1.0', scp: 'projects' }
    },
    clientTokens: ['for an application'],
    otherTokens: {
      'an ID token': { ...none, aud: 'client-1', sub: 'pairwise', unique_name: 'CONTOSO\\ann', upn: 'ann@contoso.example', nonce: 'n', sid: 's-1' },
      'an ID token whose client is the API': { ...none, aud: 'microsoft:identityserver:projects-api', sub: 'pairwise', unique_name: 'CONTOSO\\ann', upn: 'ann@contoso.example' }
    },
    read: { clientId: 'client-1', scopes: ['openid', 'projects'], roles: ['reader'] }
  },
  workos: {
    issuer: 'https://api.workos.com/user_management/client_01',
    jwksUri: true,
    header: { typ: undefined, alg: 'RS256' },
    accessTokens: {
      'of a session': {
        client_id: undefined, aud: undefined, sub: 'user_01', org_id: 'org_01', role: 'member', roles: ['member'], permissions: ['posts:read', 'posts:write'],
        entitlements: ['audit-logs'], sid: 'session_01', jti: '01'
      },
      'of WorkOS Connect': { aud: 'https://api.example.com', sub: 'user_01', client_id: 'client_02', org_id: 'org_01', sid: 'consent_01', scope: 'posts:read', jti: '02' },
      'of WorkOS Connect, for a machine': { aud: 'https://api.example.com', sub: 'client_03', client_id: 'client_03', org_id: 'org_01', scope: 'posts:read', jti: '03' }
    },
    clientTokens: ['of WorkOS Connect, for a machine'],
    otherTokens: {
      'an ID token': { client_id: undefined, aud: 'client_02', sub: 'user_01', nonce: 'n', email: 'ann@example.com', sid: 'consent_01' },
      'a token for another resource': { aud: 'https://other.example', sub: 'user_01', client_id: 'client_02', scope: 'posts:read' }
    },
    read: { clientId: null, audience: ['https://api.example.com'], roles: ['posts:read', 'posts:write'], sessionId: 'session_01' }
  },
  clerk: {
    issuer: 'https://clerk.example.com',
    header: { typ: 'JWT', alg: 'RS256', cat: 'x' },
    accessTokens: {
      'of a session': {
        ...none, aud: undefined, sub: 'user_1', azp: 'https://app.example.com', fva: [7, -1], sid: 'sess_1', sts: 'active', v: 2, pla: 'u:free', fea: 'u:x',
        o: { id: 'org_1', slg: 'acme', rol: 'admin', per: 'read,manage' }
      },
      'of a session without an Origin': { ...none, aud: undefined, sub: 'user_1', fva: [7, -1], sid: 'sess_1', sts: 'active', v: 2 }
    },
    clientTokens: [],
    otherTokens: {
      'an ID token': { ...none, aud: 'client-1', sub: 'user_1', azp: 'client-1', nonce: 'n', at_hash: 'x', email: 'ann@example.com' },
      'an ID token whose client is the API': { ...none, aud: 'https://api.example.com', sub: 'user_1', azp: 'client-1', email: 'ann@example.com' },
      'a session that is not complete': { ...none, aud: undefined, sub: 'user_1', azp: 'https://app.example.com', sid: 'sess_1', sts: 'pending', v: 2 }
    },
    read: { clientId: 'https://app.example.com', roles: ['admin'], sessionId: 'sess_1' }
  },
  supabase: {
    issuer: 'https://abcdefghijklmnop.supabase.co/auth/v1',
    header: { typ: 'JWT', alg: 'ES256' },
    alg: 'ES256',
    accessTokens: {
      'of a user': {
        ...none, aud: 'authenticated', sub: '123e4567-e89b-12d3-a456-426614174000', role: 'authenticated', aal: 'aal1', session_id: 's-1', email: 'ann@example.com', phone: '',
        is_anonymous: false, app_metadata: { provider: 'email' }, user_metadata: {}, amr: [{ method: 'password', timestamp: 1_799_999_000 }]
      },
      'of an OAuth client': { ...none, aud: 'authenticated', sub: 'user-1', role: 'authenticated', aal: 'aal1', session_id: 's-2', client_id: 'client-1' }
    },
    clientTokens: [],
    otherTokens: {
      'an ID token': { ...none, aud: 'client-1', sub: 'user-1', nonce: 'n', email: 'ann@example.com' },
      'an API key': { ...none, aud: undefined, sub: undefined, ref: 'abcdefghijklmnop', role: 'service_role' },
      'the key of anonymous visitors': { ...none, aud: 'authenticated', sub: 'x', role: 'anon' }
    },
    read: { clientId: null, audience: ['authenticated'], sessionId: 's-1' }
  },
  google: {
    issuer: 'https://accounts.google.com',
    audience: 'https://api.example.com',
    header: { typ: 'JWT', alg: 'RS256' },
    accessTokens: {
      'of a service account': { ...none, aud: 'https://api.example.com', sub: '1122', azp: '1122', email: 'svc@project.iam.gserviceaccount.com', email_verified: true },
      'of a service account whose azp is another': { ...none, aud: 'https://api.example.com', sub: '1122', azp: 'svc@project.iam.gserviceaccount.com' }
    },
    clientTokens: ['of a service account'],
    otherTokens: {
      'the ID token of a sign-in elsewhere': { ...none, aud: 'client-1.apps.googleusercontent.com', azp: 'client-1.apps.googleusercontent.com', sub: '3344', nonce: 'n', at_hash: 'x' }
    },
    read: { clientId: '1122', subject: '1122' }
  },
  githubActions: {
    issuer: 'https://token.actions.githubusercontent.com',
    audience: 'https://api.example.com',
    header: { typ: 'JWT', alg: 'RS256', x5t: 'x' },
    accessTokens: {
      'of a workflow': {
        client_id: undefined, jti: 'x', aud: 'https://api.example.com', sub: 'repo:octo-org/octo-repo:environment:prod', ref: 'refs/heads/main', sha: 'x', repository: 'octo-org/octo-repo',
        repository_owner: 'octo-org', run_id: '1', actor: 'octocat', workflow: 'deploy', event_name: 'push', runner_environment: 'github-hosted', job_workflow_ref: 'x', environment: 'prod'
      }
    },
    clientTokens: ['of a workflow'],
    otherTokens: {
      'with the default audience': { client_id: undefined, jti: 'x', aud: 'https://github.com/octo-org', sub: 'repo:octo-org/octo-repo:ref:refs/heads/main', repository: 'octo-org/octo-repo' }
    },
    read: { clientId: null, subject: 'repo:octo-org/octo-repo:environment:prod' }
  },
  kubernetes: {
    issuer: 'https://kubernetes.default.svc.cluster.local',
    jwksUri: true,
    audience: 'projects-api',
    header: { typ: undefined, alg: 'RS256' },
    accessTokens: {
      'of a service account': {
        client_id: undefined, jti: 'x', aud: ['projects-api'], sub: 'system:serviceaccount:default:caller',
        'kubernetes.io': { namespace: 'default', pod: { name: 'p', uid: 'x' }, serviceaccount: { name: 'caller', uid: 'x' }, warnafter: 1_800_000_100 }
      }
    },
    clientTokens: ['of a service account'],
    otherTokens: {
      'for the API server': {
        client_id: undefined, aud: ['https://kubernetes.default.svc.cluster.local'], sub: 'system:serviceaccount:default:caller', 'kubernetes.io': { namespace: 'default' }
      }
    },
    read: { clientId: null, subject: 'system:serviceaccount:default:caller' }
  },
  cloudflareAccess: {
    issuer: 'https://team.cloudflareaccess.com',
    jwksUri: true,
    audience: '32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228',
    tokenHeader: 'Cf-Access-Jwt-Assertion',
    header: { typ: 'JWT', alg: 'RS256' },
    accessTokens: {
      'of a user': {
        ...none, aud: ['32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228'], email: 'ann@example.com', type: 'app', identity_nonce: 'x', sub: '7335d417', country: 'IT'
      }
    },
    clientTokens: [],
    otherTokens: {
      'the token of the login page': { ...none, aud: ['32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228'], email: 'ann@example.com', type: 'org', sub: '7335d417' },
      'for another application': { ...none, aud: ['x'], email: 'ann@example.com', type: 'app', sub: '7335d417' },
      'an ID token of Access for SaaS': { ...none, aud: '32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228', sub: '7335d417', nonce: 'n', email: 'ann@example.com' }
    },
    read: { clientId: null, subject: '7335d417' }
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
