/** A look-up that was not answered in time. */
export class LookupTimeout extends Error {
  constructor (timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
    this.name = 'LookupTimeout'
  }
}

/**
 * Asks a function of the host's own, which may never answer. Nothing is timed where it answers at once.
 *
 * @throws LookupTimeout, or what the function throws
 */
export async function within<T> (timeoutMs: number, ask: () => T | Promise<T>): Promise<T> {
  const answer = ask()
  if (typeof (answer as { then?: unknown } | null | undefined)?.then !== 'function') return answer
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new LookupTimeout(timeoutMs)), timeoutMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
