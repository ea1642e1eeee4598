import { TimeLimitError } from '../../time-limit.ts'

/** Lets time pass, and rejects when the signal is aborted. */
export type Wait = (milliseconds: number, signal: AbortSignal) => Promise<unknown>

/** Aborts a signal of work that has ended. An exception of its own for each would take longer than most of the work. */
const workEnded: DOMException = new DOMException('The work has ended', 'AbortError')

/**
 * Waits by timers. After `released` is aborted, its timers still fire, but they no longer keep the process alive.
 */
export function createTimer (released: AbortSignal): Wait {
  return async (ms, signal) => await new Promise<void>((resolve, reject) => {
    signal.throwIfAborted()
    const release = (): void => { timer.unref() }
    const stop = (): void => {
      signal.removeEventListener('abort', abort)
      released.removeEventListener('abort', release)
    }
    const abort = (): void => {
      clearTimeout(timer)
      stop()
      const reason: unknown = signal.reason
      reject(reason)
    }
    const timer = setTimeout(() => {
      stop()
      resolve()
    }, ms)
    signal.addEventListener('abort', abort)
    if (released.aborted) release()
    else released.addEventListener('abort', release)
  })
}

/**
 * Runs `work` with a time limit. After the time, or when the signal is aborted, the signal of `work` is aborted and the promise
 * rejects, even if `work` ignores its signal.
 *
 * @throws TimeLimitError, the reason of the signal, or what `work` throws
 */
export async function within<T> (limitMs: number, signal: AbortSignal | null, wait: Wait, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return await withAnySignal(signal === null ? [] : [signal], async (inner, end) => {
    const expired = wait(limitMs, inner).then(
      () => { throw new TimeLimitError(limitMs) },
      () => { throw signal?.reason }
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
  for (const signal of signals) signal.throwIfAborted()
  const forwards = signals.map(signal => ({ signal, abort: () => either.abort(signal.reason) }))
  for (const { signal, abort } of forwards) signal.addEventListener('abort', abort)
  try {
    return await work(either.signal, () => either.abort(workEnded))
  } finally {
    for (const { signal, abort } of forwards) signal.removeEventListener('abort', abort)
  }
}
