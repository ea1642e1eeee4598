import type { ExpectedToken } from '../../lib/token/expected-token.ts'

/** What is asked of the tokens of an issuer about which nothing in particular was said, but for what a test says. */
export function createExpectedToken (changes: Partial<ExpectedToken> = {}): ExpectedToken {
  return {
    issuer: 'https://login.example.com',
    audiences: ['https://api.example.com'],
    allowMissingAudience: false,
    allowUnknownConfirmation: false,
    foreignAudiences: 'accept',
    algorithms: ['ES256'],
    profile: 'rfc9068',
    allowIdTokens: false,
    scopeClaims: ['scope'],
    claims: { audience: 'aud', actor: 'act', roles: 'roles', organizations: null, teams: null, session: 'sid', grant: null },
    requiredClaims: {},
    clientTokens: [],
    tokenRules: [],
    clockToleranceSeconds: 5,
    hints: { option: 'authorizationServers[0]', isIdentifier: false, preset: null, withPreset: null, otherIdentifiers: new Map() },
    ...changes
  }
}
