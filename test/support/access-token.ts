import type { AccessToken } from '../../lib/token/access-token.ts'

/** A verified access token, for code that gets one and does not ask where from. */
export function accessTokenOf (members: Partial<AccessToken> = {}): AccessToken {
  return {
    issuer: 'https://login.example.com', subject: 'ann', principalType: 'user', clientId: 'client-1',
    audience: ['https://api.example.com'], scopes: [], actor: null, tokenId: 'token-1', expiresAt: 1_800_000_300,
    issuedAt: 1_800_000_000, roles: [], organizations: null, teams: null, sessionId: null, grantId: null,
    authenticationContext: null, authenticatedAt: null, authorizationDetails: [], confirmation: null, claims: { secret: 'of the claims' }, ...members
  }
}
