import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { UnavailableReason } from '../errors/reasons.ts'
import { isPromise, withinTime } from '../time-limit.ts'
import type { MaybePromise, Decision } from './decision.ts'

/** What becomes of a question that is not answered. */
export interface Unanswered {
  /** Of the refusal. */
  readonly reason: UnavailableReason
  /** An answer that is promised has to come within this time. */
  readonly timeoutMs: number
}

/**
 * Asks a function of the host's own. One that throws, or takes too long, has not answered: whether the request may pass is then not known,
 * and the verdict is 503, never a yes. There is a promise only where the function made one.
 *
 * @param judge what the answer means; it does not throw
 */
export function callHost<Answer> (
  ask: () => MaybePromise<Answer>, judge: (answer: Answer) => Decision, { reason, timeoutMs }: Unanswered
): MaybePromise<Decision> {
  const unavailable = (cause: unknown): Decision => withoutStackTrace(() => new UnavailableError(reason, 5, cause))
  try {
    const answer = ask()
    return isPromise(answer) ? withinTime(answer, timeoutMs).then(judge, unavailable) : judge(answer)
  } catch (error) {
    return unavailable(error)
  }
}
