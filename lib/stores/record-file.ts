import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { FileLockOptions } from './file-lock.ts'
import { withFileLock } from './file-lock.ts'
import { createMutex } from './mutex.ts'
import { createUnreadableWarning } from './unreadable-record.ts'

/** One record in one file that only its owner can read, shared by any number of processes on one machine. */
export interface RecordFile<T> {
  /** `null` when there is no file, or its content is no record. Such a content is reported by a process warning, once. */
  read (): Promise<T | null>
  /**
   * Compares and replaces, atomically for all processes: `next` gets the record that is there now and returns the one to
   * write, or `null` to leave it. A content that is no record is kept beside, as `<path>.<uuid>.corrupt`, before it is
   * replaced.
   *
   * @returns what `next` returned last: it is called again when this process lost the lock before it wrote
   */
  update (next: (current: T | null) => T | null): Promise<T | null>
}

export interface RecordFileOptions<T> {
  readonly path: string
  /** Throws on text that is no record. */
  readonly parse: (text: string) => T
  readonly lock: FileLockOptions
}

export function createRecordFile<T> ({ path, parse, lock }: RecordFileOptions<T>): RecordFile<T> {
  const warn = createUnreadableWarning(path)
  // Only one writer of this process competes for the lock.
  const oneWriter = createMutex()

  const load = async (): Promise<{ record: T | null, corrupt: Buffer | null }> => {
    let bytes: Buffer
    try {
      bytes = await readFile(path)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return { record: null, corrupt: null }
      throw error
    }
    try {
      return { record: parse(bytes.toString('utf8')), corrupt: null }
    } catch {
      warn()
      return { record: null, corrupt: bytes }
    }
  }

  /**
   * A process that was suspended may continue after another process has removed its lock. It must not write then. The new
   * holder of the lock removes the temporary files of all other processes before it reads, so their renaming fails. A
   * temporary file that is created later is not renamed, because the lock is checked before.
   */
  const updateLocked = async (next: (current: T | null) => T | null, isHeld: () => Promise<boolean>): Promise<{ record: T | null } | null> => {
    await removeTemporaryFiles(path)
    const { record: current, corrupt } = await load()
    const record = next(current)
    if (record === null) return { record }
    if (corrupt !== null) await writeFile(`${path}.${randomUUID()}.corrupt`, corrupt, { flag: 'wx', mode: 0o600 })
    return await replaceFile(path, JSON.stringify(record), isHeld) ? { record } : null
  }

  return {
    async read () { return (await load()).record },
    async update (next) {
      return await oneWriter(async () => {
        await createDirectory(path)
        for (;;) {
          const written = await withFileLock(`${path}.lock`, lock, async isHeld => await updateLocked(next, isHeld))
          if (written !== null) return written.record
        }
      })
    }
  }
}

/** Creates the directory of a file, where it is missing, for its owner alone. */
export async function createDirectory (path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
}

/**
 * Puts a text in the place of a file: after a crash there is the old content or the new one, on the disk. The temporary
 * file has a random name and is created exclusively, so that no link of another user is followed.
 *
 * @returns whether it was replaced; not when the lock was lost
 */
async function replaceFile (path: string, text: string, isHeld: () => Promise<boolean>): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.new`
  try {
    const file = await open(temporary, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    if (!await isHeld()) return false
    await rename(temporary, path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && !await isHeld()) return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(dirname(path))
  return true
}

/** Those of processes that crashed, or that lost the lock. */
async function removeTemporaryFiles (path: string): Promise<void> {
  const folder = dirname(path)
  const prefix = `${basename(path)}.`
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix) && name.endsWith('.new')) await rm(join(folder, name), { force: true })
  }
}

/** Makes the renaming durable. Windows cannot open directories, and does that by itself. */
async function syncDirectory (path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  await directory.sync().finally(async () => { await directory.close() })
}

function codeOf (error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
