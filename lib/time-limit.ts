/** Whoever was asked did not answer in time. It says nothing about what was asked. */
export class TimeLimitError extends Error {
  constructor (timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'TimeLimitError'
  }
}

/**
 * The answer, if it comes in time. Whoever is asked is not told to stop; what comes later goes nowhere.
 *
 * @throws TimeLimitError
 */
export function withinTime<T> (answer: PromiseLike<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimeLimitError(timeoutMs)), timeoutMs)
    Promise.resolve(answer).then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/**
 * Asks a function of the host's own, which may never answer. Nothing is timed where it answers at once.
 *
 * @throws TimeLimitError, or what the function throws
 */
export async function askWithin<T> (timeoutMs: number, ask: () => T | Promise<T>): Promise<T> {
  const answer = ask()
  return isPromise(answer) ? await withinTime(answer, timeoutMs) : answer
}

/** A promise of any make. */
export function isPromise<T> (value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}
