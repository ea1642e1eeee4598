import type { Clock } from '../clock.ts'
import { createForwardClock } from '../clock.ts'

/** How long a value of another server is kept, and how often it is requested. All in milliseconds. */
export interface RefreshSettings {
  /** At least this long, whatever the response says. */
  readonly minAgeMs: number
  /** At most this long, whatever the response says. */
  readonly maxAgeMs: number
  /** When the response does not say. */
  readonly defaultAgeMs: number
  /** A forced look-up is not repeated within this time. */
  readonly coolDownMs: number
  /** A failed look-up is not repeated within this time. */
  readonly retryAfterMs: number
  /** How long the last good value is served after it was due, while it is renewed or cannot be. */
  readonly maxStaleMs: number
}

export interface Loaded<T> {
  readonly value: T
  readonly maxAgeSeconds: number | null
}

/**
 * A value of another server, loaded when it is first needed. When it is due, the last good value is served at once and
 * renewed behind (RFC 5861 section 3), and it stays in use while the renewal fails (section 4), for `maxStaleMs`.
 */
export interface RefreshingValue<T> {
  /** The value, where it can be had without waiting; `undefined` where it has to be loaded first. */
  peek (): T | undefined
  /**
   * The value; at most one look-up is under way at a time, and all callers wait for that one.
   *
   * @throws whatever the look-up threw, when there is no last good value to serve
   */
  get (): Promise<T>
  /**
   * A value that is newer than `seen`, for a caller that found something missing in `seen`. At most one forced look-up is
   * made in a cool-down, counted from the last forced look-up that succeeded and not from the start, so that a real
   * change right after boot is seen at once.
   *
   * @returns the newest value, which is `seen` when a look-up found no change; `null`, without a promise, when the cool-down
   * forbids a look-up
   * @throws as a rejection, the error of a look-up that failed: nobody knows then whether what the caller misses exists
   */
  reloadUnlessChanged (seen: T): Promise<T> | null
  /** Whether this very value is served now and is not due. */
  isFresh (value: T): boolean
  /** When the last successful look-up began, in milliseconds since the epoch by the clock it was given; -Infinity before. */
  loadedAt (): number
}

/**
 * @param onRenewalFailed is called with the error of a look-up that failed while the last good value was served
 */
export function createRefreshingValue<T> (
  load: () => Promise<Loaded<T>>, settings: RefreshSettings, clock: Clock, onRenewalFailed: (error: unknown) => void = () => {}
): RefreshingValue<T> {
  // Ages run on when the clock is set back; when a look-up was made is a time of the given clock.
  const { now } = createForwardClock(clock)
  let current: { value: T, dueAt: number } | null = null
  let lastFailure: { at: number, error: unknown } | null = null
  let lastForcedAt = -Infinity
  let loadedAt = -Infinity
  let underWay: Promise<T> | null = null

  const refresh = (): Promise<T> => {
    const startedAt = clock.now()
    underWay ??= load().then(({ value, maxAgeSeconds }) => {
      const ageMs = maxAgeSeconds === null ? settings.defaultAgeMs : maxAgeSeconds * 1000
      current = { value, dueAt: now() + Math.min(Math.max(ageMs, settings.minAgeMs), settings.maxAgeMs) }
      loadedAt = startedAt
      lastFailure = null
      return value
    }, (error: unknown) => {
      lastFailure = { at: now(), error }
      // Nothing was learnt, so the look-up may be made again once the failure has cooled down.
      lastForcedAt = -Infinity
      throw error
    }).finally(() => { underWay = null })
    return underWay
  }
  const isFailing = (): boolean => lastFailure !== null && now() < lastFailure.at + settings.retryAfterMs

  const peek = (): T | undefined => {
    if (current === null) return undefined
    const time = now()
    if (time < current.dueAt) return current.value
    if (time >= current.dueAt + settings.maxStaleMs) return undefined
    if (underWay === null && !isFailing()) refresh().catch(onRenewalFailed)
    return current.value
  }

  return {
    peek,
    async get () {
      const served = peek()
      if (served !== undefined) return served
      if (underWay === null && isFailing()) throw lastFailure!.error
      return await refresh()
    },
    reloadUnlessChanged (seen) {
      if (current !== null && current.value !== seen) return Promise.resolve(current.value)
      if (underWay === null) {
        if (isFailing()) return Promise.reject(lastFailure!.error)
        if (now() < lastForcedAt + settings.coolDownMs) return null
        lastForcedAt = now()
      }
      return refresh()
    },
    isFresh: value => current !== null && current.value === value && now() < current.dueAt,
    loadedAt: () => loadedAt
  }
}
