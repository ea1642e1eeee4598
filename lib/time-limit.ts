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
