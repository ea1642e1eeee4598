import { randomUUID } from 'node:crypto'
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

/** Lets time pass, and rejects when the signal is aborted. */
export type LockWait = (milliseconds: number, signal: AbortSignal | undefined) => Promise<unknown>

/** A timer. */
export const waitByTimer: LockWait = async (ms, signal) => await setTimeout(ms, undefined, { signal })

export interface FileLockOptions {
  /** A lock that its holder has not refreshed for this long is removed by those who wait for it, in milliseconds. */
  readonly staleMs: number
  readonly wait: LockWait
}

/** Time between two attempts to take the lock, in milliseconds: half of it to one and a half. */
const pollMs = 50

/**
 * Runs `work` while this process, of all on this machine, holds the lock. The holder refreshes the time of the file every
 * third of `staleMs`; those who wait remove a lock whose time stood still for `staleMs` as they measure it, so that no two
 * clocks are compared.
 *
 * A holder that was suspended for longer than that loses the lock without noticing. `work` therefore calls `isHeld` before
 * each step that only one process may do.
 *
 * @param signal ends the wait for the lock
 * @throws what `work` throws, the reason of the signal, or an error of the file system
 */
export async function withFileLock<T> (
  path: string, { staleMs, wait }: FileLockOptions, work: (isHeld: () => Promise<boolean>) => Promise<T>, signal?: AbortSignal
): Promise<T> {
  const holder = randomUUID()
  const handle = await acquire(path, holder, staleMs, wait, signal)
  const ended = new AbortController()
  const isHeld = async (): Promise<boolean> => await holderOf(path) === holder
  try {
    // Ends with the lock, by `ended`. The time is set by the handle, so on the file of this lock even when another has its name.
    refresh(handle, staleMs, wait, ended.signal).catch(nothing)
    return await work(isHeld)
  } finally {
    ended.abort()
    await handle.close()
    if (await isHeld()) await rm(path, { force: true })
  }
}

async function acquire (path: string, holder: string, staleMs: number, wait: LockWait, signal: AbortSignal | undefined): Promise<FileHandle> {
  let seen: string | null = null
  let unchangedMs = 0
  for (;;) {
    const handle = await create(path, holder)
    if (handle !== null) return handle
    const now = await stateOf(path)
    if (now !== seen) {
      seen = now
      unchangedMs = 0
    } else if (unchangedMs >= staleMs) {
      await removeStaleLock(path, now, holder)
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
    // An empty lock would block the others until it is stale.
    await handle.close().catch(nothing)
    await rm(path, { force: true })
    throw error
  }
  return handle
}

async function refresh (handle: FileHandle, staleMs: number, wait: LockWait, ended: AbortSignal): Promise<void> {
  for (let beats = 1; await wait(staleMs / 3, ended).then(() => true, () => false); beats++) {
    const { mtimeMs } = await handle.stat()
    // A new time also where the file system keeps times by the second or two.
    const time = new Date(Math.max(Date.now(), mtimeMs + 2000 * beats))
    await handle.utimes(time, time)
  }
}

/** The holder and the time of its last refresh, as far as they can be read. */
async function stateOf (path: string): Promise<string> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }))
  return `${await holderOf(path)} ${mtimeMs}`
}

async function holderOf (path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch(() => null)
}

/**
 * Removes a lock if it still has the state that was seen. Two processes may try at once: the second one finds the new lock
 * of the first under the name, and puts it back.
 *
 * @param remover a name that no other process uses
 */
export async function removeStaleLock (path: string, seen: string, remover: string): Promise<void> {
  const aside = `${path}.${remover}`
  await rename(path, aside).catch(nothing)
  if (await stateOf(aside) !== seen) await link(aside, path).catch(nothing)
  await rm(aside, { force: true })
}

function nothing (): void {}
