import type { IssuerOptions } from '../config/issuer.ts'
import type { PresetName } from '../config/presets.ts'
import type { TestAlgorithm } from './signing-key.ts'

type Members = Readonly<Record<string, unknown>>

/** What a test said about the token of a product. */
export interface ProductInput {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  /** The audience that the server expects: {@link Product.audience}, or the resource. */
  readonly audience: string
}

/** How a product differs from RFC 9068. In header and claims, `undefined` leaves a member out. */
export interface Product {
  readonly issuer: string
  readonly algorithm: TestAlgorithm
  /** The audience of its tokens. Default: the resource. */
  readonly audience?: string
  /** Further options of the issuer that the product needs. */
  readonly options?: Pick<IssuerOptions, 'jwksUri'>
  /** The request header that brings its tokens. Default: `Authorization`. */
  readonly tokenHeader?: string
  readonly header: Members
  /** The claims of a user's access token. */
  readonly user: (input: ProductInput) => Members
  /** The claims of an access token of a client that acts for itself; `null` for a product that issues none. */
  readonly client: ((input: ProductInput) => Members) | null
  readonly idToken: (input: ProductInput) => Members
}

const jwt = { typ: 'JWT' }
/** What RFC 9068 requires and these products do not send. */
const without = { client_id: undefined, jti: undefined, scope: undefined }
const joined = (scopes: readonly string[]): string | undefined => scopes.length === 0 ? undefined : scopes.join(' ')
const listed = (scopes: readonly string[]): readonly string[] | undefined => scopes.length === 0 ? undefined : scopes
const microsoftTenant = '11111111-2222-3333-4444-555555555555'
const microsoftApplication = '66666666-7777-8888-9999-000000000000'
const name = { name: 'Test User', preferred_username: 'user@example.com' }

/**
 * The shape of each product's tokens, as its documentation shows it: the claims that a resource server looks at, and those
 * that distinguish its access tokens from its ID tokens.
 */
export const products: Readonly<Record<PresetName, Product>> = {
  entra: {
    issuer: `https://login.microsoftonline.com/${microsoftTenant}/v2.0`,
    algorithm: 'RS256',
    audience: microsoftApplication,
    header: jwt,
    user: ({ subject, clientId, scopes }) => ({ ...without, ...name, azp: clientId, azpacr: '0', oid: `${subject}-object`, scp: joined(scopes), tid: microsoftTenant, uti: 'uti', ver: '2.0' }),
    client: ({ subject, clientId }) => ({ ...without, azp: clientId, azpacr: '1', oid: subject, idtyp: 'app', roles: [], tid: microsoftTenant, uti: 'uti', ver: '2.0' }),
    idToken: ({ subject, clientId }) => ({ ...without, ...name, aud: clientId, nonce: 'n', oid: `${subject}-object`, tid: microsoftTenant, ver: '2.0' })
  },
  entraV1: {
    issuer: `https://sts.windows.net/${microsoftTenant}/`,
    algorithm: 'RS256',
    audience: 'api://test-api',
    options: { jwksUri: `https://login.microsoftonline.com/${microsoftTenant}/discovery/keys` },
    header: jwt,
    user: ({ subject, clientId, scopes }) => ({ ...without, acr: '1', amr: ['pwd'], appid: clientId, appidacr: '0', oid: `${subject}-object`, scp: joined(scopes), tid: microsoftTenant, ver: '1.0' }),
    client: ({ subject, clientId }) => ({ ...without, appid: clientId, appidacr: '1', oid: subject, roles: [], tid: microsoftTenant, ver: '1.0' }),
    idToken: ({ subject, clientId }) => ({ ...without, aud: clientId, amr: ['pwd'], nonce: 'n', oid: `${subject}-object`, ver: '1.0' })
  },
  entraB2c: {
    issuer: `https://contoso.b2clogin.com/${microsoftTenant}/v2.0/`,
    algorithm: 'RS256',
    audience: microsoftApplication,
    options: { jwksUri: 'https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/discovery/v2.0/keys' },
    header: jwt,
    user: ({ clientId, scopes }) => ({ ...without, azp: clientId, scp: joined(scopes), tfp: 'B2C_1_signin', ver: '1.0' }),
    client: ({ clientId }) => ({ ...without, sub: clientId, azp: clientId, ver: '1.0' }),
    idToken: ({ clientId }) => ({ ...without, aud: clientId, nonce: 'n', tfp: 'B2C_1_signin', ver: '1.0' })
  },
  adfs: {
    issuer: 'http://sts.contoso.example/adfs/services/trust',
    algorithm: 'RS256',
    audience: 'microsoft:identityserver:test-api',
    options: { jwksUri: 'https://sts.contoso.example/adfs/discovery/keys' },
    header: jwt,
    user: ({ clientId, scopes }) => ({ ...without, appid: clientId, apptype: 'Public', scp: joined(scopes), auth_time: '2026-01-01T00:00:00.000Z', ver: '1.0' }),
    client: ({ clientId, scopes }) => ({ ...without, sub: undefined, appid: clientId, apptype: 'Confidential', scp: joined(scopes), ver: '1.0' }),
    idToken: ({ clientId }) => ({ ...without, aud: clientId, nonce: 'n', unique_name: 'CONTOSO\\user', upn: 'user@contoso.example' })
  },
  keycloak: {
    issuer: 'https://sso.example.com/realms/main',
    algorithm: 'RS256',
    header: jwt,
    user: ({ clientId, audience }) => ({
      client_id: undefined, aud: [audience, 'account'], typ: 'Bearer', azp: clientId, sid: 'session-1', acr: '1', realm_access: { roles: [] }, preferred_username: 'user'
    }),
    client: ({ clientId }) => ({ typ: 'Bearer', azp: clientId, acr: '1', realm_access: { roles: [] }, preferred_username: `service-account-${clientId}` }),
    idToken: ({ clientId }) => ({ client_id: undefined, scope: undefined, aud: clientId, typ: 'ID', azp: clientId, sid: 'session-1', at_hash: 'hash', acr: '1' })
  },
  auth0: {
    issuer: 'https://tenant.eu.auth0.com/',
    algorithm: 'RS256',
    header: jwt,
    user: ({ clientId, audience, scopes }) => ({ ...without, aud: [audience, 'https://tenant.eu.auth0.com/userinfo'], azp: clientId, scope: joined(scopes), permissions: [] }),
    client: ({ clientId, scopes }) => ({ ...without, sub: `${clientId}@clients`, azp: clientId, gty: 'client-credentials', scope: joined(scopes) }),
    idToken: ({ clientId }) => ({ ...without, aud: clientId, nonce: 'n', sid: 'session-1', name: 'Test User' })
  },
  okta: {
    issuer: 'https://example.okta.com/oauth2/default',
    algorithm: 'RS256',
    audience: 'api://default',
    header: { typ: undefined },
    user: ({ clientId, scopes }) => ({ client_id: undefined, scope: undefined, ver: 1, cid: clientId, uid: '00u1', scp: listed(scopes) }),
    client: ({ clientId, scopes }) => ({ client_id: undefined, scope: undefined, sub: clientId, ver: 1, cid: clientId, scp: listed(scopes) }),
    idToken: ({ clientId }) => ({ ...without, aud: clientId, ver: 1, amr: ['pwd'], nonce: 'n', at_hash: 'hash' })
  },
  cognito: {
    issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example',
    algorithm: 'RS256',
    // Access tokens of Cognito have no audience: the server lists the clients that may call.
    audience: 'client-1',
    header: { typ: undefined },
    user: ({ scopes }) => ({ aud: undefined, token_use: 'access', version: 2, username: 'user', scope: joined(scopes) }),
    client: ({ clientId, scopes }) => ({ aud: undefined, sub: clientId, token_use: 'access', version: 2, scope: joined(scopes) }),
    idToken: ({ clientId }) => ({ client_id: undefined, scope: undefined, aud: clientId, token_use: 'id', 'cognito:username': 'user', at_hash: 'hash' })
  },
  workos: {
    issuer: 'https://api.workos.com/user_management/client_01',
    algorithm: 'RS256',
    options: { jwksUri: 'https://api.workos.com/sso/jwks/client_01' },
    header: { typ: undefined },
    user: ({ scopes }) => ({ client_id: undefined, aud: undefined, scope: undefined, sid: 'session_01', org_id: 'org_01', role: 'member', permissions: scopes }),
    client: ({ clientId, scopes }) => ({ sub: clientId, org_id: 'org_01', scope: joined(scopes) }),
    idToken: ({ clientId }) => ({ ...without, aud: clientId, nonce: 'n', email: 'user@example.com' })
  },
  clerk: {
    issuer: 'https://clerk.example.com',
    algorithm: 'RS256',
    header: { typ: 'JWT', cat: 'cl_B7d4PD111AAA' },
    user: () => ({ ...without, aud: undefined, azp: 'https://app.example.com', fva: [7, -1], sid: 'sess_1', sts: 'active', v: 2, o: { id: 'org_1', rol: 'member', slg: 'acme' } }),
    client: null,
    idToken: ({ clientId }) => ({ ...without, aud: clientId, azp: clientId, nonce: 'n', at_hash: 'hash' })
  },
  supabase: {
    issuer: 'https://abcdefghijklmnop.supabase.co/auth/v1',
    algorithm: 'ES256',
    audience: 'authenticated',
    header: jwt,
    user: () => ({ ...without, role: 'authenticated', aal: 'aal1', session_id: 'session-1', is_anonymous: false }),
    client: null,
    idToken: ({ clientId }) => ({ ...without, aud: clientId, nonce: 'n', email: 'user@example.com' })
  },
  google: {
    issuer: 'https://accounts.google.com',
    algorithm: 'RS256',
    header: jwt,
    user: () => ({ ...without, azp: 'service@project.iam.gserviceaccount.com', email: 'service@project.iam.gserviceaccount.com', email_verified: true }),
    client: ({ subject }) => ({ ...without, azp: subject, email: 'service@project.iam.gserviceaccount.com', email_verified: true }),
    idToken: ({ clientId }) => ({ ...without, aud: `${clientId}.apps.googleusercontent.com`, azp: `${clientId}.apps.googleusercontent.com`, nonce: 'n', at_hash: 'hash' })
  },
  githubActions: {
    issuer: 'https://token.actions.githubusercontent.com',
    algorithm: 'RS256',
    header: jwt,
    user: () => workflow,
    client: () => workflow,
    idToken: () => ({ ...workflow, aud: 'https://github.com/octo-org' })
  },
  kubernetes: {
    issuer: 'https://kubernetes.default.svc.cluster.local',
    algorithm: 'RS256',
    audience: 'test-api',
    options: { jwksUri: 'https://kubernetes.default.svc.cluster.local/openid/v1/jwks' },
    header: { typ: undefined },
    user: ({ audience }) => serviceAccount(audience),
    client: ({ audience }) => serviceAccount(audience),
    idToken: () => serviceAccount('https://kubernetes.default.svc.cluster.local')
  },
  cloudflareAccess: {
    issuer: 'https://team.cloudflareaccess.com',
    algorithm: 'RS256',
    audience: '32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228',
    options: { jwksUri: 'https://team.cloudflareaccess.com/cdn-cgi/access/certs' },
    tokenHeader: 'cf-access-jwt-assertion',
    header: jwt,
    user: ({ audience }) => ({ ...without, aud: [audience], type: 'app', email: 'user@example.com', identity_nonce: 'n', country: 'IT' }),
    client: null,
    idToken: ({ clientId }) => ({ ...without, aud: clientId, nonce: 'n', email: 'user@example.com' })
  }
}

const workflow = {
  client_id: undefined, scope: undefined, sub: 'repo:octo-org/octo-repo:ref:refs/heads/main', repository: 'octo-org/octo-repo', repository_owner: 'octo-org', ref: 'refs/heads/main', workflow: 'deploy'
}

function serviceAccount (audience: string): Members {
  return { client_id: undefined, scope: undefined, aud: [audience], sub: 'system:serviceaccount:default:caller', 'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'caller', uid: 'uid' } } }
}
