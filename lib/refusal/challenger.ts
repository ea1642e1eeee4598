import { bearerChallenge } from '../challenge/bearer.ts'
import type { Challenge } from '../challenge/challenge.ts'
import { formatChallenge } from '../challenge/format.ts'

/** The slice of the configuration that challenges are made from. */
export interface ChallengerConfig {
  readonly metadataUrl: string
  readonly realm: string | null
  /** What a challenge says in words: the text of the error table (`public`), nothing, or the reason as well. */
  readonly errorDescriptions: 'public' | 'none' | 'reason'
}

/** Makes the challenges of one resource. */
export interface Challenger {
  /** The header value for a request without credentials: where to get a token, and for which scopes. */
  defaultChallenge (scopes: readonly string[] | null): string
  /** The challenge for a request whose credentials were refused. */
  challenge (refusal: ChallengedRefusal): Challenge
}

/** What a challenge says about a failure. */
export interface ChallengedRefusal {
  readonly error: string | null
  readonly description: string | null
  /** The reason of the log, which a client sees only with `errorDescriptions: 'reason'`; `null` when another party refused. */
  readonly reason: string | null
  /** Every scope that the operation needs; `null` when any access token will do. */
  readonly scopes: readonly string[] | null
  /** What is required of the authentication of the user; `null` when that is not what was wrong. */
  readonly authentication: RefusedAuthentication | null
}

/** RFC 9470 section 3. */
export interface RefusedAuthentication {
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds: number | null
}

export function createChallenger ({ metadataUrl, realm, errorDescriptions }: ChallengerConfig): Challenger {
  return {
    defaultChallenge: scopes => formatChallenge(bearerChallenge({ resourceMetadata: metadataUrl, realm, scopes })),
    challenge: refusal => bearerChallenge({
      resourceMetadata: metadataUrl,
      realm,
      scopes: refusal.scopes,
      acrValues: refusal.authentication?.acrValues,
      maxAgeSeconds: refusal.authentication?.maxAgeSeconds,
      error: refusal.error,
      errorDescription: errorDescriptions === 'none' ? null : describe(refusal, errorDescriptions)
    })
  }
}

function describe ({ description, reason }: ChallengedRefusal, kind: 'public' | 'reason'): string | null {
  return kind === 'reason' && description !== null && reason !== null ? `${description} (${reason})` : description
}
