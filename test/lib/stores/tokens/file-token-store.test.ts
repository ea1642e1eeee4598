import { once } from 'node:events'
import * as files from 'node:fs/promises'
import { chmod, lstat, mkdir, readFile, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import type { Test } from 'tap'
import { createSession } from '../../../../lib/client/session/session.ts'
import { OptionError } from '../../../../lib/errors/errors.ts'
import { createFileTokenStore } from '../../../../lib/stores/tokens/file-token-store.ts'
import type { TokenSet, TokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { createDeferred } from '../../../support/deferred.ts'
import { turns, warningsOf } from '../../../support/warnings.ts'
import { missingUnix } from '../../../support/unix.ts'

const tokens: TokenSet = { accessToken: 'access-secret', tokenType: 'Bearer', refreshToken: 'refresh-secret', expiresAt: 1, scopes: ['a'] }

test('compare and set, durable and private (R38, RFSH-06)', async t => {
  const path = join(t.testdir(), 'deep', 'er', 'tokens.json')
  const clock = createTestClock()
  const store = createFileTokenStore({ path, clock })
  const other = createFileTokenStore({ path, clock })
  t.equal(await store.read(), null)
  t.equal(await store.write(tokens, 1), null, 'there is none to replace')
  t.equal(await store.read(), null)

  const first = (await store.write(tokens, null))!
  t.strictSame(await other.read(), first)
  t.strictSame(first, { generation: clock.now(), tokens }, 'a generation from the clock is not used again after the file was lost')
  t.equal(await other.write(null, null), null)
  t.equal(await other.write(null, first.generation - 1), null)
  const second = (await other.write({ ...tokens, refreshToken: null, expiresAt: null, scopes: null, issuer: 'i', refreshableUntil: 7 }, first.generation))!
  t.ok(second.generation > first.generation, 'also while the clock stands still')
  t.strictSame(await store.read(), second)
  const third = (await store.write(null, second.generation))!
  t.strictSame(await store.read(), third)

  if (process.platform !== 'win32') {
    t.equal((await stat(path)).mode & 0o777, 0o600)
    t.equal((await stat(join(path, '..'))).mode & 0o777, 0o700)
    await writeFile(`${path}.4711.new`, 'left by a crash')
    const foreign = ['other.json.4711.new', 'xtokens.json.4711.new', 'tokens.jsonx.new', 'tokens.json.kept']
    for (const name of foreign) await writeFile(join(path, '..', name), 'of another file')
    await chmod(path, 0o666)
    await store.write(tokens, third.generation)
    t.equal((await stat(path)).mode & 0o777, 0o600, 'also over a file that others could read')
    t.strictSame((await readdir(join(path, '..'))).sort(), [...foreign, 'tokens.json'].sort(), 'files of others stay')
    for (const name of foreign) await rm(join(path, '..', name))
  }
  t.strictSame(await readdir(join(path, '..')), ['tokens.json'], 'nothing is left')
})

for (const platform of ['linux', 'win32']) {
  test(`a write is durable before it takes the place of the file, and closes what it opened: ${platform}`, async t => {
    t.intercept(process, 'platform', { value: platform })
    const folder = t.testdir()
    const path = join(folder, 'tokens.json')
    const steps: string[] = []
    const nameOf = (file: string): string => file === folder ? 'folder' : file.replace(/^.*tokens\.json/, '').replace(/[0-9a-f-]{36}/, 'uuid')
    const { createFileTokenStore: create } = await t.mockImport<{ createFileTokenStore: typeof createFileTokenStore }>('../../../../lib/stores/tokens/file-token-store.ts', {
      'node:fs/promises': t.createMock(files, {
        async open (...given: Parameters<typeof files.open>) {
          const handle = await files.open(...given)
          const name = nameOf(String(given[0]))
          steps.push(`open ${name}`)
          for (const call of ['writeFile', 'sync', 'close'] as const) {
            const original = handle[call].bind(handle) as (...more: unknown[]) => Promise<never>
            handle[call] = async (...more: unknown[]) => {
              steps.push(`${call} ${name}`)
              return await original(...more)
            }
          }
          return handle
        },
        async rename (...given: Parameters<typeof files.rename>) {
          steps.push(`rename ${nameOf(String(given[0]))}`)
          await files.rename(...given)
        }
      })
    })
    await create({ path }).write(tokens, null)
    t.strictSame(steps, [
      'open .lock', 'writeFile .lock', 'open .uuid.new', 'writeFile .uuid.new', 'sync .uuid.new', 'close .uuid.new', 'rename .uuid.new',
      // Windows cannot open directories.
      ...platform === 'win32' ? [] : ['open folder', 'sync folder', 'close folder'], 'close .lock'
    ])
  })
}

const unreadable = ['', '{"generation":1,"tok', '{}', 'null', '{"generation":"1","tokens":null}', '{"generation":1,"tokens":{"accessToken":"access-secret"}}', '[]', '\ufeff{"generation":1,"tokens":null}']

test('a file that cannot be read counts as empty: the user can sign in over it, and its content is kept beside it (F10)', async t => {
  const folder = t.testdir()
  const path = join(folder, 'tokens.json')
  for (const text of unreadable) {
    await writeFile(path, text)
    const warnings = warningsOf(t)
    const tokenStore = createFileTokenStore({ path })
    t.equal(await tokenStore.read(), null, text)
    t.equal(await readFile(path, 'utf8'), text, 'reading changes nothing')
    const session = createSession({ tokenStore, refresh: async given => given })
    t.equal(await session.start(), 'signed_out')
    await session.signIn(tokens)
    t.strictSame((await createFileTokenStore({ path }).read())!.tokens, tokens)
    const [kept = '', ...others] = (await readdir(folder)).filter(name => name !== 'tokens.json')
    t.match(kept, /^tokens\.json\.[0-9a-f-]{36}\.corrupt$/)
    t.same(others, [])
    t.equal(await readFile(join(folder, kept), 'utf8'), text)
    if (process.platform !== 'win32') t.equal((await stat(join(folder, kept))).mode & 0o777, 0o600)
    await turns()
    t.match(warnings, [`${path} holds no record that can be read`], 'reported once')
    t.equal(warnings.length, 1)
    t.notMatch(warnings.join(), 'access-secret', 'R54')
    await rm(join(folder, kept))
  }
})

test('a file that cannot be read can be signed out of (F10)', async t => {
  const path = join(t.testdir(), 'tokens.json')
  await writeFile(path, '{"generation":1,"tok')
  warningsOf(t)
  const session = createSession({ tokenStore: createFileTokenStore({ path }), refresh: async given => given })
  await session.signOut()
  t.equal(session.state, 'signed_out')
})

test('an error of the file system is an error', async t => {
  const path = join(t.testdir(), 'tokens.json')
  await mkdir(path)
  await t.rejects(createFileTokenStore({ path }).read(), { code: 'EISDIR' })
  await t.rejects(createFileTokenStore({ path }).write(tokens, null), { code: 'EISDIR' })
})

test('a write follows no link that somebody put beside the file (F10)', { skip: missingUnix('symbolic links without further rights') }, async t => {
  const folder = t.testdir({ victim: 'precious' })
  const path = join(folder, 'tokens.json')
  for (const name of ['new', 'lock.new', 'tmp']) await symlink(join(folder, 'victim'), `${path}.${name}`)
  await createFileTokenStore({ path }).write(tokens, null)
  t.equal(await readFile(join(folder, 'victim'), 'utf8'), 'precious')
  t.notOk((await lstat(path)).isSymbolicLink())
})

/** A store whose process stands still before one call of the file system, until it is told to go on. */
async function frozenStore (t: Test, path: string, call: 'open' | 'rename', isIt: (path: string) => boolean): Promise<{ store: TokenStore, isFrozen: Promise<void>, wake: () => void }> {
  const frozen = createDeferred<void>()
  const woken = createDeferred<void>()
  let once = false
  const mocked = async (first: string, ...more: unknown[]): Promise<unknown> => {
    if (!once && isIt(first)) {
      once = true
      frozen.resolve()
      await woken.promise
    }
    return await (files[call] as (...given: unknown[]) => Promise<unknown>)(first, ...more)
  }
  const { createFileTokenStore: create } = await t.mockImport<{ createFileTokenStore: typeof createFileTokenStore }>('../../../../lib/stores/tokens/file-token-store.ts', {
    'node:fs/promises': t.createMock(files, { [call]: mocked })
  })
  // Its sign of life stands still, too.
  return { store: create({ path, wait: async () => { await woken.promise } }), isFrozen: frozen.promise, wake: () => { woken.resolve() } }
}

test('of two writers of one generation one writes, though the first stood still while it held the lock (F10)', async t => {
  const isTemporary = (path: string): boolean => path.endsWith('.new')
  for (const call of ['open', 'rename'] as const) {
    const path = join(t.testdir(), `${call}.json`)
    const { generation } = (await createFileTokenStore({ path }).write(tokens, null))!
    const { store, isFrozen, wake } = await frozenStore(t, path, call, isTemporary)
    const late = store.write({ ...tokens, accessToken: 'late' }, generation)
    await isFrozen
    const other = createFileTokenStore({ path, lockTtlMs: 1000, wait: countingWait().wait })
    t.ok(await other.write({ ...tokens, accessToken: 'other' }, generation), 'the lock is removed')
    wake()
    t.equal(await late, null, `${call}: it is told that there is another record`)
    t.equal((await other.read())!.tokens!.accessToken, 'other')
    t.strictSame((await readdir(join(path, '..'))).filter(name => !name.endsWith('.json')), [], 'nothing is left')
  }
})

test('a directory that cannot be is an error', async t => {
  const folder = t.testdir({ file: 'x' })
  const store = createFileTokenStore({ path: join(folder, 'file', 'tokens.json') })
  await t.rejects(store.write(tokens, null))
  await t.rejects(store.exclusively(async () => 1))
})

test('a lock that cannot be made is an error', async t => {
  const path = join(t.testdir(), 'x'.repeat(253))
  await t.rejects(createFileTokenStore({ path }).exclusively(async () => 1), { code: 'ENAMETOOLONG' })
})

test('a write that fails leaves what was there (R38)', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const first = (await createFileTokenStore({ path }).write(tokens, null))!
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  for (const mocks of [
    { rename: async () => { throw full } },
    { open: async (file: string, ...more: [string]) => { if (file.endsWith('.new')) throw full; return await files.open(file, ...more) } },
    { rename: async () => { throw Object.assign(new Error('gone'), { code: 'ENOENT' }) } }
  ]) {
    const { createFileTokenStore: create } = await t.mockImport<{ createFileTokenStore: typeof createFileTokenStore }>('../../../../lib/stores/tokens/file-token-store.ts', {
      'node:fs/promises': t.createMock(files, mocks)
    })
    await t.rejects(create({ path }).write(null, first.generation), { code: /ENOSPC|ENOENT/ })
    t.strictSame(await createFileTokenStore({ path }).read(), first)
    t.strictSame(await readdir(join(path, '..')), ['tokens.json'], 'nothing is left')
  }
})

test('an error of the file system is no lost lock, also when the lock cannot be read then: the write is not tried again', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const tooMany = Object.assign(new Error('too many open files'), { code: 'EMFILE' })
  let isFull = false
  const { createFileTokenStore: create } = await t.mockImport<{ createFileTokenStore: typeof createFileTokenStore }>('../../../../lib/stores/tokens/file-token-store.ts', {
    'node:fs/promises': t.createMock(files, {
      async open (file: string, ...more: [string]) {
        isFull = file.endsWith('.new')
        if (isFull) throw tooMany
        return await files.open(file, ...more)
      },
      async readFile (...given: Parameters<typeof readFile>) {
        if (isFull) throw tooMany
        return await files.readFile(...given)
      }
    })
  })
  const store = create({ path, wait: async () => { throw new Error('nobody is to be waited for') } })
  await t.rejects(store.write(tokens, null), tooMany)
})

test('exclusive work runs one after the other, within a process and between two (RFSH-05)', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const [one, two] = [createFileTokenStore({ path }), createFileTokenStore({ path })]
  let inside = 0
  const order: string[] = []
  const work = (name: string) => async (): Promise<string> => {
    t.equal(++inside, 1, 'nobody else')
    await turn()
    order.push(name)
    inside--
    return name
  }
  t.strictSame(await Promise.all([one.exclusively(work('a')), one.exclusively(work('b')), two.exclusively(work('c'))]), ['a', 'b', 'c'])
  t.strictSame(order.filter(name => name !== 'c'), ['a', 'b'], 'those of one process in their order')
  await t.rejects(one.exclusively(async () => { throw new Error('mine') }), { message: 'mine' })
  t.equal(await two.exclusively(work('d')), 'd', 'a turn ends also by an error')
})

test('the wait for the lock ends with its signal', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const [one, two] = [createFileTokenStore({ path }), createFileTokenStore({ path })]
  const held = createDeferred<void>()
  const begun = createDeferred<void>()
  const holding = one.exclusively(async () => {
    begun.resolve()
    await held.promise
  })
  await begun.promise
  const caller = new AbortController()
  const waiting = [one.exclusively(async () => 1, caller.signal), two.exclusively(async () => 1, caller.signal)]
  caller.abort(new Error('enough'))
  await Promise.all(waiting.map(async promise => { await t.rejects(promise) }))
  held.resolve()
  await holding
  t.equal(await two.exclusively(async () => 2), 2)
})

/** Time passes at once, and is counted. */
function countingWait (): { readonly wait: (ms: number, signal: AbortSignal | undefined) => Promise<void>, passed: () => number } {
  let total = 0
  return {
    passed: () => total,
    async wait (ms, signal) {
      signal?.throwIfAborted()
      total += ms
      await turn()
    }
  }
}

test('exclusive work creates the directory of the file where it is missing', async t => {
  const store = createFileTokenStore({ path: join(t.testdir(), 'deep', 'tokens.json') })
  t.equal(await store.exclusively(async () => 'done'), 'done')
})

test('the lock of a process that crashed is removed after lockTtlMs', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const time = countingWait()
  await writeFile(`${path}.refresh-lock`, 'who died')
  const waits: number[] = []
  const store = createFileTokenStore({
    path,
    lockTtlMs: 3000,
    async wait (ms, signal) {
      if (ms !== 1000) waits.push(ms)
      await time.wait(ms, signal)
    }
  })
  t.equal(await store.exclusively(async () => time.passed() >= 3000 && time.passed() < 3000 + 1000 + 75), true)
  t.ok(waits.length > 3000 / 75 && waits.every(ms => ms >= 25 && ms < 75), 'processes that wait together do not look together')
  t.ok(Math.max(...waits) - Math.min(...waits) > 10)
  t.strictSame(await readdir(join(path, '..')), [], 'nothing is left of it')
})

test('the lock of a live process is not removed', async t => {
  const path = join(t.testdir(), 'tokens.json')
  await writeFile(`${path}.refresh-lock`, 'who lives')
  let looks = 0
  const store = createFileTokenStore({
    path,
    lockTtlMs: 200,
    async wait () {
      looks++
      await turn()
      // It shows that it lives ten times, and ends.
      if (looks < 100) await utimes(`${path}.refresh-lock`, looks, looks)
      else if (looks === 100) await rm(`${path}.refresh-lock`)
    }
  })
  t.ok(await store.exclusively(async () => looks >= 100))
})

test('a holder refreshes its lock, and removes no lock but its own', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const beats = createDeferred<void>()
  let beat = 0
  const times: number[] = []
  const signals = new Set<AbortSignal>()
  const store = createFileTokenStore({
    path,
    lockTtlMs: 900,
    async wait (ms, signal) {
      t.equal(ms, 300)
      times.push((await stat(`${path}.refresh-lock`)).mtimeMs)
      signals.add(signal!)
      if (++beat === 4) beats.resolve()
      if (beat < 4) return
      await once(signal!, 'abort')
      signal!.throwIfAborted()
    }
  })
  await store.exclusively(async () => {
    await beats.promise
    await rm(`${path}.refresh-lock`)
    await writeFile(`${path}.refresh-lock`, 'somebody else')
  })
  t.strictSame(times.slice(1).map((time, i) => Math.round((time - times[i]!) / 100) / 10), [2, 4, 6], 'later by seconds each time, for file systems that keep no less')
  t.ok([...signals].every(({ aborted }) => aborted), 'and no longer than it holds it')
  t.equal(await readFile(`${path}.refresh-lock`, 'utf8'), 'somebody else')
})

test('of several processes that remove one stale lock, each gets the lock once', async t => {
  const path = join(t.testdir(), 'tokens.json')
  await writeFile(`${path}.refresh-lock`, 'who died')
  const stores = Array.from({ length: 4 }, () => createFileTokenStore({ path, lockTtlMs: 500, wait: countingWait().wait }))
  let runs = 0
  await Promise.all(stores.map(store => store.exclusively(async () => { runs++ })))
  t.equal(runs, 4)
})

test('options that are refused', t => {
  for (const lockTtlMs of [100, 2 ** 31 - 1]) t.ok(createFileTokenStore({ path: 'x', lockTtlMs }))
  for (const wrong of [
    {}, { path: '' }, { path: 1 }, { path: 'x', lockTtlMs: 99 }, { path: 'x', lockTtlMs: 2 ** 31 }, { path: 'x', lockTtlMs: 100.5 }, { path: 'x', file: 1 },
    { path: 'x', clock: {} }, { path: 'x', clock: { now: 1 } }, { path: 'x', wait: 1 }
  ]) {
    t.throws(() => createFileTokenStore(wrong as never), OptionError, JSON.stringify(wrong))
  }
  t.end()
})
