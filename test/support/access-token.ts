import type { AccessToken } from '../../lib/token/access-token.ts'

/** A verified access token that says the least; what a test is about is the test's to add. */
export function accessTokenOf (says: Partial<AccessToken> = {}): AccessToken {
  return {
    issuer: 'https://login.example.com', subject: 'user-1', principalType: 'user', clientId: 'client-1',
    audience: ['https://api.example.com'], scopes: [], actor: null, tokenId: null, expiresAt: null, issuedAt: null, roles: [],
    organizations: null, teams: null, sessionId: null, grantId: null, authenticationContext: null, authenticatedAt: null,
    authorizationDetails: [], claims: {}, ...says
  }
}
