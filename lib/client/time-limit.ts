/** Lets time pass, and rejects when the signal is aborted. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<unknown>

/** Something was not done in time. */
export class TimeLimitError extends Error {
  constructor (limitMs: number) {
    super(`not done within ${limitMs} ms`)
    this.name = 'TimeLimitError'
  }
}

/**
 * Does `work` within a time. Its signal is aborted when the time is over or the given signal is; whoever waits is let go
 * then, whether it heeds the signal or not.
 *
 * @throws TimeLimitError, the reason of the signal, or what `work` throws
 */
export async function within<T> (limitMs: number, signal: AbortSignal, wait: Wait, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const ended = new AbortController()
  const inner = AbortSignal.any([signal, ended.signal])
  const expired = wait(limitMs, inner).then(
    () => { throw new TimeLimitError(limitMs) },
    () => { throw signal.reason }
  )
  try {
    return await Promise.race([work(inner), expired])
  } finally {
    ended.abort()
  }
}

/**
 * Waits for what others may be waiting for, too: it goes on when this one gives up.
 *
 * @throws the reason of the signal, when it is aborted first
 */
export async function orAborted<T> (promise: Promise<T>, signal: AbortSignal | null): Promise<T> {
  if (signal === null) return await promise
  const ended = new AbortController()
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = (): void => {
      const reason: unknown = signal.reason
      reject(reason)
    }
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort, { once: true, signal: ended.signal })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    ended.abort()
  }
}
