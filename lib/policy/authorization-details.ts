import type { AccessToken } from '../token/access-token.ts'
import type { MaybePromise, Decision } from './decision.ts'
import { describeValue } from '../errors/detail.ts'
import type { RouteReason } from '../errors/reasons.ts'
import { askForDecision, forbidden } from './decision.ts'

type Details = AccessToken['authorizationDetails']

/**
 * Whether authorization details (RFC 9396) cover the request: only `true` allows it. It is called with those details that are
 * for this resource, at least one, before the body is read.
 */
export type AuthorizationDetailsRule<Request> = (details: Details, request: Request) => MaybePromise<boolean>

/** The authorization details that are for this resource. */
export interface KnownDetails {
  readonly resource: string
  /** The types that the metadata document lists; `null` when it lists none. */
  readonly authorizationDetailsTypes: readonly string[] | null
}

/** The slice of the configuration that this check needs. */
export interface AuthorizationDetailsConfig extends KnownDetails {
  /** The time limit of the host's function. */
  readonly lookupTimeoutMs: number
}

/** The details that are for this resource: of a listed type, and with no locations or this resource among them. */
export function detailsFor ({ resource, authorizationDetailsTypes: types }: KnownDetails, details: Details): Details {
  return Object.freeze(details.filter(({ type, locations }) =>
    (types === null || types.includes(type as string)) &&
    (locations === undefined || (Array.isArray(locations) && locations.includes(resource)))))
}

/** Refuses a token whose authorization details do not cover the request, and one without any for this resource. */
export function refuseByDetails (
  rule: AuthorizationDetailsRule<never>, accessToken: Pick<AccessToken, 'authorizationDetails'>,
  config: AuthorizationDetailsConfig, request: never
): MaybePromise<Decision> {
  const details = detailsFor(config, accessToken.authorizationDetails)
  if (details.length === 0) return refused('authorization_details_missing', accessToken.authorizationDetails)
  return askForDecision<unknown>(
    () => rule(details, request),
    answer => answer === true ? null : refused('authorization_details_insufficient', details),
    { reason: 'authorization_details_unavailable', timeoutMs: config.lookupTimeoutMs })
}

function refused (reason: RouteReason, details: Details): Decision {
  return forbidden('FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT', reason, {
    expected: 'authorization details for this resource that the route accepts', received: `details of the types ${describeValue(details.map(({ type }) => type))}`
  })
}
