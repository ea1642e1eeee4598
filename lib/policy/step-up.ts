import type { RefusalDetail } from '../errors/detail.ts'
import { describeValue } from '../errors/detail.ts'
import { OptionError } from '../errors/errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import { show } from '../options/show.ts'

/** How the user must have been authenticated (RFC 9470). */
export interface StepUp {
  /** Any one of these, in the order of preference; empty when any will do. */
  readonly acrValues: readonly string[]
  /** How long ago at most, in seconds; `null` when it does not matter. */
  readonly maxAgeSeconds: number | null
}

// `acr_values` is a list with spaces between, in a quoted string of a header.
const acrValue = /^[\x21\x23-\x5b\x5d-\x7e]+$/

export function isAcrValue (value: string): boolean {
  return acrValue.test(value)
}

/** The options of a route that this check uses. */
export interface StepUpOptions {
  acr?: readonly string[]
  maxAgeSeconds?: number
}

/**
 * @param name the name of the options, for error messages
 * @returns `null` when the route requires neither `acr` nor `maxAgeSeconds`
 * @throws OptionError
 */
export function compileStepUp ({ acr = [], maxAgeSeconds }: StepUpOptions, name: string): StepUp | null {
  const unfit = acr.find(value => !isAcrValue(value))
  if (unfit !== undefined) throw new OptionError(`${name}: acr ${show(unfit)} cannot stand in the acr_values of RFC 9470 section 3`)
  if (acr.length === 0 && maxAgeSeconds === undefined) return null
  return Object.freeze({ acrValues: Object.freeze([...acr]), maxAgeSeconds: maxAgeSeconds ?? null })
}

/**
 * Whether the authentication of the user meets the requirement. Authentication contexts are compared as strings, without an
 * order. A missing claim does not meet it, and neither does an `auth_time` in the future.
 *
 * @param now seconds since the epoch
 * @param toleranceSeconds how far the clocks may be apart
 */
export function isAuthenticatedAs (
  { acrValues, maxAgeSeconds }: StepUp,
  { authenticationContext, authenticatedAt }: Pick<AccessToken, 'authenticationContext' | 'authenticatedAt'>,
  now: number, toleranceSeconds: number
): boolean {
  if (acrValues.length > 0 && (authenticationContext === null || !acrValues.includes(authenticationContext))) return false
  if (maxAgeSeconds === null) return true
  if (authenticatedAt === null) return false
  const age = now - authenticatedAt
  return age <= maxAgeSeconds + toleranceSeconds && age >= -toleranceSeconds
}

/** The required authentication and that of the token, for the log. */
export function stepUpDetail (
  { acrValues, maxAgeSeconds }: StepUp, { authenticationContext, authenticatedAt }: Pick<AccessToken, 'authenticationContext' | 'authenticatedAt'>
): RefusalDetail {
  const expected = [
    ...acrValues.length > 0 ? [`acr ${acrValues.map(value => describeValue(value)).join(' or ')}`] : [],
    ...maxAgeSeconds !== null ? [`auth_time at most ${maxAgeSeconds} seconds ago`] : []
  ]
  return {
    expected: expected.join(', '),
    received: `acr ${describeValue(authenticationContext ?? undefined)}, auth_time ${describeValue(authenticatedAt ?? undefined)}`
  }
}
