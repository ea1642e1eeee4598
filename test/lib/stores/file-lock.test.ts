import * as files from 'node:fs/promises'
import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { removeStaleLock, waitByTimer } from '../../../lib/stores/file-lock.ts'
import type { withFileLock } from '../../../lib/stores/file-lock.ts'

test('a lock that is taken away is the one that was seen', async t => {
  const folder = t.testdir()
  const path = join(folder, 'lock')
  await writeFile(path, 'crashed')
  const seen = `crashed ${(await stat(path)).mtimeMs}`
  await removeStaleLock(path, seen, 'me')
  t.strictSame(await readdir(folder), [])

  await writeFile(path, 'the first')
  await removeStaleLock(path, seen, 'me')
  t.equal(await readFile(path, 'utf8'), 'the first', 'it is put back')
  t.strictSame(await readdir(folder), ['lock'])
})

test('one that is gone by then is no matter', async t => {
  const folder = t.testdir()
  await removeStaleLock(join(folder, 'lock'), 'x', 'me')
  t.strictSame(await readdir(folder), [])
})

test('a lock that cannot be written is not left behind, nor open', async t => {
  const path = join(t.testdir(), 'lock')
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  const { withFileLock: locked } = await t.mockImport<{ withFileLock: typeof withFileLock }>('../../../lib/stores/file-lock.ts', {
    'node:fs/promises': t.createMock(files, {
      async open (...given: Parameters<typeof files.open>) {
        const handle = await files.open(...given)
        handles.push(handle)
        handle.writeFile = async () => { throw full }
        return handle
      }
    })
  })
  const handles: files.FileHandle[] = []
  const rules = { staleMs: 1000, wait: async () => { throw new Error('nobody is to be waited for') } }
  for (let i = 0; i < 2; i++) t.equal(await locked(path, rules, async () => 1).catch((error: unknown) => error), full)
  t.strictSame(handles.map(({ fd }) => fd), [-1, -1], 'closed')
  t.strictSame(await readdir(join(path, '..')), [])
})

test('the file of a lock is closed when its work has ended, also by an error', async t => {
  const path = join(t.testdir(), 'lock')
  const handles: files.FileHandle[] = []
  const { withFileLock: locked } = await t.mockImport<{ withFileLock: typeof withFileLock }>('../../../lib/stores/file-lock.ts', {
    'node:fs/promises': t.createMock(files, {
      async open (...given: Parameters<typeof files.open>) {
        const handle = await files.open(...given)
        handles.push(handle)
        return handle
      }
    })
  })
  const rules = { staleMs: 1000, wait: async () => { throw new Error('nobody is to be waited for') } }
  t.equal(await locked(path, rules, async isHeld => await isHeld()), true)
  await t.rejects(locked(path, rules, async () => { throw new Error('mine') }), { message: 'mine' })
  t.strictSame(handles.map(({ fd }) => fd), [-1, -1])
  t.strictSame(await readdir(join(path, '..')), [])
})

test('a wait by a timer ends with its signal: a lock that has ended keeps no process alive', async t => {
  await t.rejects(waitByTimer(1, AbortSignal.abort()), { name: 'AbortError' })
  await waitByTimer(1, new AbortController().signal)
  await waitByTimer(1, undefined)
})
