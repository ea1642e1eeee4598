import { printable } from '../errors/detail.ts'
import type { RefusalDetail } from '../errors/detail.ts'
import { InvalidTokenError } from '../errors/errors.ts'
import type { TokenReason } from '../errors/reasons.ts'
import type { Check, CheckInput } from './checks.ts'
import { checkAudience, checkClaimValues, checkType } from './checks.ts'
import type { ExpectedToken } from './expected-token.ts'
import { settingOf } from './expected-token.ts'
import { describeMark, fixForIdToken, idTokenHint } from './id-token.ts'
import { hasType, refused } from './jwt.ts'

/** How many further faults of a token its refusal lists, and how long each of them may be. */
const maxFurther = 5
const longestFurther = 400

/**
 * Holds a token against checks, in their order. What a refusal says beside the check that failed is worked out for a refused
 * token only.
 *
 * @throws InvalidTokenError
 */
export function runChecks (checks: readonly Check[], input: CheckInput): void {
  let index = 0
  try {
    for (; index < checks.length; index++) checks[index]!(input)
  } catch (error) {
    throw error instanceof InvalidTokenError ? explained(error, checks, index, input) : error
  }
}

function explained ({ reason, detail }: InvalidTokenError, checks: readonly Check[], index: number, input: CheckInput): InvalidTokenError {
  const own = detail!
  const refuse = (explanation: RefusalDetail): InvalidTokenError => refused(reason as TokenReason, explanation)
  const idToken = mayBeIdToken(checks[index]!, input) ? idTokenHint(input.jwt.claims, input.expected) : null
  // No setting is the answer to an ID token.
  if (idToken?.isCertain === true) return refuse({ ...own, received: `${own.received}; ${describeMark(idToken)}`, fix: fixForIdToken })
  const change = changeFor(checks.slice(0, index + 1), input)
  const also = furtherFaults(checks.slice(index + 1), { ...input, expected: change?.expected ?? input.expected })
  return refuse({
    ...own,
    ...idToken !== null && change === null && { received: `${own.received}; ${describeMark(idToken)}`, fix: `${fixForIdToken}; or, if it is an access token: ${own.fix}` },
    ...change !== null && { fix: change.fix },
    ...also.length > 0 && { also }
  })
}

function mayBeIdToken (check: Check, { jwt: { header } }: CheckInput): boolean {
  return (check === checkType || check === checkAudience || check === checkClaimValues) && !hasType(header, 'at+jwt')
}

interface Change {
  readonly fix: string
  readonly expected: ExpectedToken
}

/** The setting with which the token would pass the check that refuses it, as all of those before. */
function changeFor (checks: readonly Check[], input: CheckInput): Change | null {
  const { expected } = input
  const { hints: { withPreset }, audiences, allowMissingAudience, allowIdTokens } = expected
  const passes = (other: ExpectedToken): boolean => checks.every(check => faultOf(check, { ...input, expected: other }) === null)
  // A preset may also accept other audiences, or ID tokens. It is suggested only if the token passes without that.
  if (withPreset !== null && passes({ ...withPreset.expected, audiences, allowMissingAudience, allowIdTokens })) {
    return { fix: `set ${settingOf(expected, 'preset', withPreset.name)}: the settings for the tokens of this product`, expected: withPreset.expected }
  }
  const lenient: ExpectedToken = { ...expected, profile: 'jwt', scopeClaims: [...expected.scopeClaims, 'scp'] }
  if (expected.profile === 'jwt' || !passes(lenient)) return null
  return { fix: `set ${settingOf(expected, 'profile', 'jwt')}, if the access tokens of this issuer do not follow RFC 9068`, expected: lenient }
}

/** What the header and the claims, which are not verified, show already: each would be the next refusal. */
function furtherFaults (checks: readonly Check[], input: CheckInput): readonly string[] {
  return checks.map(check => faultOf(check, input)).filter(fault => fault !== null).slice(0, maxFurther)
    .map(({ reason, detail }) => printable(`${reason}: ${sentenceOf(detail!)}`, longestFurther))
}

function sentenceOf ({ expected, received }: RefusalDetail): string {
  return `expected ${expected}, received ${received}`
}

function faultOf (check: Check, input: CheckInput): InvalidTokenError | null {
  try {
    check({ ...input, brokenRules: [] })
    return null
  } catch (error) {
    return error as InvalidTokenError
  }
}
