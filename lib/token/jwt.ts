import { LRUCache } from 'lru-cache'
import type { RefusalDetail } from '../errors/detail.ts'
import { InvalidTokenError, withoutStackTrace } from '../errors/errors.ts'
import type { TokenReason } from '../errors/reasons.ts'
import { parseStrictObject } from './strict-json.ts'

/** The decoded parts of a JWT. They are not trustworthy before the signature is verified. */
export interface UnverifiedJwt {
  /** What was signed: the two parts before the signature, as they came (RFC 7515 section 5.1). */
  readonly signingInput: string
  readonly signature: Uint8Array
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

// RFC 8725 section 3.14: base64url characters and dots, nothing else.
const foreignCharacter = /[^A-Za-z0-9_.-]/

/** Longer tokens are refused before any work is done on them. */
export const maxTokenLength = 16_384

const wellFormed = 'a signed JWT in compact form (RFC 7519): three parts of base64url, the first two of them JSON objects'

/**
 * Takes a signed JWT apart.
 *
 * @param maxLength a response of an issuer itself may be longer than a token
 * @throws InvalidTokenError for anything that is not a signed JWT in compact form with JSON objects inside
 */
export function parseJwt (token: string, maxLength: number = maxTokenLength): UnverifiedJwt {
  if (token.length > maxLength) throw tooLong(token, maxLength)
  const headerEnd = token.indexOf('.')
  const claimsEnd = token.indexOf('.', headerEnd + 1)
  if (claimsEnd === -1 || token.includes('.', claimsEnd + 1) || foreignCharacter.test(token)) throw malformed('it has other parts or characters')
  try {
    return {
      signingInput: token.slice(0, claimsEnd),
      signature: decode(token, claimsEnd + 1, token.length),
      header: readHeader(token.slice(0, headerEnd)),
      claims: parseStrictObject(decode(token, headerEnd + 1, claimsEnd))
    }
  } catch (error) {
    throw malformed(`a part of it is ${(error as SyntaxError).message}`)
  }
}

/** Longer headers are hardly repeated. */
const maxHeaderLength = 300

/** An issuer has one header for each key, and all of its tokens repeat it. */
const headers = new LRUCache<string, UnverifiedJwt['header']>({ max: 100 })

function readHeader (text: string): UnverifiedJwt['header'] {
  const known = headers.get(text)
  if (known !== undefined) return known
  const header = Object.freeze(parseStrictObject(decode(text, 0, text.length)))
  // A copy: a text that was cut out of another one keeps that one, here a token, in memory.
  if (text.length <= maxHeaderLength) headers.set(Buffer.from(text, 'latin1').toString('latin1'), header)
  return header
}

/** Refuses a token for its length, which is all that is known of it. */
export function tooLong (token: string, maxLength: number): InvalidTokenError {
  return refused('token_too_long', { expected: `at most ${maxLength} characters`, received: `${token.length} characters` })
}

function malformed (received: string): InvalidTokenError {
  return refused('token_malformed', { expected: wellFormed, received })
}

/**
 * The last character of a part may hold bits that decode to nothing. Where they are set, it is another spelling of the
 * same token (RFC 4648 section 3.5), and caches and logs that tell tokens apart by their text would see two.
 */
function decode (token: string, start: number, end: number): Buffer {
  const rest = (end - start) % 4
  if (end === start || rest === 1) throw new SyntaxError('not base64url')
  const unused = rest === 2 ? 0b1111 : rest === 3 ? 0b11 : 0
  if ((alphabet.indexOf(token[end - 1]!) & unused) !== 0) throw new SyntaxError('not canonical base64url')
  return Buffer.from(token.slice(start, end), 'base64url')
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** An expected answer, so without a stack trace. */
export function refused (reason: TokenReason, detail: RefusalDetail | null = null): InvalidTokenError {
  return withoutStackTrace(() => new InvalidTokenError(reason, undefined, detail))
}

/** Whether `typ` is this media type (RFC 7515 section 4.1.9): without regard to case, and with or without `application/`. */
export function hasType ({ typ }: UnverifiedJwt['header'], type: string): boolean {
  return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === type
}

/**
 * The header parameter that asks for an extension of JWS (RFC 7515 section 4.1.11, RFC 7797): none is supported here, so none
 * may be critical.
 */
export function criticalParameterOf (header: UnverifiedJwt['header']): 'crit' | 'b64' | undefined {
  return (['crit', 'b64'] as const).find(name => name in header)
}
