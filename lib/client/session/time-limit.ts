import { TimeLimitError } from '../../time-limit.ts'

/** Lets time pass, and rejects when the signal is aborted. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<unknown>

/**
 * Lets time pass by a timer. From when `released` is aborted no timer keeps the process from ending, and each is what it was
 * otherwise.
 */
export function createTimer (released: AbortSignal): Wait {
  return async (ms, signal) => {
    const ended = new AbortController()
    try {
      await orAborted(new Promise<void>(resolve => {
        const timer = setTimeout(resolve, ms)
        const release = (): void => { timer.unref() }
        if (released.aborted) release()
        else released.addEventListener('abort', release, { signal: ended.signal })
        ended.signal.addEventListener('abort', () => clearTimeout(timer))
      }), signal)
    } finally {
      ended.abort()
    }
  }
}

/**
 * Does `work` within a time. Its signal is aborted when the time is over or the given signal is; whoever waits is let go
 * then, whether it heeds the signal or not.
 *
 * @throws TimeLimitError, the reason of the signal, or what `work` throws
 */
export async function within<T> (limitMs: number, signal: AbortSignal, wait: Wait, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return await withEither([signal], async (inner, end) => {
    const expired = wait(limitMs, inner).then(
      () => { throw new TimeLimitError(limitMs) },
      () => { throw signal.reason }
    )
    try {
      return await Promise.race([work(inner), expired])
    } finally {
      end()
    }
  })
}

/**
 * Does `work` with a signal that is aborted when one of those is, or by `end`. Nothing stays on those, which may live for
 * long, as the signals of `AbortSignal.any` do.
 *
 * @throws the reason of one that is aborted already, or what `work` throws
 */
export async function withEither<T> (signals: readonly AbortSignal[], work: (signal: AbortSignal, end: () => void) => Promise<T>): Promise<T> {
  const either = new AbortController()
  const settled = new AbortController()
  for (const signal of signals) {
    signal.throwIfAborted()
    signal.addEventListener('abort', () => either.abort(signal.reason), { once: true, signal: settled.signal })
  }
  try {
    return await work(either.signal, () => either.abort())
  } finally {
    settled.abort()
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
