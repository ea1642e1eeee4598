import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readCredentials } from '../token/credentials.ts'
import type { HeaderLines } from './header-list.ts'

/** 256 bits that a header can hold. */
export function createSecret (): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Whether a request brings the secret, once: in its own header, or as a Bearer token where there is no such header. It
 * takes as long wherever the one that was brought is wrong.
 */
export function bringsSecret (rawHeaders: HeaderLines, header: string, secret: string): boolean {
  const own = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === header)
  if (own.length > 0) return own.length === 1 && isEqual(own[0]!, secret)
  const credentials = readCredentials(rawHeaders)
  return credentials.kind === 'bearer' && isEqual(credentials.token, secret)
}

/** How long a secret is, is none. */
function isEqual (given: string, secret: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(secret)]
  return one.length === other.length && timingSafeEqual(one, other)
}
