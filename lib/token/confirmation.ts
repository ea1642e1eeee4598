/** What the presenter of an access token has to prove (RFC 7800, `cnf`). */
export interface Confirmation {
  /** `jkt`: the SHA-256 thumbprint of the key that signs the DPoP proofs (RFC 9449 section 6.1); `null`: none. */
  readonly keyThumbprint: string | null
  /** `x5t#S256`: the SHA-256 thumbprint of the client's certificate (RFC 8705 section 3.1); `null`: none. */
  readonly certificateThumbprint: string | null
}

const thumbprint = /^[A-Za-z0-9_-]{43}$/

/**
 * Reads `cnf`. Each member binds the token, so one that is not understood makes the token unusable here: it would be
 * accepted with less proof than its issuer asked for.
 *
 * @param allowUnknown ignores members that are not understood, as RFC 7800 section 3.1 has it
 * @returns `null` for a token that is bound to nothing that is understood; `'unsupported'` for a `cnf` with unknown members,
 * with none, or with one that is no SHA-256 thumbprint
 */
export function parseConfirmation (cnf: unknown, allowUnknown = false): Confirmation | null | 'unsupported' {
  if (cnf === undefined) return null
  if (typeof cnf !== 'object' || cnf === null || Array.isArray(cnf)) return 'unsupported'
  const { jkt, 'x5t#S256': x5t, ...unknown } = cnf as Record<string, unknown>
  const hasUnknown = Object.keys(unknown).length > 0
  if ((hasUnknown && !allowUnknown) || !isThumbprint(jkt) || !isThumbprint(x5t)) return 'unsupported'
  if (jkt === undefined && x5t === undefined) return hasUnknown ? null : 'unsupported'
  return Object.freeze({ keyThumbprint: jkt ?? null, certificateThumbprint: x5t ?? null })
}

function isThumbprint (value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && thumbprint.test(value))
}

/** Whether access tokens come with a DPoP proof (RFC 9449) at a resource or a route. */
export type DpopRequirement = 'off' | 'allowed' | 'required'

/** How a request presented its access token, beside the token: what a proof of possession is checked against. */
export interface Presentation {
  /** The scheme of the credentials. */
  readonly scheme: 'Bearer' | 'DPoP'
  /** What the route asks for. */
  readonly requirement: DpopRequirement
  /** The method of the request, as it was sent. */
  readonly method: string
  /** The values of the `DPoP` fields of the request, one for each field line. */
  readonly proofs: readonly string[]
  /** The URIs that the request has, one for each public base of the configuration: `Host` does not count. */
  readonly targetUris: readonly string[]
  /** `x5t#S256` of the client's certificate (RFC 8705 section 3.1); `null` without a certificate. */
  readonly certificateThumbprint: string | null
  /** Is told of the nonce that the client needs next, when its proof has an older one (RFC 9449 section 8.2). */
  provideNonce (nonce: string): void
}
