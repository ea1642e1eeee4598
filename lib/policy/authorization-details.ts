import type { AccessToken } from '../token/access-token.ts'
import type { MaybePromise, Decision } from './decision.ts'
import type { RouteReason } from '../errors/reasons.ts'
import { callHost, forbidden } from './decision.ts'

type Details = AccessToken['authorizationDetails']

/**
 * Whether the authorization details of the token (RFC 9396) cover the request: anything but `true` refuses it. It gets at
 * least one detail, and only details for this resource. It is called before the body is read.
 */
export type AuthorizationDetailsRule<Request> = (details: Details, request: Request) => MaybePromise<boolean>

/** Which authorization details are for this resource. */
export interface KnownDetails {
  readonly resource: string
  /** `authorization_details_types_supported` of the metadata document; `null` if it is missing. */
  readonly authorizationDetailsTypes: readonly string[] | null
}

/** The part of the configuration that this check uses. */
export interface AuthorizationDetailsConfig extends KnownDetails {
  /** The time limit for a function of the host. */
  readonly lookupTimeoutMs: number
}

/** The details for this resource: of a type that it supports, and without `locations` or with this resource among them (RFC 9396 section 2.2). */
export function detailsFor ({ resource, authorizationDetailsTypes: types }: KnownDetails, details: Details): Details {
  return Object.freeze(details.filter(({ type, locations }) =>
    (types === null || types.includes(type as string)) &&
    (locations === undefined || (Array.isArray(locations) && locations.includes(resource)))))
}

/** Refuses a token whose authorization details do not cover the request. A token without details for this resource is refused without a call. */
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
