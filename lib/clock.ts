/** Where every part of the package takes the time from, so that a test can set it. */
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
