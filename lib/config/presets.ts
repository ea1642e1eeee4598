import type { TokenShapeOptions } from './token-shape.ts'

/** The products that there are `issuerPresets` for. */
export type PresetName =
  'entra' | 'entraV1' | 'entraB2c' | 'adfs' | 'keycloak' | 'auth0' | 'okta' | 'cognito' | 'workos' | 'clerk' | 'supabase' |
  'google' | 'githubActions' | 'kubernetes' | 'cloudflareAccess'

/**
 * Settings that suit the tokens of a product. Its identifier, and in most cases the audience, are yours to set. They are
 * plain data: read them, spread them, override them.
 */
export type Preset = Readonly<TokenShapeOptions>

/**
 * The audience that all tokens of a product have where none is configured for an API: it says nothing about which API a token
 * is for. Keycloak: without an audience mapper.
 */
export const audienceOfEveryToken: Readonly<Partial<Record<PresetName, string>>> = { keycloak: 'account' }

const jwtSignedWithRs256 = { profile: 'jwt', algorithms: ['RS256'] } as const

export const issuerPresets: Readonly<Record<PresetName, Preset>> = {
  /**
   * Microsoft Entra ID, access tokens of version 2.0 (`accessTokenAcceptedVersion: 2`), issuer
   * `https://login.microsoftonline.com/<tenant id>/v2.0`. The audience is the application id of the API. The `sub` of a user
   * differs from API to API and is never the object id; that of an application is. `idtyp` is an optional claim.
   * Access tokens have `azp` and `scp` or `roles`; ID tokens have no client, and their audience is the client.
   */
  entra: {
    ...jwtSignedWithRs256,
    scopeClaims: ['scp'],
    claims: { roles: 'roles' },
    requiredClaims: { ver: '2.0' },
    clientTokens: [{ idtyp: 'app' }, { oid: '{subject}' }]
  },
  /**
   * Microsoft Entra ID, access tokens of version 1.0, which is the default of an app registration. Issuer
   * `https://sts.windows.net/<tenant id>/`, with `jwksUri` `https://login.microsoftonline.com/<tenant id>/discovery/keys`. The
   * audience is the Application ID URI (`api://…`) or the application id. Access tokens have `appid`; ID tokens do not.
   */
  entraV1: {
    ...jwtSignedWithRs256,
    scopeClaims: ['scp'],
    claims: { roles: 'roles' },
    requiredClaims: { ver: '1.0' },
    clientTokens: [{ idtyp: 'app' }, { oid: '{subject}' }]
  },
  /**
   * Azure AD B2C, issuer `https://<tenant>.b2clogin.com/<tenant id>/v2.0/`, with the `jwksUri` of the policy, as the metadata
   * is not below the issuer. The audience is the application id of the API. Access tokens have `azp` and `scp`, and may have
   * the `nonce` of the sign-in; ID tokens have neither `azp` nor `scp`.
   */
  entraB2c: { ...jwtSignedWithRs256, scopeClaims: ['scp'] },
  /**
   * Active Directory Federation Services 2016 and later. The issuer is what `iss` says, `http://<host>/adfs/services/trust` by
   * default, which is only compared; so `jwksUri` is needed: `https://<host>/adfs/discovery/keys`. The audience is the
   * identifier of the Web API. Access tokens have `appid` and `scp`; ID tokens have neither.
   */
  adfs: { ...jwtSignedWithRs256, scopeClaims: ['scp'], claims: { roles: 'role' }, clientTokens: [{ apptype: 'Confidential', sub: '{clientId}' }] },
  /**
   * Keycloak, issuer `https://<host>/realms/<realm>`. The audience requires an audience mapper; without one it is `account`.
   * The `sub` of a service account is a user of its own: the client scopes `profile` and `service_account` mark its tokens, and
   * one of them is enough. Access tokens have the claim `typ: Bearer`; ID tokens have `typ: ID`.
   */
  keycloak: {
    profile: 'jwt',
    scopeClaims: ['scope'],
    claims: { roles: ['realm_access', 'roles'] },
    requiredClaims: { typ: 'Bearer' },
    clientTokens: [{ preferred_username: 'service-account-{clientId}' }, { clientAddress: true }]
  },
  /**
   * Auth0, with either of its token profiles, issuer `https://<tenant>.auth0.com/`, slash included. `permissions` is what the
   * user may do, whether the client requested it or not, so it becomes roles and not scopes. Access tokens have the API's
   * identifier in `aud`, and `azp` or `client_id`; the audience of an ID token is the client.
   */
  auth0: {
    profile: 'jwt',
    algorithms: ['RS256', 'PS256'],
    scopeClaims: ['scope'],
    claims: { roles: 'permissions' },
    clientTokens: [{ gty: 'client-credentials' }, { sub: '{clientId}@clients' }]
  },
  /**
   * Okta, custom authorization servers, issuer `https://<org>.okta.com/oauth2/<id>`. Access tokens have `cid` and `scp`; ID
   * tokens have neither, and their audience is the client.
   */
  okta: { ...jwtSignedWithRs256, scopeClaims: ['scp'], claims: { roles: 'groups' } },
  /**
   * Amazon Cognito user pools, issuer `https://cognito-idp.<region>.amazonaws.com/<pool id>`. Access tokens have no `aud`
   * unless a resource was requested: the audience is the list of the client ids that may call. They have
   * `token_use: access`; ID tokens have `token_use: id`.
   */
  cognito: {
    ...jwtSignedWithRs256,
    scopeClaims: ['scope'],
    claims: { audience: 'client_id', roles: 'cognito:groups' },
    requiredClaims: { token_use: 'access' }
  },
  /**
   * WorkOS AuthKit. Session tokens have the `iss` of your environment and neither `aud` nor client, so `allowMissingAudience`
   * is set: every session of the environment is accepted. Tokens of WorkOS Connect have `aud` and `client_id`. The audience
   * of an ID token is the client.
   */
  workos: { ...jwtSignedWithRs256, allowMissingAudience: true, allowIdTokens: true, claims: { roles: 'permissions' } },
  /**
   * Clerk session tokens of version 2, issuer: the Frontend API URL. They have no `aud` unless you add it, so
   * `allowMissingAudience` is set. Session tokens have `sts: active`; ID tokens, and sessions that are not complete, do not.
   */
  clerk: { ...jwtSignedWithRs256, allowMissingAudience: true, requiredClaims: { sts: 'active' }, claims: { roles: ['o', 'rol'] } },
  /**
   * Supabase Auth with asymmetric signing keys, issuer `https://<project>.supabase.co/auth/v1`. Tokens of users, anonymous
   * ones included, have `aud` and `role` `authenticated`; ID tokens and API keys have not.
   */
  supabase: {
    profile: 'jwt',
    algorithms: ['ES256', 'RS256'],
    audience: 'authenticated',
    claims: { session: 'session_id' },
    requiredClaims: { role: 'authenticated' }
  },
  /**
   * Google-signed tokens of service accounts, issuer `https://accounts.google.com`, as for calls between services. They are ID
   * tokens in form: `aud` alone, which the caller sets to your URL, distinguishes them. The access tokens of Google are opaque
   * and cannot be verified by others.
   */
  google: { ...jwtSignedWithRs256, allowIdTokens: true },
  /**
   * GitHub Actions, issuer `https://token.actions.githubusercontent.com`. The workflow requests a token with your audience;
   * do not accept GitHub's default, which is the same for every service. Add `tokenRules` for the repositories that may call:
   * every workflow on GitHub can have a token with your audience.
   */
  githubActions: { ...jwtSignedWithRs256, allowIdTokens: true, clientTokens: [{ repository: true }] },
  /**
   * Kubernetes service accounts, issuer: that of the cluster. Use projected tokens with an audience of your own
   * (`serviceAccountToken` volumes), not the audience of the API server. Kubernetes issues no ID tokens.
   */
  kubernetes: { ...jwtSignedWithRs256, allowIdTokens: true, clientTokens: [{ 'kubernetes.io': true }] },
  /**
   * Cloudflare Access, issuer `https://<team>.cloudflareaccess.com`, with `jwksUri`
   * `https://<team>.cloudflareaccess.com/cdn-cgi/access/certs` and the option `tokenHeader: 'Cf-Access-Jwt-Assertion'`. The
   * audience is the AUD tag of the application. Its tokens have `type: app`; the token of the login page has `type: org`.
   */
  cloudflareAccess: { ...jwtSignedWithRs256, requiredClaims: { type: 'app' } }
}
