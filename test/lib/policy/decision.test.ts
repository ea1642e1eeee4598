import { test } from 'tap'
import { isOAuthResourceError } from '../../../lib/errors/errors.ts'
import type { Decision } from '../../../lib/policy/decision.ts'
import { askAtOnce, askForDecision, forbidden } from '../../../lib/policy/decision.ts'

const refusal = forbidden('FST_OAUTH_POLICY_REFUSED', 'policy_refused', { expected: 'a', received: 'b' })
const unanswered = { reason: 'policy_unavailable', timeoutMs: 1000 } as const
const decide = (answer: unknown): Decision => answer === true ? null : refusal

test('an answer that comes at once is decided at once', t => {
  t.equal(askForDecision(() => true, decide, unanswered), null)
  for (const answer of [false, undefined, null, 1, 'true', {}, { then: true }]) t.equal(askForDecision<unknown>(() => answer, decide, unanswered), refusal)
  t.end()
})

test('an answer that is promised is decided when it is there', async t => {
  const verdict = askForDecision(async () => true, decide, unanswered)
  t.ok(verdict instanceof Promise)
  t.equal(await verdict, null)
  t.equal(await askForDecision(async () => false, decide, unanswered), refusal)
  const thenable = { then (resolve: (answer: boolean) => void) { resolve(false) } } as Promise<boolean>
  const answered = askForDecision(() => thenable, decide, unanswered)
  t.ok(answered instanceof Promise, 'also one of another make')
  t.equal(await answered, refusal)
})

test('a function that throws has not answered', async t => {
  const cause = new Error('the database is gone')
  const get = { get then (): never { throw cause } } as unknown as Promise<boolean>
  for (const [title, ask] of [
    ['throws', () => { throw cause }],
    ['rejects', () => Promise.reject(cause)],
    ['throws when it is looked at', () => get]
  ] as const) {
    const verdict = await askForDecision<unknown>(ask, decide, { reason: 'team_unavailable', timeoutMs: 1000 })
    t.ok(isOAuthResourceError(verdict), title)
    t.match(verdict, { code: 'FST_OAUTH_UNAVAILABLE', statusCode: 503, reason: 'team_unavailable', retryAfterSeconds: 5, cause }, title)
    t.notMatch(verdict?.stack, /\n +at /)
  }
})

test('an error of this package that a function throws is no answer either', async t => {
  const foreign = forbidden('FST_OAUTH_TOKEN_INVALID', 'actor_refused', { expected: 'a', received: 'b' })
  t.match(await askForDecision(() => { throw foreign }, decide, unanswered), { code: 'FST_OAUTH_UNAVAILABLE', cause: foreign })
})

test('a function that takes too long has not answered', async t => {
  const verdict = await askForDecision<unknown>(() => new Promise(() => {}), decide, { reason: 'policy_unavailable', timeoutMs: 1 })
  t.match(verdict, { statusCode: 503, reason: 'policy_unavailable', retryAfterSeconds: 5, cause: { name: 'TimeLimitError' } })
})

test('a refusal is a row of the table with a reason, and costs no stack trace', t => {
  const refusal = forbidden('FST_OAUTH_POLICY_REFUSED', 'policy_refused', { expected: 'a', received: 'b' })
  t.match(refusal, { code: 'FST_OAUTH_POLICY_REFUSED', statusCode: 403, oauthError: null, reason: 'policy_refused' })
  t.notMatch(refusal.stack, /\bat /)
  t.end()
})

test('a promise where an answer is expected at once is 503, and does not end the process when it rejects later', async t => {
  const unhandled: unknown[] = []
  const onUnhandled = (reason: unknown): void => { unhandled.push(reason) }
  process.on('unhandledRejection', onUnhandled)
  t.teardown(() => process.off('unhandledRejection', onUnhandled))
  t.throws(() => askAtOnce('scopeImplies', () => Promise.reject(new Error('late')), answer => answer), {
    code: 'FST_OAUTH_UNAVAILABLE', reason: 'policy_unavailable', detail: { expected: 'an answer of scopeImplies, at once' }
  })
  await new Promise(setImmediate)
  t.strictSame(unhandled, [])
})
