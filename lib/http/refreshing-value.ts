import type { Clock } from '../clock.ts'

/** How long something that was read from elsewhere is kept, and how often it is asked for. All in milliseconds. */
export interface RefreshSettings {
  /** At least this long, whatever the answer says. */
  readonly minAgeMs: number
  /** At most this long, whatever the answer says. */
  readonly maxAgeMs: number
  /** When the answer says nothing. */
  readonly defaultAgeMs: number
  /** A forced look-up is not repeated within this time. */
  readonly coolDownMs: number
  /** A failed look-up is not repeated within this time. */
  readonly retryAfterMs: number
  /** The last good answer serves through an outage, for this long after it was due to be renewed. */
  readonly maxStaleMs: number
}

export interface Loaded<T> {
  readonly value: T
  readonly maxAgeSeconds: number | null
}

/** A value from elsewhere, read when it is first needed and renewed when it is due. */
export interface RefreshingValue<T> {
  /**
   * The value; at most one look-up is under way at a time, and everybody waits for that one.
   *
   * @throws whatever the look-up threw, when there is no last good value to serve
   */
  get (): Promise<T>
  /**
   * A value that is newer than `seen`, when one can be had: the caller found something missing in `seen`. Asks at most
   * once in a cool-down, counted from the last forced look-up that was answered and not from the start, so that a real
   * change right after boot is seen at once; in between, `seen` comes back.
   *
   * @throws whatever the look-up threw: what is missing may exist, and that stays so until a look-up is answered
   */
  reloadUnlessChanged (seen: T): Promise<T>
}

export function createRefreshingValue<T> (load: () => Promise<Loaded<T>>, rules: RefreshSettings, clock: Clock): RefreshingValue<T> {
  let current: { value: T, dueAt: number } | null = null
  let lastFailure: { at: number, error: unknown } | null = null
  let lastForcedAt = -Infinity
  let underWay: Promise<T> | null = null

  const refresh = (): Promise<T> => {
    underWay ??= load().then(({ value, maxAgeSeconds }) => {
      const ageMs = maxAgeSeconds === null ? rules.defaultAgeMs : maxAgeSeconds * 1000
      current = { value, dueAt: clock.now() + Math.min(Math.max(ageMs, rules.minAgeMs), rules.maxAgeMs) }
      lastFailure = null
      return value
    }, (error: unknown) => {
      lastFailure = { at: clock.now(), error }
      // Nothing was learnt, so the question stays open: it may be asked again once the failure has cooled down.
      lastForcedAt = -Infinity
      throw error
    }).finally(() => { underWay = null })
    return underWay
  }
  const isFailing = (): boolean => lastFailure !== null && clock.now() < lastFailure.at + rules.retryAfterMs

  return {
    async get () {
      const now = clock.now()
      if (current !== null && now < current.dueAt) return current.value
      if (isFailing()) {
        if (current !== null && now < current.dueAt + rules.maxStaleMs) return current.value
        throw lastFailure!.error
      }
      const last = current
      try {
        return await refresh()
      } catch (error) {
        if (last !== null && clock.now() < last.dueAt + rules.maxStaleMs) return last.value
        throw error
      }
    },
    async reloadUnlessChanged (seen) {
      if (current !== null && current.value !== seen) return current.value
      if (underWay === null) {
        if (isFailing()) throw lastFailure!.error
        if (clock.now() < lastForcedAt + rules.coolDownMs) return seen
        lastForcedAt = clock.now()
      }
      return await refresh()
    }
  }
}
