import { readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'tap'
import { takeAway } from '../../../lib/stores/file-lock.ts'

test('a lock that is taken away is the one that was seen', async t => {
  const folder = t.testdir()
  const path = join(folder, 'lock')
  await writeFile(path, 'who died')
  const seen = `who died ${(await stat(path)).mtimeMs}`
  await takeAway(path, seen, 'me')
  t.strictSame(await readdir(folder), [])

  await writeFile(path, 'who came first')
  await takeAway(path, seen, 'me')
  t.equal(await readFile(path, 'utf8'), 'who came first', 'it is put back')
  t.strictSame(await readdir(folder), ['lock'])
})

test('one that is gone by then is no matter', async t => {
  const folder = t.testdir()
  await takeAway(join(folder, 'lock'), 'x', 'me')
  t.strictSame(await readdir(folder), [])
})
