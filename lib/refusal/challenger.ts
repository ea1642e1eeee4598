import type { BearerChallengeFields } from '../challenge/schemes.ts'
import { bearerChallenge, dpopChallenge } from '../challenge/schemes.ts'
import type { Challenge } from '../challenge/format.ts'
import { formatChallenge } from '../challenge/format.ts'
import type { DpopRequirement } from '../token/confirmation.ts'

/** The slice of the configuration that challenges are made from. */
export interface ChallengerConfig {
  readonly metadataUrl: string
  readonly realm: string | null
  /** What a challenge says in words: the text of the error table (`public`), nothing, or the reason as well. */
  readonly errorDescriptions: 'public' | 'none' | 'reason'
  /** `null`: DPoP is off. */
  readonly dpop: { readonly algorithms: readonly string[] } | null
}

/** Makes the challenges of one resource. */
export interface Challenger {
  /** The header values for a request without credentials: where to get a token, and for which scopes. One for each scheme. */
  defaultChallenges (scopes: readonly string[] | null, dpop: DpopRequirement): readonly string[]
  /**
   * The challenges for a request whose credentials were refused, one for each scheme that the route accepts. The one of the
   * scheme that the client used has the error; each has it where that is not known (RFC 9449 section 7.2).
   */
  challenges (refusal: ChallengedRefusal, dpop: DpopRequirement): readonly Challenge[]
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
  /** The scheme that the client used; `null` when it used none or several. */
  readonly scheme: 'Bearer' | 'DPoP' | null
}

/** RFC 9470 section 3. */
export interface RefusedAuthentication {
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds: number | null
}

export function createChallenger ({ metadataUrl, realm, errorDescriptions, dpop }: ChallengerConfig): Challenger {
  const algorithms = dpop?.algorithms ?? []
  const forEachScheme = (requirement: DpopRequirement, fieldsOf: (scheme: 'Bearer' | 'DPoP') => BearerChallengeFields): readonly Challenge[] => [
    ...requirement === 'required' ? [] : [bearerChallenge(fieldsOf('Bearer'))],
    ...requirement === 'off' ? [] : [dpopChallenge({ ...fieldsOf('DPoP'), algorithms })]
  ]
  return {
    defaultChallenges: (scopes, requirement) => forEachScheme(requirement, () => ({ resourceMetadata: metadataUrl, realm, scopes })).map(formatChallenge),
    challenges: (refusal, requirement) => forEachScheme(requirement, scheme => {
      const hasError = requirement !== 'allowed' || refusal.scheme === null || refusal.scheme === scheme
      return {
        resourceMetadata: metadataUrl,
        realm,
        scopes: refusal.scopes,
        acrValues: refusal.authentication?.acrValues,
        maxAgeSeconds: refusal.authentication?.maxAgeSeconds,
        error: hasError ? refusal.error : null,
        errorDescription: !hasError || errorDescriptions === 'none' ? null : describe(refusal, errorDescriptions)
      }
    })
  }
}

function describe ({ description, reason }: ChallengedRefusal, kind: 'public' | 'reason'): string | null {
  return kind === 'reason' && description !== null && reason !== null ? `${description} (${reason})` : description
}
