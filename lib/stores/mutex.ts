import { orAborted } from '../time-limit.ts'

/** Runs one piece of work at a time, in the order of the calls. */
export type Mutex = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export function createMutex (): Mutex {
  let last: Promise<unknown> = Promise.resolve()
  /** Callers whose work is under way, or who wait for it. */
  let callers = 0

  return async (work, signal) => {
    const before = last
    let leave!: () => void
    const mine = new Promise<void>(resolve => { leave = resolve })
    // A caller that stops waiting must not let later callers overtake earlier ones.
    last = before.then(() => mine)
    const isFree = callers++ === 0
    try {
      signal?.throwIfAborted()
      if (!isFree) await orAborted(before, signal ?? null)
      return await work()
    } finally {
      callers--
      leave()
    }
  }
}
