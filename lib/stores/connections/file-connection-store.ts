import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { ConnectionStore } from './connection-store.ts'
import type { LockWait } from '../file-lock.ts'
import { withFileLock } from '../file-lock.ts'
import { replaceFile } from '../replace-file.ts'
import { parseConnection } from './stored-connection.ts'
import { createMutex } from '../mutex.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

export interface FileConnectionStoreOptions {
  /** The file; its directory is made when it is missing, for its owner alone. Beside it are `.lock` and `.new`. */
  readonly path: string
}

const optionsSchema = Type.Object({ path: Type.String({ minLength: 1 }) }, { additionalProperties: false })

/**
 * What belongs to the tokens of one session in a file, which its owner alone can read (0600). Client secrets and the key
 * are in it as they are. It goes with the tokens: in a file of its own, kept as long as theirs.
 *
 * Its calls throw a `TypeError` when the file is none of ours, or the error of the file system; what was stored stays as it was.
 *
 * @throws OptionError
 */
export function createFileConnectionStore (options: FileConnectionStoreOptions): ConnectionStore {
  checkOptions('', optionsSchema, options)
  const { path } = options
  const wait: LockWait = async (ms, signal) => await setTimeout(ms, undefined, { signal })
  const writes = createMutex()
  return {
    async read () {
      let found: string
      try {
        found = await readFile(path, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
      return parseConnection(found, path)
    },
    async write (connection) {
      await writes(async () => {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 })
        await withFileLock(`${path}.lock`, { staleMs: 15_000, wait }, async () => await replaceFile(path, JSON.stringify(connection)))
      })
    }
  }
}
