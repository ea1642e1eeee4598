import { TimeLimitError } from '../../time-limit.ts'

/** Lets time pass, and rejects when the signal is aborted. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<unknown>

/**
 * Waits by timers. After `released` is aborted, its timers still fire, but they no longer keep the process alive.
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
 * Runs `work` with a time limit. After the time, or when the signal is aborted, the signal of `work` is aborted and the promise
 * rejects, even if `work` ignores its signal.
 *
 * @throws TimeLimitError, the reason of the signal, or what `work` throws
 */
export async function within<T> (limitMs: number, signal: AbortSignal, wait: Wait, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return await withAnySignal([signal], async (inner, end) => {
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
 * Runs `work` with a signal that is aborted when one of `signals` is, or by `end`. Afterwards its listeners are removed from
 * `signals`. `AbortSignal.any` would keep a reference in signals that exist for long.
 *
 * @throws the reason of a signal that is already aborted, or what `work` throws
 */
export async function withAnySignal<T> (signals: readonly AbortSignal[], work: (signal: AbortSignal, end: () => void) => Promise<T>): Promise<T> {
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
 * Waits for a promise that several callers may share. When the signal is aborted, only this caller stops waiting.
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
