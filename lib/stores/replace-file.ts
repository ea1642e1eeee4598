import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Puts a text in the place of a file that its owner alone can read (0600): after a crash there is the old file or the new
 * one. To be called under a lock, so that a name of its own does: what a crash leaves behind is written over.
 */
export async function replaceFile (path: string, text: string): Promise<void> {
  const next = `${path}.new`
  const file = await open(next, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(next, path)
  await syncDirectory(dirname(path))
}

/** The new name is on the disk, too; where directories cannot be opened, on Windows, renaming sees to that. */
async function syncDirectory (path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  await directory.sync().finally(async () => { await directory.close() })
}
