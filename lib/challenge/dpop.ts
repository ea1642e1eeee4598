import type { BearerChallengeFields } from './bearer.ts'
import { bearerChallenge } from './bearer.ts'
import type { Challenge } from './format.ts'

/** What a DPoP challenge of a protected resource can say. */
export interface DpopChallengeFields extends BearerChallengeFields {
  /** JWS algorithms that proofs may be signed with. */
  readonly algorithms: readonly string[]
}

/** A DPoP challenge (RFC 9449 section 7.1): that of the Bearer scheme, and the algorithms. */
export function dpopChallenge ({ algorithms, ...fields }: DpopChallengeFields): Challenge {
  const { parameters } = bearerChallenge(fields)
  return { scheme: 'DPoP', token68: null, parameters: new Map([...parameters, ['algs', algorithms.join(' ')]]) }
}
