import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Type from 'typebox'
import * as Value from 'typebox/value'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import { OptionError } from '../../errors/errors.ts'
import { TokenFileError } from '../../errors/store-errors.ts'
import { explain } from '../../options.ts'
import type { LockWait } from '../file-lock.ts'
import { withFileLock } from '../file-lock.ts'
import { replaceFile } from '../replace-file.ts'
import { parseTokenSet } from './stored-tokens.ts'
import type { TokenRecord, TokenSet, TokenStore } from './token-store.ts'
import { createMutex } from '../mutex.ts'

export interface FileTokenStoreOptions {
  /** The file; its directory is made when it is missing, for its owner alone. Beside it are `.lock`, `.turn` and `.new`. */
  readonly path: string
  /** How long a process that died keeps its turn, in milliseconds; one that is alive shows it every third of it. Default: 15000. */
  readonly turnMs?: number
  readonly clock?: Clock
  /** Lets time pass, and rejects when the signal is aborted. Default: a timer. */
  readonly wait?: LockWait
}

const optionsSchema = Type.Object({
  path: Type.String({ minLength: 1 }),
  turnMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 2 ** 31 - 1 })),
  clock: Type.Optional(Type.Object({ now: Type.Function([], Type.Unknown()) })),
  wait: Type.Optional(Type.Function([], Type.Unknown()))
}, { additionalProperties: false })

/**
 * The tokens of one session in a file, which its owner alone can read (0600), for any number of processes on one machine.
 * They are in it as they are. A write is a new file that takes the place of the old one, on the disk when it resolves.
 *
 * Its calls throw a {@link TokenFileError}, or the error of the file system; what was stored stays as it was.
 *
 * @throws OptionError
 */
export function createFileTokenStore (options: FileTokenStoreOptions): TokenStore {
  if (!Value.Check(optionsSchema, options)) throw new OptionError(explain('', optionsSchema, options))
  const { path, turnMs = 15_000, clock = systemClock, wait = (ms, signal) => setTimeout(ms, undefined, { signal }) } = options
  const lockRules = { staleMs: turnMs, wait }
  // Those of this process queue up here, so that only one of them looks at the lock of the others.
  const turns = createMutex()
  const writes = createMutex()

  const read = async (): Promise<TokenRecord | null> => {
    let text: string
    try {
      text = await readFile(path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
    return parseRecord(text, path)
  }
  const locked = async <T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    return await withFileLock(`${path}.${name}`, lockRules, work, signal)
  }

  return {
    read,
    async write (tokens, insteadOf) {
      return await writes(async () => await locked('lock', async () => {
        if (((await read())?.generation ?? null) !== insteadOf) return null
        // Taken from the clock, so that a file that was lost does not come back under the generation of another.
        const record: TokenRecord = { generation: Math.max(clock.now(), (insteadOf ?? 0) + 1), tokens }
        await replaceFile(path, JSON.stringify(record))
        return record
      }))
    },
    async exclusively (work, signal) {
      return await turns(async () => await locked('turn', work, signal), signal)
    }
  }
}

function parseRecord (text: string, path: string): TokenRecord {
  try {
    const { generation, tokens } = JSON.parse(text) as { generation: unknown, tokens: unknown }
    if (!Number.isSafeInteger(generation)) throw new TokenFileError(path)
    return { generation: generation as number, tokens: tokens === null ? null : parseTokenSet(JSON.stringify(tokens), path) satisfies TokenSet }
  } catch {
    // What the parser says repeats what it read.
    throw new TokenFileError(path)
  }
}
