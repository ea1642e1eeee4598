/** The call did not complete within its time limit. Its outcome is not known. */
export class TimeLimitError extends Error {
  constructor (timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'TimeLimitError'
  }
}

/**
 * The result of a call, if it comes in time. On timeout the pending call is not cancelled, and its later result is ignored.
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
 * Calls a function of the host, with a time limit if it returns a promise.
 *
 * @throws TimeLimitError, or what the function throws
 */
export async function callHost<T> (timeoutMs: number, ask: () => T | Promise<T>): Promise<T> {
  const answer = ask()
  return isPromise(answer) ? await withinTime(answer, timeoutMs) : answer
}

/** Whether a value is a promise, also one of another library. */
export function isPromise<T> (value: T | Promise<T>): value is Promise<T> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

/**
 * Waits for a promise that several callers may share. When the signal is aborted, only this caller stops waiting.
 *
 * @throws the reason of the signal, when it is aborted first
 */
export async function orAborted<T> (promise: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (signal === null) return await promise
  let abort!: () => void
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => {
      const reason: unknown = signal.reason
      reject(reason)
    }
  })
  if (signal.aborted) abort()
  else signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
