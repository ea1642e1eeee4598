import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import { withinTime } from '../time-limit.ts'
import type { AccessToken } from './access-token.ts'
import type { TokenRule } from './expected-token.ts'
import { refused } from './jwt.ts'

/**
 * Asks the rules of the host's own about a token that passed everything else. One that throws, or
 * takes too long, has not said yes: whether the token is good is then not known.
 *
 * @param timeoutMs how long each may take
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
      kept = (typeof answer === 'object' ? await withinTime(answer, timeoutMs) : answer) === true
    } catch (error) {
      if (!reportOnly) throw withoutStackTrace(() => new UnavailableError('token_rule_unavailable', 5, error))
      kept = false
    }
    if (kept) continue
    if (!reportOnly) throw refused('token_rule_broken')
    broken.push(name)
  }
  return broken
}
