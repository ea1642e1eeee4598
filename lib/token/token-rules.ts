import { describeError } from '../errors/detail.ts'
import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import { isPromise, withinTime } from '../time-limit.ts'
import type { AccessToken } from './access-token.ts'
import type { TokenRule } from './expected-token.ts'
import { refused } from './jwt.ts'

/**
 * Asks the rules of the host about a token that passed everything else. A rule that throws, or does not answer in time, has
 * not answered: the token is not accepted then, unless the rule is not enforced yet. Only `true` is a yes.
 *
 * @param timeoutMs how long each rule may take
 * @returns the names of rules that the token breaks and that are not enforced yet
 * @throws InvalidTokenError when the token breaks a rule
 * @throws UnavailableError when a rule could not be asked
 */
export async function askTokenRules (rules: readonly TokenRule[], accessToken: AccessToken, timeoutMs: number): Promise<string[]> {
  const broken: string[] = []
  for (const { name, check, reportOnly } of rules) {
    let kept: boolean
    try {
      const answer = check(accessToken)
      kept = (isPromise(answer) ? await withinTime(answer, timeoutMs) : answer) === true
    } catch (error) {
      if (!reportOnly) throw unavailable(name, error)
      kept = false
    }
    if (kept) continue
    if (!reportOnly) throw refused('token_rule_broken', { expected: `the token rule "${name}" returns true`, received: 'it did not' })
    broken.push(name)
  }
  return broken
}

function unavailable (name: string, cause: unknown): UnavailableError {
  return withoutStackTrace(() => new UnavailableError('token_rule_unavailable', 5, cause, {
    expected: `an answer of the token rule "${name}"`, received: describeError(cause)
  }))
}
