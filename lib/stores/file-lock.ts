import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Lets time pass, and rejects when the signal is aborted. */
export type LockWait = (milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>

export interface FileLockRules {
  /** How long a lock is believed of which nobody hears, in milliseconds. */
  readonly staleMs: number
  readonly wait: LockWait
}

/** How long those who wait wait between two looks: half of it to one and a half. */
const pollMs = 50

/**
 * Runs `work` while this process, of all on this machine, has the file. A holder shows every third of `staleMs` that it is
 * alive, by the time of the file; a lock whose time stood still for so long is taken away. No two clocks are compared.
 *
 * @param signal ends the wait
 * @throws what `work` throws, the reason of the signal, or an error of the file system
 */
export async function withFileLock<T> (path: string, { staleMs, wait }: FileLockRules, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const holder = randomUUID()
  const handle = await acquire(path, holder, staleMs, wait, signal)
  const ended = new AbortController()
  try {
    // It ends with the lock, by being aborted. The time is set on the file that was made here, also when another one has its name by now.
    showLife(handle, staleMs, wait, ended.signal).catch(nothing)
    return await work()
  } finally {
    ended.abort()
    await handle.close()
    if (await holderOf(path) === holder) await rm(path, { force: true })
  }
}

async function acquire (path: string, holder: string, staleMs: number, wait: LockWait, signal: AbortSignal | undefined): Promise<FileHandle> {
  let seen: string | null = null
  let unchangedMs = 0
  for (;;) {
    const handle = await create(path, holder)
    if (handle !== null) return handle
    const now = await signOfLife(path)
    if (now !== seen) {
      seen = now
      unchangedMs = 0
    } else if (unchangedMs >= staleMs) {
      await takeAway(path, now, holder)
      continue
    }
    const ms = pollMs * (0.5 + Math.random())
    await wait(ms, signal)
    unchangedMs += ms
  }
}

async function create (path: string, holder: string): Promise<FileHandle | null> {
  let handle: FileHandle
  try {
    handle = await open(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return null
    throw error
  }
  try {
    await handle.writeFile(holder)
  } catch (error) {
    // A lock that says nothing would be waited for until it is stale.
    await handle.close().catch(nothing)
    await rm(path, { force: true })
    throw error
  }
  return handle
}

async function showLife (handle: FileHandle, staleMs: number, wait: LockWait, ended: AbortSignal): Promise<void> {
  for (let beats = 1; await wait(staleMs / 3, ended).then(() => true, () => false); beats++) {
    const { mtimeMs } = await handle.stat()
    // Always another time, however coarse the file system keeps it.
    const time = new Date(Math.max(Date.now(), mtimeMs + 2000 * beats))
    await handle.utimes(time, time)
  }
}

/** Who holds it and when they last showed it, as far as anything can be seen. */
async function signOfLife (path: string): Promise<string> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }))
  return `${await holderOf(path)} ${mtimeMs}`
}

async function holderOf (path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null)
}

/**
 * Takes a lock away, if it is still the one that was seen. Whoever comes second finds the lock of the one who came first
 * under its name, and puts it back.
 *
 * @param taker makes a name that nobody else uses
 */
export async function takeAway (path: string, seen: string, taker: string): Promise<void> {
  const aside = `${path}.${taker}`
  await rename(path, aside).catch(nothing)
  if (await signOfLife(aside) !== seen) await link(aside, path).catch(nothing)
  await rm(aside, { force: true })
}

function nothing (): void {}
