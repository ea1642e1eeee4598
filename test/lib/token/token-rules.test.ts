import { test } from 'tap'
import type { InvalidTokenError, UnavailableError } from '../../../lib/errors/errors.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import type { TokenRule } from '../../../lib/token/expected-token.ts'
import { askTokenRules } from '../../../lib/token/token-rules.ts'
import { reasonOfAsync } from '../../support/reason.ts'

const accessToken = { subject: 'user-1' } as AccessToken
const ruleOf = (check: unknown, reportOnly = false): TokenRule => ({ name: 'my rule', check: check as TokenRule['check'], reportOnly })

test('what a rule says', async t => {
  const cases: Array<[check: unknown, enforced: string | null, told: boolean]> = [
    [() => true, null, false],
    [async () => true, null, false],
    [(token: AccessToken) => token === accessToken, null, false],
    [() => false, 'token_rule_broken', true],
    [async () => false, 'token_rule_broken', true],
    [() => 1, 'token_rule_broken', true],
    [() => 'true', 'token_rule_broken', true],
    [() => undefined, 'token_rule_broken', true],
    [() => { throw new Error('down') }, 'token_rule_unavailable', true],
    [async () => { throw new Error('down') }, 'token_rule_unavailable', true],
    [() => new Promise(() => {}), 'token_rule_unavailable', true],
    [() => null, 'token_rule_broken', true]
  ]
  for (const [check, reason, told] of cases) {
    const title = String(check)
    t.equal(await reasonOfAsync(() => askTokenRules([ruleOf(check)], accessToken, 20)), reason, title)
    t.strictSame(await askTokenRules([ruleOf(check, true)], accessToken, 20), told ? ['my rule'] : [], `${title}, not enforced`)
  }
})

test('rules are asked in their order, until one is broken', async t => {
  const asked: string[] = []
  const saying = (name: string, answer: boolean, reportOnly = false): TokenRule =>
    ({ name, check: () => { asked.push(name); return answer }, reportOnly })
  t.strictSame(await askTokenRules([], accessToken, 20), [])
  t.strictSame(await askTokenRules([saying('a', false, true), saying('b', true), saying('c', false, true)], accessToken, 20), ['a', 'c'])
  t.equal(await reasonOfAsync(() => askTokenRules([saying('d', false), saying('e', true)], accessToken, 20)), 'token_rule_broken')
  t.strictSame(asked, ['a', 'b', 'c', 'd'])
})

test('which rule was broken, or why it could not be asked, is known to the log', async t => {
  const cause = new Error('the database is down')
  await t.rejects(askTokenRules([ruleOf(() => { throw cause })], accessToken, 20), {
    statusCode: 503, retryAfterSeconds: 5, cause, detail: { expected: 'an answer of the token rule "my rule"', received: '"the database is down"' }
  } as Partial<UnavailableError> & Error)
  await t.rejects(askTokenRules([ruleOf(() => false)], accessToken, 20), { detail: { expected: 'the token rule "my rule" returns true', received: 'it did not' } } as Partial<InvalidTokenError> & Error)
})
