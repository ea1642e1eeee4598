import type { Issuer } from './issuer.ts'
import type { UnverifiedJwt } from './jwt.ts'
import { maxTokenLength, parseJwt, refused } from './jwt.ts'

/** Whose a token is, before anything in it is believed. */
export interface RoutedToken {
  readonly issuer: Issuer
  /** `null` for a token that is no JWT. */
  readonly jwt: UnverifiedJwt | null
}

/** Finds an issuer that is not in the list, by its identifier; `null` when it is none of ours. */
export type IssuerResolver = (issuer: string) => Promise<Issuer | null>

/**
 * Finds the issuer of a token. A JWT names it, and it is one of ours or the token is refused: an unknown issuer causes no
 * request (RFC 8725 section 3.10). Anything else goes to the issuer whose opaque tokens begin like it. Nothing is tried
 * at two places.
 *
 * It throws InvalidTokenError.
 */
export type TokenRouter = (token: string) => RoutedToken | Promise<RoutedToken>

/** Longer opaque tokens are nobody's, and not worth a request (RFC 7662 section 4). */
const maxOpaqueLength = 4096

export function createTokenRouter (issuers: readonly Issuer[], resolve: IssuerResolver | null): TokenRouter {
  const byIdentifier = new Map(issuers.map(issuer => [issuer.rule.issuer, issuer]))
  // The longest prefix first: it says the most.
  const opaque = issuers.filter(issuer => issuer.opaquePrefix !== null)
    .sort((one, other) => other.opaquePrefix!.length - one.opaquePrefix!.length)

  const resolved = async (identifier: string, jwt: UnverifiedJwt): Promise<RoutedToken> => {
    const issuer = await resolve!(identifier)
    if (issuer === null) throw refused('issuer_unknown')
    return { issuer, jwt }
  }

  return token => {
    if (token.length > maxTokenLength) throw refused('token_too_long')
    if (!isJwt(token)) {
      const issuer = opaque.find(one => token.startsWith(one.opaquePrefix!))
      if (issuer === undefined) throw refused('token_malformed')
      if (token.length > maxOpaqueLength) throw refused('token_too_long')
      return { issuer, jwt: null }
    }
    const jwt = parseJwt(token)
    const { iss } = jwt.claims
    const issuer = byIdentifier.get(iss as string)
    if (issuer !== undefined) return { issuer, jwt }
    if (resolve === null || typeof iss !== 'string') throw refused('issuer_unknown')
    return resolved(iss, jwt)
  }
}

/** By its form alone: three parts, the first of them a JSON object as far as its beginning tells. */
function isJwt (token: string): boolean {
  const parts = token.split('.')
  return parts.length === 3 && /^\s*\{/.test(Buffer.from(parts[0]!, 'base64url').toString('latin1'))
}
