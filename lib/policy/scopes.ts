import type { RefusalDetail } from '../errors/detail.ts'
import { describeValue } from '../errors/detail.ts'
import { askAtOnce } from './decision.ts'

// RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

export function isScopeToken (value: string): boolean {
  return scopeToken.test(value)
}

/** `offline_access` requests a refresh token from the authorization server: no route of a resource can require it. */
export function isScopeOfRoute (value: string): boolean {
  return isScopeToken(value) && value !== 'offline_access'
}

/**
 * Whether a granted scope includes a required scope that differs from it. It is called for each pair of scopes, so it must
 * be fast and have no side effects. When it throws, or returns a promise, the response is 503.
 */
export type ScopeImplies = (granted: string, required: string) => boolean

/** The required scopes: a token needs all scopes of at least one alternative. */
export interface ScopeRequirement {
  readonly alternatives: ReadonlyArray<readonly string[]>
}

/**
 * Whether `granted` covers every scope of at least one alternative.
 *
 * @throws UnavailableError when `implies` fails
 */
export function isSatisfied (requirement: ScopeRequirement, granted: readonly string[], implies: ScopeImplies | null): boolean {
  const covers = (required: string): boolean =>
    granted.includes(required) || (implies !== null && granted.some(scope => askAtOnce('scopeImplies', () => implies(scope, required), answer => answer === true)))
  return requirement.alternatives.some(alternative => alternative.every(covers))
}

/**
 * The scopes to name in a challenge: everything the operation needs. Of alternatives the first, as the `scope` of a
 * challenge cannot say "or".
 */
export function scopesToAskFor (requirement: ScopeRequirement): readonly string[] {
  return requirement.alternatives[0] ?? []
}

/** What was required and what was granted, for the log. */
export function scopeDetail ({ alternatives }: ScopeRequirement, granted: readonly string[]): Required<Pick<RefusalDetail, 'expected' | 'received'>> {
  return {
    expected: `scope ${alternatives.map(scopes => describeValue(scopes.join(' '))).join(' or ')}`,
    received: `scope ${describeValue(granted.join(' '))}`
  }
}
