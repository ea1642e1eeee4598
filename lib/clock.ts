/** Where every part of the package takes the time from, so that a test can set it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now (): number
}

export const systemClock: Clock = { now: () => Date.now() }
