import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { LockWait } from '../file-lock.ts'
import { waitByTimer, withFileLock } from '../file-lock.ts'
import { createMutex } from '../mutex.ts'
import { createDirectory, createRecordFile } from '../record-file.ts'
import { parseTokenSet } from './stored-tokens.ts'
import type { TokenRecord, TokenStore } from './token-store.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Options of {@link createFileTokenStore}. */
export interface FileTokenStoreOptions {
  /**
   * The file. Its directory is created where it is missing, for its owner alone. Beside the file there may be `.lock`,
   * `.refresh-lock`, a temporary `.<uuid>.new` and, kept, `.<uuid>.corrupt`.
   */
  readonly path: string
  /**
   * After this time without a sign of life of a lock's holder, another process removes the lock, in milliseconds: 100 or
   * more. A live holder refreshes it every third of the time. Default: 15000.
   */
  readonly lockTtlMs?: number
  readonly clock?: Clock
  /** Lets time pass, and rejects when the signal is aborted. For tests. Default: a timer. */
  readonly wait?: LockWait
}

const optionsSchema = Type.Object({
  path: Type.String({ minLength: 1 }),
  lockTtlMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 2 ** 31 - 1 })),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) })),
  wait: Type.Optional(Type.Function([], Type.Unknown()))
}, { additionalProperties: false })

/**
 * Keeps the tokens of one session in a file, for any number of processes on one machine. The tokens are in it in plain
 * text; only the owner of the file can read them (mode 0600). A write is durable when it resolves.
 *
 * A file with other content than a record counts as empty, and the process gets a warning with the code
 * `FST_OAUTH_STORED_RECORD_UNREADABLE`: the user can sign in again. The content is kept beside it.
 *
 * Its methods throw the error of the file system; the stored tokens are then unchanged.
 *
 * @throws OptionError
 */
export function createFileTokenStore (options: FileTokenStoreOptions): TokenStore {
  checkOptions('', optionsSchema, options)
  const { path, lockTtlMs: staleMs = 15_000, clock = systemClock, wait = waitByTimer } = options
  const lock = { staleMs, wait }
  const file = createRecordFile({ path, parse: parseRecord, lock })
  // Only one caller of this process competes for the lock of the file.
  const oneCaller = createMutex()

  return {
    read: file.read,
    async write (tokens, insteadOf) {
      return await file.update(current => {
        if ((current?.generation ?? null) !== insteadOf) return null
        // From the clock, so that a generation is not used again after the file was lost.
        return { generation: Math.max(clock.now(), (insteadOf ?? 0) + 1), tokens }
      })
    },
    async exclusively (work, signal) {
      return await oneCaller(async () => {
        await createDirectory(path)
        return await withFileLock(`${path}.refresh-lock`, lock, work, signal)
      }, signal)
    }
  }
}

function parseRecord (text: string): TokenRecord {
  const { generation, tokens } = JSON.parse(text) as { generation: unknown, tokens: unknown }
  if (!Number.isSafeInteger(generation)) throw new TypeError('no generation')
  return { generation: generation as number, tokens: tokens === null ? null : parseTokenSet(JSON.stringify(tokens)) }
}
