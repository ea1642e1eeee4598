import type { RefusalDetail } from '../errors/detail.ts'
import { describeError } from '../errors/detail.ts'
import type { ErrorCode } from '../errors/error-table.ts'
import { OAuthResourceError, UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { RouteReason, UnavailableReason } from '../errors/reasons.ts'
import { isPromise, withinTime } from '../time-limit.ts'

export type MaybePromise<T> = T | Promise<T>

/** The outcome of a check: the refusal, or `null` when the request may pass. */
export type Decision = OAuthResourceError | null

/** A refusal that another scope, or another token of the same kind, would not change. */
export function forbidden (code: ErrorCode, reason: RouteReason, detail: RefusalDetail): OAuthResourceError {
  return withoutStackTrace(() => new OAuthResourceError(code, { reason, detail }))
}

/** The refusal when the host's function gives no answer. */
export interface Unanswered {
  readonly reason: UnavailableReason
  /** How long a promised answer may take. */
  readonly timeoutMs: number
}

/**
 * Calls a function of the host. One that throws, or takes too long, has not answered: whether the request may pass is then
 * not known, so the decision is 503, never an approval. There is a promise only where the function made one.
 *
 * @param decide what the answer means; it does not throw
 */
export function askForDecision<Answer> (
  call: () => MaybePromise<Answer>, decide: (answer: Answer) => Decision, { reason, timeoutMs }: Unanswered
): MaybePromise<Decision> {
  const unavailable = (cause: unknown): Decision => withoutStackTrace(() => new UnavailableError(reason, 5, cause, {
    expected: `an answer within ${timeoutMs} ms`, received: describeError(cause)
  }))
  try {
    const answer = call()
    return isPromise(answer) ? withinTime(answer, timeoutMs).then(decide, unavailable) : decide(answer)
  } catch (error) {
    return unavailable(error)
  }
}

/**
 * Calls a function of the host that has to answer at once.
 *
 * @param name of the function, for the log
 * @param parse throws when the answer is none
 * @throws UnavailableError
 */
export function askAtOnce<Answer> (name: string, call: () => unknown, parse: (answer: unknown) => Answer): Answer {
  try {
    const answer = call()
    if (!isPromise(answer)) return parse(answer)
    // A rejection that is not handled would end the process.
    Promise.resolve(answer).catch(() => {})
    throw new TypeError('it returned a promise; expected the answer itself')
  } catch (error) {
    throw withoutStackTrace(() => new UnavailableError('policy_unavailable', 5, error, { expected: `an answer of ${name}, at once`, received: describeError(error) }))
  }
}
