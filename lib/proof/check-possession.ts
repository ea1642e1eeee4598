import type { TokenReason } from '../errors/reasons.ts'
import type { Confirmation, Presentation } from '../token/confirmation.ts'
import { refused } from '../token/jwt.ts'
import type { CheckPossession } from '../token/verifier.ts'
import type { CheckProof } from './dpop-proof.ts'

/** What this server can check. */
export interface PossessionSettings {
  /** `null`: the server takes no part in DPoP. */
  readonly checkProof: CheckProof | null
  /** Whether it is known where the certificate of a client comes from. */
  readonly readsCertificates: boolean
  /** Whether tokens that are bound to no certificate are refused. */
  readonly requiresCertificates: boolean
}

const unbound: Confirmation = { keyThumbprint: null, certificateThumbprint: null }

/**
 * Makes the check that a token is presented by the client that it was issued to. Everything that binds the token must hold
 * (RFC 9449 section 6, RFC 8705 section 3): what this server cannot check makes a bound token unusable here.
 */
export function createPossessionCheck ({ checkProof, readsCertificates, requiresCertificates }: PossessionSettings): CheckPossession {
  /** By the digest of the token. A host may verify the token of one request more than once, and the proof is used up by then. */
  const proven = new WeakMap<Presentation, string>()

  return ({ confirmation }, digest, presentation) => {
    const { keyThumbprint, certificateThumbprint } = confirmation ?? unbound
    if (certificateThumbprint === null && requiresCertificates) {
      throw refusedWithFix('token_unbound', 'a token with cnf x5t#S256, as clientCertificates.required is set', 'a token without it', null)
    }
    if (certificateThumbprint !== null) checkCertificate(certificateThumbprint, presentation?.certificateThumbprint ?? null, readsCertificates)
    if (keyThumbprint === null) return refuseUnbound(presentation)
    if (presentation?.scheme !== 'DPoP' || checkProof === null) {
      throw refusedWithFix('proof_missing', 'the DPoP scheme and a proof, as cnf has a jkt', 'a bearer token', checkProof === null ? 'dpop' : null)
    }
    if (proven.get(presentation) === digest) return
    const { proofs, method, targetUris } = presentation
    const checked = checkProof({ proofs, method, targetUris, tokenHash: digest, keyThumbprint, provideNonce: nonce => presentation.provideNonce(nonce) })
    if (checked !== undefined) return checked.then(() => { proven.set(presentation, digest) })
    proven.set(presentation, digest)
  }
}

/** RFC 9449 section 7.1: under the DPoP scheme, or where DPoP is required, a token has to be bound to the key of the proof. */
function refuseUnbound (presentation: Presentation | undefined): void {
  if (presentation?.scheme === 'DPoP') throw refusedWithFix('token_unbound', 'a token with cnf.jkt under the DPoP scheme', 'a token without it', null)
  if (presentation?.requirement === 'required') throw refusedWithFix('token_unbound', 'a token with cnf.jkt, as dpop is required here', 'a token without it', null)
}

function checkCertificate (bound: string, presented: string | null, readsCertificates: boolean): void {
  if (presented === null) {
    throw refusedWithFix('proof_missing', 'the certificate of the client, as cnf has an x5t#S256', 'no certificate', readsCertificates ? null : 'clientCertificates')
  }
  if (presented !== bound) throw refusedWithFix('certificate_foreign', `the certificate with the thumbprint ${bound} (cnf x5t#S256)`, presented, null)
}

function refusedWithFix (reason: TokenReason, expected: string, received: string, missingOption: string | null): Error {
  return refused(reason, { expected, received, ...missingOption !== null && { fix: `set the ${missingOption} option, so that this server checks the proof` } })
}
