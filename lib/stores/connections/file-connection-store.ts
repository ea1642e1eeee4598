import { waitByTimer } from '../file-lock.ts'
import { createRecordFile } from '../record-file.ts'
import type { ConnectionStore } from './connection-store.ts'
import { parseConnection } from './stored-connection.ts'
import { checkOptions } from '../../options/check-options.ts'
import { Type } from '../../options/type.ts'

/** Options of {@link createFileConnectionStore}. */
export interface FileConnectionStoreOptions {
  /**
   * The file, another one than that of the tokens. Its directory is created where it is missing, for its owner alone.
   * Beside the file there may be `.lock`, a temporary `.<uuid>.new` and, kept, `.<uuid>.corrupt`.
   */
  readonly path: string
}

const optionsSchema = Type.Object({ path: Type.String({ minLength: 1 }) }, { additionalProperties: false })

/**
 * Keeps the connection data of one session in a file, beside the tokens and for as long as they are kept. Client secrets
 * and the private key of DPoP proofs are in it in plain text; only the owner of the file can read them (mode 0600).
 *
 * A file with other content counts as empty, and the process gets a warning with the code
 * `FST_OAUTH_STORED_RECORD_UNREADABLE`: the user can sign in again. The content is kept beside it.
 *
 * Its methods throw the error of the file system; the stored data is then unchanged.
 *
 * @throws OptionError
 */
export function createFileConnectionStore (options: FileConnectionStoreOptions): ConnectionStore {
  checkOptions('', optionsSchema, options)
  const { path } = options
  const file = createRecordFile({ path, parse: parseConnection, lock: { staleMs: 15_000, wait: waitByTimer } })
  return {
    read: file.read,
    async write (connection) { await file.update(() => connection) }
  }
}
