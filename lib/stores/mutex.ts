/** Lets one after the other run their work, in the order in which they came. */
export type Mutex = <T>(work: () => Promise<T>, signal?: AbortSignal) => Promise<T>

export function createMutex (): Mutex {
  let last: Promise<unknown> = Promise.resolve()

  return async (work, signal) => {
    const before = last
    let leave!: () => void
    const mine = new Promise<void>(resolve => { leave = resolve })
    // Whoever gives up the wait does not let those behind it pass those before it.
    last = before.then(() => mine)
    try {
      await untilAborted(before, signal)
      return await work()
    } finally {
      leave()
    }
  }
}

/** Waits for what cannot fail. @throws the reason of the signal, when it is aborted first */
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
  signal.addEventListener('abort', abort, { once: true })
  try {
    await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
