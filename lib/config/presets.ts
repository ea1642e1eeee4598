import type { IssuerOptions, PresetName } from './issuer-options.ts'

/** Options that suit a kind of issuer. What is particular to yours, its identifier and audience, is not in here. */
export type Preset = Readonly<Pick<IssuerOptions, 'profile' | 'algorithms' | 'scopeClaims' | 'claims' | 'requiredClaims' | 'clientTokens'>>

/** Plain data: read it, spread it, override it. */
export const issuerPresets: Readonly<Record<PresetName, Preset>> = {
  /**
   * Microsoft Entra ID, v2.0 endpoint. The audience is the application's id. The subject of a user differs from API to API
   * and is never the object id; that of an application is. `idtyp` is an optional claim.
   */
  entra: {
    profile: 'jwt',
    algorithms: ['RS256'],
    scopeClaims: ['scp'],
    claims: { roles: 'roles' },
    requiredClaims: { ver: '2.0' },
    clientTokens: [{ idtyp: 'app' }, { oid: '{subject}' }]
  },
  /**
   * Keycloak. The audience needs an audience mapper; without one it is `account`. The subject of a service account is a user
   * of its own: what tells it apart comes from the client scopes `profile` and `service_account`, and either will do.
   */
  keycloak: {
    profile: 'jwt',
    scopeClaims: ['scope'],
    claims: { roles: ['realm_access', 'roles'] },
    requiredClaims: { typ: 'Bearer' },
    clientTokens: [{ preferred_username: 'service-account-{clientId}' }, { clientAddress: true }]
  },
  /**
   * Auth0, with either of its token dialects. Its issuer identifiers end with a slash. `permissions` is what the user may
   * do, asked for by the client or not, so it makes roles and no scopes.
   */
  auth0: {
    profile: 'jwt',
    algorithms: ['RS256', 'PS256'],
    scopeClaims: ['scope'],
    claims: { roles: 'permissions' },
    clientTokens: [{ gty: 'client-credentials' }, { sub: '{clientId}@clients' }]
  },
  /** Okta, custom authorization servers. */
  okta: { profile: 'jwt', algorithms: ['RS256'], scopeClaims: ['scp'], claims: { roles: 'groups' } },
  /** Amazon Cognito user pools. Access tokens have no `aud`: the audience is the list of client ids that may call. */
  cognito: {
    profile: 'jwt',
    algorithms: ['RS256'],
    scopeClaims: ['scope'],
    claims: { audience: 'client_id', roles: 'cognito:groups' },
    requiredClaims: { token_use: 'access' }
  }
}
