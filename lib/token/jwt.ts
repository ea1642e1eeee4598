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

/** Longer tokens are refused before any work is done on them. */
export const maxTokenLength = 16_384

const wellFormed = 'a signed JWT in compact form (RFC 7519): three parts of base64url, the first two of them JSON objects'

/** The parts of a JWS in compact form (RFC 7515 section 3.1), as they came. */
export interface CompactParts {
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** What was signed: header and payload (RFC 7515 section 5.1). */
  readonly signingInput: string
}

/** Splits a JWS in compact form, and does not look into its parts; `null` when there are not three of them. */
export function splitCompact (jws: string): CompactParts | null {
  const headerEnd = jws.indexOf('.')
  const payloadEnd = jws.indexOf('.', headerEnd + 1)
  if (payloadEnd === -1 || jws.includes('.', payloadEnd + 1)) return null
  return {
    header: jws.slice(0, headerEnd),
    payload: jws.slice(headerEnd + 1, payloadEnd),
    signature: jws.slice(payloadEnd + 1),
    signingInput: jws.slice(0, payloadEnd)
  }
}

/**
 * Takes a signed JWT apart.
 *
 * @param maxLength a response of an issuer itself may be longer than a token
 * @throws InvalidTokenError for anything that is not a signed JWT in compact form with JSON objects inside
 */
export function parseJwt (token: string, maxLength: number = maxTokenLength): UnverifiedJwt {
  if (token.length > maxLength) throw tooLong(token, maxLength)
  const parts = splitCompact(token)
  if (parts === null) throw malformed('it does not have three parts')
  const { header, payload, signature, signingInput } = parts
  try {
    return { signingInput, signature: decodePart(signature), header: readHeader(header), claims: parseStrictObject(decodePart(payload)) }
  } catch (error) {
    throw malformed(`a part of it is ${(error as SyntaxError).message}`)
  }
}

/** Of a part: a text that was cut out of another one, here of a token, keeps that one in memory. */
export function copyOf (part: string): string {
  return Buffer.from(part, 'latin1').toString('latin1')
}

/** As many texts are kept; then all are forgotten, which costs no more than reading them again. */
const maxTexts = 500
/** Longer texts are hardly repeated. */
const maxKeptLength = 300

/**
 * Remembers what a function makes of a text: the tokens of an issuer repeat most of what they say, and those that are
 * cached then share one copy of it. The function depends on the text alone, and its results never change.
 *
 * @param kept the text to keep, where the given one was cut out of a longer one and would keep that one in memory
 */
export function createReader<T> (read: (text: string) => T, kept: (text: string) => string = text => text): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    const found = known.get(text)
    if (found !== undefined) return found
    const value = read(text)
    if (text.length > maxKeptLength) return value
    if (known.size === maxTexts) known.clear()
    known.set(kept(text), value)
    return value
  }
}

/** An issuer has one header for each key, and all of its tokens repeat it. */
const readHeader = createReader((text): UnverifiedJwt['header'] => Object.freeze(parseStrictObject(decodePart(text))), copyOf)

/** Refuses a token for its length, which is all that is known of it. */
export function tooLong (token: string, maxLength: number): InvalidTokenError {
  return refused('token_too_long', { expected: `at most ${maxLength} characters`, received: `${token.length} characters` })
}

function malformed (received: string): InvalidTokenError {
  return refused('token_malformed', { expected: wellFormed, received })
}

/**
 * Decodes a part, and encodes it again: the only text that is accepted is the one that its bytes are written as. `Buffer` reads
 * others, with foreign characters (RFC 8725 section 3.14) or unused bits that are set (RFC 4648 section 3.5), and caches and
 * logs that tell tokens apart by their text would see two.
 *
 * @throws SyntaxError
 */
export function decodePart (part: string): Buffer {
  const bytes = Buffer.from(part, 'base64url')
  if (part === '' || bytes.toString('base64url') !== part) throw new SyntaxError('not canonical base64url')
  return bytes
}

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
