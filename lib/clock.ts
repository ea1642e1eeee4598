/** The source of time for every part of the package. Tests set it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now (): number
}

/** Options that exist for tests. Leave them out elsewhere. */
export interface TestOptions {
  /** The source of the current time. Default: the system. */
  clock?: Clock
}

export const systemClock: Clock = { now: () => Date.now() }

/**
 * A clock for ages and deadlines. When the given clock is set back, this one stands still for that call and then runs on,
 * so that nothing is kept longer than its age allows.
 */
export function createForwardClock (clock: Clock): Clock {
  let last = clock.now()
  let time = last
  return {
    now () {
      const now = clock.now()
      if (now > last) time += now - last
      last = now
      return time
    }
  }
}
