import type { Clock } from '../../lib/clock.ts'

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  advance (seconds: number): void
}

/** @param start seconds since the epoch; by default a fixed day, so that no test depends on today */
export function createTestClock (start = 1_800_000_000): TestClock {
  let now = start * 1000
  return {
    now: () => now,
    advance (seconds) { now += seconds * 1000 }
  }
}
