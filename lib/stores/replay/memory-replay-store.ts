import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { ReplayStoreFullError } from '../../errors/store-errors.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'
import type { ReplayStore } from './replay-store.ts'

export interface MemoryReplayStoreOptions {
  /**
   * How many proofs are remembered at the most. While the store is full, new proofs cannot be checked (503): to forget one
   * would let it be used again. Default: 1000000, which takes about 100 MB.
   */
  readonly maxEntries?: number
  /** @internal For tests: where the time comes from. */
  readonly clock?: Clock
}

export interface MemoryReplayStore extends ReplayStore {
  seen (key: string, untilMs: number): boolean
  /** How many proofs are remembered. */
  readonly size: number
}

const optionsSchema = Type.Object({
  maxEntries: Type.Optional(Type.Integer({ minimum: 1 })),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) }))
}, { additionalProperties: false })

/** Proofs are kept by the slice of time in which they end, so that a slice is forgotten as a whole. */
const sliceMs = 60_000

/**
 * Used proofs in this process. They are not shared with other processes, and gone with this one.
 *
 * @throws OptionError
 */
export function createMemoryReplayStore (options: MemoryReplayStoreOptions = {}): MemoryReplayStore {
  checkOptions('', optionsSchema, options)
  const { maxEntries = 1_000_000, clock = systemClock } = options
  const slices = new Map<number, Set<string>>()
  let size = 0
  let currentSlice = -Infinity

  const forgetOld = (): void => {
    const slice = Math.floor(clock.now() / sliceMs)
    // A clock that is set back brings nothing back, and makes nothing be forgotten early.
    if (slice <= currentSlice) return
    currentSlice = slice
    for (const [old, keys] of slices) {
      if (old >= slice) continue
      size -= keys.size
      slices.delete(old)
    }
  }

  return {
    get size () { return size },
    seen (key, untilMs) {
      forgetOld()
      for (const keys of slices.values()) if (keys.has(key)) return true
      if (size >= maxEntries) throw new ReplayStoreFullError(maxEntries)
      const slice = Math.max(Math.floor(untilMs / sliceMs), currentSlice)
      const keys = slices.get(slice) ?? new Set()
      slices.set(slice, keys.add(key))
      size++
      return false
    }
  }
}
