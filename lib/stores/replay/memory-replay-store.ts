import { hash } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { ReplayStoreFullError } from '../../errors/store-errors.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'
import type { ReplayStore } from './replay-store.ts'
import { checkReplayTime } from './replay-store.ts'

/** Options of {@link createMemoryReplayStore}. */
export interface MemoryReplayStoreOptions {
  /** How many identifiers are remembered at most. Default: 1,000,000, which take about 60 MB. */
  readonly maxEntries?: number
  readonly clock?: Clock
}

/** A replay store in this process. */
export interface MemoryReplayStore extends ReplayStore {
  /** @throws ReplayStoreFullError */
  seen (key: string, untilMs: number): boolean
  /** How many identifiers are remembered. */
  readonly size: number
}

const optionsSchema = Type.Object({
  maxEntries: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000_000 })),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) }))
}, { additionalProperties: false })

/** Identifiers that expire within this time are forgotten together, in milliseconds. */
const bucketMs = 30_000

/**
 * Remembers identifiers in this process, for servers that consist of one process. Its memory is bounded: an entry takes the
 * same space whatever the length of its key, and a full store throws a {@link ReplayStoreFullError} instead of forgetting
 * identifiers that could be replayed.
 *
 * @throws OptionError
 */
export function createMemoryReplayStore (options: MemoryReplayStoreOptions = {}): MemoryReplayStore {
  checkOptions('', optionsSchema, options)
  const { maxEntries = 1_000_000, clock = systemClock } = options
  /** Sets of identifiers by their time of expiry. A whole set is dropped at once, which is faster than single entries. */
  const buckets = new Map<number, Set<string>>()
  let size = 0

  const dropExpired = (now: number): void => {
    for (const [end, keys] of buckets) {
      if (end > now) continue
      buckets.delete(end)
      size -= keys.size
    }
  }

  return {
    get size () { return size },
    seen (key, untilMs) {
      checkReplayTime(untilMs)
      dropExpired(clock.now())
      const digest = digestOf(key)
      for (const keys of buckets.values()) if (keys.has(digest)) return true
      if (size >= maxEntries) throw new ReplayStoreFullError(maxEntries)
      const end = Math.ceil(untilMs / bucketMs) * bucketMs
      const bucket = buckets.get(end) ?? new Set()
      buckets.set(end, bucket.add(digest))
      size++
      return false
    }
  }
}

/**
 * 96 bits, one character per byte. A collision is likely only among 2^48 keys, and then refuses a proof. Of so few characters
 * V8 makes a copy; a longer slice would keep the whole digest in memory.
 */
function digestOf (key: string): string {
  return hash('sha256', key, 'binary').slice(0, 12)
}
