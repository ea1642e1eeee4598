import { compactVerify } from 'jose'
import type { CryptoKey } from 'jose'
import type { UnverifiedJwt } from './jwt.ts'
import { refused } from './jwt.ts'

/**
 * Checks one signature. The algorithm of the header has passed the allow-list, and the key was chosen for it; another
 * way of checking a signature would take this function's place and no other's.
 *
 * @throws InvalidTokenError
 */
export async function checkSignature (jwt: UnverifiedJwt, key: CryptoKey): Promise<void> {
  try {
    await compactVerify(jwt.compact, key, { algorithms: [jwt.header.alg as string] })
  } catch {
    // Whatever made it fail, it was the token: key and algorithm were settled before.
    throw refused('signature_invalid')
  }
}
