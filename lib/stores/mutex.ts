/** Runs one piece of work at a time, in the order of the calls. */
export type Mutex = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export function createMutex (): Mutex {
  let last: Promise<unknown> = Promise.resolve()

  return async (work, signal) => {
    const before = last
    let leave!: () => void
    const mine = new Promise<void>(resolve => { leave = resolve })
    // A caller that stops waiting must not let later callers overtake earlier ones.
    last = before.then(() => mine)
    try {
      await untilAborted(before, signal)
      return await work()
    } finally {
      leave()
    }
  }
}

/** Waits for a promise that never rejects. @throws the reason of the signal, when it is aborted first */
async function untilAborted (promise: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) {
    await promise
    return
  }
  signal.throwIfAborted()
  let abort!: () => void
  const aborted = new Promise<never>((resolve, reject) => {
    abort = () => {
      const reason: unknown = signal.reason
      reject(reason)
    }
  })
  signal.addEventListener('abort', abort)
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
