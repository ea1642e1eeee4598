import type { RefusalDetail } from '../errors/detail.ts'
import type { TokenReason } from '../errors/reasons.ts'
import { InvalidTokenError, withoutStackTrace } from '../errors/errors.ts'
import { parseStrictObject } from './strict-json.ts'

/** A JWT taken apart. Nothing in it is to be believed before its signature is checked. */
export interface UnverifiedJwt {
  readonly compact: string
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

// RFC 8725 section 3.14: base64url characters and dots, nothing else.
const compactJws = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/

/** Longer tokens are refused before any work is done on them. */
export const maxTokenLength = 16_384

/**
 * Takes a signed JWT apart.
 *
 * @param maxLength more than a token is allowed what comes from an issuer itself
 * @throws InvalidTokenError for anything that is not a signed JWT in compact form with JSON objects inside
 */
export function parseJwt (token: string, maxLength: number = maxTokenLength): UnverifiedJwt {
  if (token.length > maxLength) throw refused('token_too_long')
  const parts = compactJws.exec(token)
  if (parts === null) throw refused('token_malformed')
  try {
    // The bytes of the signature are not needed here, but that they have this one spelling is.
    decode(parts[3]!)
    return {
      compact: token,
      header: parseStrictObject(decode(parts[1]!)),
      claims: parseStrictObject(decode(parts[2]!))
    }
  } catch {
    // The cause would quote the token.
    throw refused('token_malformed')
  }
}

/**
 * The last character of a part may hold bits that decode to nothing. Where they are set, it is another spelling of the
 * same token (RFC 4648 section 3.5), and whatever tells tokens apart by their text could be led astray.
 */
function decode (part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) throw new SyntaxError('not canonical')
  return bytes
}

/** An expected answer, so without a stack trace. */
export function refused (reason: TokenReason, detail: RefusalDetail | null = null): InvalidTokenError {
  return withoutStackTrace(() => new InvalidTokenError(reason, undefined, detail))
}
