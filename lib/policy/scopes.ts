import type { RefusalDetail } from '../errors/detail.ts'
import { describeValue } from '../errors/detail.ts'

// RFC 6749 section 3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/

export function isScopeToken (value: string): boolean {
  return scopeToken.test(value)
}

/** `offline_access` is a matter between client and authorization server: nothing of a resource can need it. */
export function isScopeOfRoute (value: string): boolean {
  return isScopeToken(value) && value !== 'offline_access'
}

/**
 * Whether a scope that was granted covers one that is required, beside being it. It is asked for each pair: keep it
 * quick and free of side effects.
 */
export type ScopeImplies = (granted: string, required: string) => boolean

/** What a token's scopes are held against: any one of the alternatives, each of them needed whole. */
export interface ScopeRequirement {
  readonly alternatives: ReadonlyArray<readonly string[]>
}

/** Whether `granted` covers every scope of at least one alternative. */
export function isSatisfied (requirement: ScopeRequirement, granted: readonly string[], implies: ScopeImplies | null): boolean {
  const covers = (required: string): boolean =>
    granted.includes(required) || (implies !== null && granted.some(scope => implies(scope, required) === true))
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
export function scopeDetail ({ alternatives }: ScopeRequirement, granted: readonly string[]): RefusalDetail {
  return {
    expected: `scope ${alternatives.map(scopes => describeValue(scopes.join(' '))).join(' or ')}`,
    received: `scope ${describeValue(granted.join(' '))}`
  }
}
