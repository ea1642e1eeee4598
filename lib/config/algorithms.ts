import { OptionError } from '../errors/errors.ts'
import { show } from '../options/show.ts'
import { asymmetricAlgorithms } from '../token/signature.ts'

/** JWS algorithms that need no shared secret (RFC 7518 section 3.1, RFC 8037, RFC 9864, RFC 9964). Those of ML-DSA need Node.js 24.6. */
export type SignatureAlgorithm =
  'RS256' | 'RS384' | 'RS512' | 'PS256' | 'PS384' | 'PS512' | 'ES256' | 'ES384' | 'ES512' | 'EdDSA' | 'Ed25519' |
  'ML-DSA-44' | 'ML-DSA-65' | 'ML-DSA-87'

/** @throws OptionError */
export function checkAlgorithms (algorithms: readonly string[], name: string): void {
  const unfit = algorithms.find(algorithm => !asymmetricAlgorithms.includes(algorithm))
  if (unfit === undefined) return
  const reason = /^HS\d/i.test(unfit) ? ', which is symmetric: everyone who can verify such tokens can issue them' : ''
  throw new OptionError(`${name} must be of ${asymmetricAlgorithms.join(', ')}, got ${show(unfit)}${reason}`)
}
