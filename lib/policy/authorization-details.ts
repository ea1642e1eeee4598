import type { AccessToken } from '../token/access-token.ts'
import type { MaybePromise, Decision } from './decision.ts'
import type { RouteReason } from '../errors/reasons.ts'
import { callHost, forbidden } from './decision.ts'

type Details = AccessToken['authorizationDetails']

/**
 * Whether what was authorized in detail (RFC 9396) covers the request: only `true` is a yes. It gets at least one, and
 * those alone that are meant for this resource. It is asked before a body is read.
 */
export type AuthorizationDetailsRule<Request> = (details: Details, request: Request) => MaybePromise<boolean>

/** Which details this resource understands. */
export interface KnownDetails {
  readonly resource: string
  /** Those that the metadata document names; `null` when it does not. */
  readonly authorizationDetailsTypes: readonly string[] | null
}

/** The slice of the configuration that refusing by details takes. */
export interface AuthorizationDetailsConfig extends KnownDetails {
  /** How long a function of the host's own may take to answer. */
  readonly lookupTimeoutMs: number
}

/** Details that say something here: of a type that this resource knows, and not for other locations alone. */
export function detailsFor ({ resource, authorizationDetailsTypes: types }: KnownDetails, details: Details): Details {
  return Object.freeze(details.filter(({ type, locations }) =>
    (types === null || types.includes(type as string)) &&
    (locations === undefined || (Array.isArray(locations) && locations.includes(resource)))))
}

/** Refuses a token that was not authorized in detail for the request. Without details there is nothing to ask about. */
export function refuseByDetails (
  rule: AuthorizationDetailsRule<never>, accessToken: Pick<AccessToken, 'authorizationDetails'>,
  config: AuthorizationDetailsConfig, request: never
): MaybePromise<Decision> {
  const details = detailsFor(config, accessToken.authorizationDetails)
  if (details.length === 0) return refused('authorization_details_missing')
  return callHost<unknown>(
    () => rule(details, request),
    answer => answer === true ? null : refused('authorization_details_insufficient'),
    { reason: 'authorization_details_unavailable', timeoutMs: config.lookupTimeoutMs })
}

function refused (reason: RouteReason): Decision {
  return forbidden('FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT', reason)
}
