import { once } from 'node:events'
import { chmod, mkdir, readFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import { OptionError } from '../../../../lib/errors/errors.ts'
import { createFileTokenStore } from '../../../../lib/stores/tokens/file-token-store.ts'
import type { TokenSet } from '../../../../lib/stores/tokens/token-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { createDeferred } from '../../../support/deferred.ts'

const tokens: TokenSet = { accessToken: 'access-secret', tokenType: 'Bearer', refreshToken: 'refresh-secret', expiresAt: 1, scopes: ['a'] }

test('R38 RFSH-06 compare and set, durable and private', async t => {
  const path = join(t.testdir(), 'deep', 'er', 'tokens.json')
  const clock = createTestClock()
  const store = createFileTokenStore({ path, clock })
  const other = createFileTokenStore({ path, clock })
  t.equal(await store.read(), null)
  t.equal(await store.write(tokens, 1), null, 'there is none to replace')
  t.equal(await store.read(), null)

  const first = (await store.write(tokens, null))!
  t.strictSame(await other.read(), first)
  t.strictSame(first.tokens, tokens)
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
    await writeFile(`${path}.new`, 'left by a crash')
    await chmod(`${path}.new`, 0o666)
    await store.write(tokens, third.generation)
    t.equal((await stat(path)).mode & 0o777, 0o600, 'also over what a crash left behind')
  }
  t.strictSame(await readdir(join(path, '..')), ['tokens.json'], 'nothing is left')
})

test('where directories cannot be opened', async t => {
  t.intercept(process, 'platform', { value: 'win32' })
  const store = createFileTokenStore({ path: join(t.testdir(), 'tokens.json') })
  t.strictSame((await store.write(tokens, null))!.tokens, tokens)
})

test('a file that is none of ours is an error, and is left as it is', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const store = createFileTokenStore({ path })
  for (const text of ['', '{"generation":1,"tok', '{}', 'null', '{"generation":"1","tokens":null}', '{"generation":1,"tokens":{"accessToken":"access-secret"}}', '[]']) {
    await writeFile(path, text)
    const error = await store.read().catch((reason: unknown) => reason) as Error
    t.match(error, { name: 'TokenFileError' }, text)
    t.match(error.message, path)
    t.notMatch(`${error.message} ${String(error.cause)}`, 'access-secret', 'R54')
    await t.rejects(store.write(tokens, null), { name: 'TokenFileError' })
    t.equal(await readFile(path, 'utf8'), text)
  }
  await rm(path)
  await mkdir(path)
  await t.rejects(store.read(), { code: 'EISDIR' }, 'what the file system says')
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

test('a write that fails leaves what was there', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const store = createFileTokenStore({ path })
  const first = (await store.write(tokens, null))!
  await mkdir(`${path}.new`)
  await t.rejects(store.write(null, first.generation), { code: 'EISDIR' })
  t.strictSame(await store.read(), first)
})

test('RFSH-05 one after the other, within a process and between two', async t => {
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

test('who does not want to wait any more does not', async t => {
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

test('a turn whose holder died is taken away, once it was not heard of for long enough', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const time = countingWait()
  await writeFile(`${path}.turn`, 'who died')
  const store = createFileTokenStore({ path, turnMs: 3000, wait: time.wait })
  t.equal(await store.exclusively(async () => time.passed() >= 3000), true)
  t.strictSame(await readdir(join(path, '..')), [], 'nothing is left of it')
})

test('a turn whose holder is alive is not', async t => {
  const path = join(t.testdir(), 'tokens.json')
  await writeFile(`${path}.turn`, 'who lives')
  let looks = 0
  const store = createFileTokenStore({
    path,
    turnMs: 200,
    async wait () {
      looks++
      await turn()
      // It shows that it lives ten times, and ends.
      if (looks < 100) await utimes(`${path}.turn`, looks, looks)
      else if (looks === 100) await rm(`${path}.turn`)
    }
  })
  t.ok(await store.exclusively(async () => looks >= 100))
})

test('who lives shows it, and ends no turn but its own', async t => {
  const path = join(t.testdir(), 'tokens.json')
  const beats = createDeferred<void>()
  let beat = 0
  const times = new Set<number>()
  const store = createFileTokenStore({
    path,
    turnMs: 900,
    async wait (ms, signal) {
      t.equal(ms, 300)
      times.add((await stat(`${path}.turn`)).mtimeMs)
      if (++beat === 4) beats.resolve()
      if (beat < 4) return
      await once(signal!, 'abort')
      signal!.throwIfAborted()
    }
  })
  await store.exclusively(async () => {
    await beats.promise
    await rm(`${path}.turn`)
    await writeFile(`${path}.turn`, 'somebody else')
  })
  t.equal(times.size, 4, 'each time another')
  t.equal(await readFile(`${path}.turn`, 'utf8'), 'somebody else')
})

test('two who take the same turn away leave the one who came first its own', async t => {
  const path = join(t.testdir(), 'tokens.json')
  await writeFile(`${path}.turn`, 'who died')
  const stores = Array.from({ length: 4 }, () => createFileTokenStore({ path, turnMs: 500, wait: countingWait().wait }))
  let runs = 0
  await Promise.all(stores.map(store => store.exclusively(async () => { runs++ })))
  t.equal(runs, 4)
})

test('options that cannot be', t => {
  for (const wrong of [{}, { path: '' }, { path: 'x', turnMs: 1 }, { path: 'x', file: 1 }]) {
    t.throws(() => createFileTokenStore(wrong as never), OptionError, JSON.stringify(wrong))
  }
  t.end()
})
