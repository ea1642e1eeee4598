import type { Claims } from './claim-path.ts'
import { readClaim } from './claim-path.ts'
import type { ExpectedToken } from './expected-token.ts'
import { audienceOf, clientClaims, isAbsent, isText } from './token-claims.ts'

/** What makes a token look like an ID token. */
export interface IdTokenMark {
  readonly mark: string
  /** Whether access tokens of this issuer cannot have the mark. */
  readonly isCertain: boolean
}

const onlyInIdTokens = ['nonce', 'at_hash', 'c_hash', 's_hash']

/**
 * What an access token does not look like: it has a client or scopes, and none of the claims that only an ID token has
 * (OpenID Connect Core 1.0 sections 2 and 3.3.2.11), save for `nonce`, which some issuers add to all tokens.
 */
export function markOfIdToken (claims: Claims, expected: ExpectedToken): IdTokenMark | null {
  const scope = expected.scopeClaims.some(path => !isAbsent(readClaim(claims, path)))
  const client = clientClaims.find(name => !isAbsent(claims[name]))
  const own = onlyInIdTokens.find(name => name in claims && !(name === 'nonce' && scope && client !== undefined))
  if (own !== undefined) return { mark: `${own} is in the token`, isCertain: true }
  // The ID tokens of the products that have a preset are without both, and their access tokens are not.
  const isCertain = expected.hints.preset !== null && !identifiesAccessTokens(expected)
  if (client === undefined && !scope) return { mark: 'there is no client and no scope in the token', isCertain }
  // The audience of an ID token is the client (`azp` repeats it).
  const audience = audienceOf(claims, expected)
  if (isText(claims.azp) && audience?.length === 1 && audience[0] === claims.azp && !scope) {
    return { mark: 'azp is the audience and there is no scope in the token', isCertain }
  }
  return null
}

/** Whether `requiredClaims` distinguish access tokens from ID tokens. Entra writes `ver` into both. */
export function identifiesAccessTokens ({ requiredClaims }: ExpectedToken): boolean {
  return Object.keys(requiredClaims).some(name => name !== 'ver')
}

/** What products write into their ID tokens alone: Cognito `token_use: id`, Keycloak `typ: ID`. */
const statements = [['token_use', 'id'], ['typ', 'ID']] as const

/** Why the log calls a refused token an ID token; `null` where nothing suggests that it is one. It decides nothing. */
export function idTokenHint (claims: Claims, expected: ExpectedToken): IdTokenMark | null {
  const stated = statements.find(([name, value]) => claims[name] === value)
  if (stated !== undefined) return { mark: `${stated[0]} is "${stated[1]}"`, isCertain: true }
  const { requiredClaims, allowIdTokens } = expected
  const isIdentified = identifiesAccessTokens(expected) && Object.entries(requiredClaims).every(([name, value]) => readClaim(claims, name) === value)
  return isIdentified || allowIdTokens ? null : markOfIdToken(claims, expected)
}

export function describeMark ({ mark, isCertain }: IdTokenMark): string {
  return `this ${isCertain ? 'is' : 'may be'} an ID token: ${mark}`
}

/** The advice keeps the check: an ID token that is accepted in place of an access token lets every client of the issuer in. */
export const fixForIdToken = 'send the access token of the token response, and not its ID token'
