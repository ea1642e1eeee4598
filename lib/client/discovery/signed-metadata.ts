import type { CryptoKey, JWTVerifyGetKey } from 'jose'
import { jwtVerify } from 'jose'
import { AuthorizationError } from '../../errors/authorization-error.ts'

/** Whose signature under a metadata document is believed, and its keys (RFC 9728 section 2.2). */
export interface MetadataTrust {
  /** The `iss` of the signed metadata. */
  readonly issuer: string
  /** A key, or a look-up of jose: `createLocalJWKSet`, `createRemoteJWKSet`. */
  readonly key: CryptoKey | JWTVerifyGetKey
}

/**
 * The members of a document, with those that are signed in the place of those that are not. Without anybody to trust the
 * signed ones are passed over, as RFC 9728 section 2.2 lets a consumer do.
 *
 * @throws AuthorizationError `FST_OAUTH_SIGNED_METADATA_INVALID`
 */
export async function withSignedMembers (
  document: Readonly<Record<string, unknown>>, trust: MetadataTrust | null
): Promise<Readonly<Record<string, unknown>>> {
  const { signed_metadata: signed, ...plain } = document
  if (trust === null || signed === undefined) return document
  try {
    const { issuer, key } = trust
    const { payload } = await jwtVerify(String(signed), key as JWTVerifyGetKey, { issuer, requiredClaims: ['iss'] })
    const { iss: _issuer, iat: _issuedAt, exp: _expiresAt, signed_metadata: nested, ...members } = payload
    if (nested !== undefined) throw new Error('it holds itself')
    return { ...plain, ...members }
  } catch (error) {
    throw new AuthorizationError('FST_OAUTH_SIGNED_METADATA_INVALID', { message: (error as Error).message })
  }
}
