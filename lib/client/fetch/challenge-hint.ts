import type { ParsedChallenge } from '../../challenge/parse.ts'
import { parseChallenges } from '../../challenge/parse.ts'

/** What a challenge tells a client about how to go on (RFC 6750, RFC 9470, RFC 9728). */
export interface ChallengeHint {
  /** Where the metadata of the resource is; not yet checked. */
  readonly resourceMetadata: string | null
  /** What the operation needs; `null` when it does not say. */
  readonly scopes: readonly string[] | null
  readonly error: string | null
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds: number | null
  /** True when the resource takes tokens that are bound to a key, and no others. */
  readonly needsProof: boolean
}

const nothing: ChallengeHint = {
  resourceMetadata: null, scopes: null, error: null, acrValues: [], maxAgeSeconds: null, needsProof: false
}

/**
 * Reads the challenges of an answer, of whatever scheme takes an access token; parameters and schemes that nobody knows
 * are passed over. A header that is not of the grammar says nothing: there are well-known places to look.
 */
export function readChallenge (headers: Headers): ChallengeHint {
  const value = headers.get('www-authenticate')
  const ours = value === null ? [] : tolerantly(value).filter(({ scheme }) => /^(?:bearer|dpop)$/i.test(scheme))
  if (ours.length === 0) return nothing
  const first = (name: string): string | null => ours.find(({ parameters }) => parameters.has(name))?.parameters.get(name) ?? null
  const maxAge = first('max_age')
  return {
    resourceMetadata: first('resource_metadata'),
    scopes: wordsOf(first('scope')),
    // That a nonce is missing is between the proof and the resource; it is not why the token is refused.
    error: ours.map(({ parameters }) => parameters.get('error')).find(error => error !== undefined && error !== 'use_dpop_nonce') ?? null,
    acrValues: wordsOf(first('acr_values')) ?? [],
    maxAgeSeconds: maxAge !== null && /^\d{1,10}$/.test(maxAge) ? Number(maxAge) : null,
    needsProof: ours.every(({ scheme }) => /^dpop$/i.test(scheme))
  }
}

function tolerantly (value: string): readonly ParsedChallenge[] {
  try {
    return parseChallenges(value)
  } catch {
    return []
  }
}

/** The words of a list with spaces between; `null` for none. */
export function wordsOf (list: string | null): string[] | null {
  const words = (list ?? '').split(' ').filter(word => word !== '')
  return words.length === 0 ? null : [...new Set(words)]
}
