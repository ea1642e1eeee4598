import type { Challenge } from './format.ts'
import { sanitizeDescription } from './grammar.ts'

/** What a Bearer challenge of a protected resource can say. */
export interface BearerChallengeFields {
  /** Absolute URL of the metadata document (RFC 9728 section 5.1). */
  readonly resourceMetadata: string
  readonly realm?: string | null
  /** Every scope that the request needs, in the order in which it is sent. */
  readonly scopes?: readonly string[] | null
  /** RFC 9470 section 3: accepted authentication contexts, in the order of preference. */
  readonly acrValues?: readonly string[] | null | undefined
  /** RFC 9470 section 3: seconds since the user authenticated, at most. */
  readonly maxAgeSeconds?: number | null | undefined
  /** RFC 6750 section 3.1; only when a token was presented. */
  readonly error?: string | null
  /** `error_description` for the developer of the client. Characters that RFC 6750 does not allow are removed here. */
  readonly errorDescription?: string | null
}

/** A Bearer challenge (RFC 6750 section 3). It always has `resource_metadata`, as a challenge needs at least one parameter. */
export function bearerChallenge (fields: BearerChallengeFields): Challenge {
  const parameters = new Map<string, string>([['resource_metadata', fields.resourceMetadata]])
  if (fields.realm) parameters.set('realm', fields.realm)
  if (fields.scopes && fields.scopes.length > 0) parameters.set('scope', fields.scopes.join(' '))
  if (fields.acrValues && fields.acrValues.length > 0) parameters.set('acr_values', fields.acrValues.join(' '))
  if (fields.maxAgeSeconds !== undefined && fields.maxAgeSeconds !== null) parameters.set('max_age', String(fields.maxAgeSeconds))
  if (fields.error) parameters.set('error', fields.error)
  const description = fields.errorDescription ? sanitizeDescription(fields.errorDescription) : ''
  if (description !== '') parameters.set('error_description', description)
  return { scheme: 'Bearer', token68: null, parameters }
}

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
