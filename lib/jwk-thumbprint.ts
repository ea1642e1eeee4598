import { hash } from 'node:crypto'

/** RFC 7638 section 3.2, RFC 8037 section 2 and RFC 9964 section 3: the required public members of a key, in this order. */
const requiredMembers: Readonly<Record<string, readonly string[]>> = {
  RSA: ['e', 'kty', 'n'], EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'], AKP: ['alg', 'kty', 'pub']
}

type Jwk = Readonly<Record<string, unknown>>

/** The public members of a key that identify it. `kty` must be a known one. */
export function publicMembersOf (jwk: Jwk): Jwk {
  return Object.fromEntries(requiredMembers[jwk.kty as string]!.map(member => [member, jwk[member]]))
}

/** The SHA-256 thumbprint of RFC 7638, as `cnf.jkt` has it. */
export function thumbprintOf (jwk: Jwk): string {
  return hash('sha256', JSON.stringify(publicMembersOf(jwk)), 'base64url')
}
