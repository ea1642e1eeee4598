import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readCredentials } from '../token/credentials.ts'
import type { HeaderLines } from './header-list.ts'

/** 256 random bits, in characters that a header can hold. */
export function createSecret (): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Whether a request has the secret exactly once: in its own header, or as a Bearer token if that header is missing. The
 * comparison takes the same time wherever the first wrong character is.
 */
export function hasSecret (rawHeaders: HeaderLines, header: string, secret: string): boolean {
  const own = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === header)
  if (own.length > 0) return own.length === 1 && isEqual(own[0]!, secret)
  const credentials = readCredentials(rawHeaders)
  return credentials.kind === 'bearer' && isEqual(credentials.token, secret)
}

/** The length of the secret may be revealed by the time this takes. */
function isEqual (given: string, secret: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(secret)]
  return one.length === other.length && timingSafeEqual(one, other)
}
