import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'tap'
import type { LiveScopesSettings } from '../../../lib/metadata/live-scopes.ts'
import { createLiveScopes } from '../../../lib/metadata/live-scopes.ts'
import { createTestClock } from '../../support/clock.ts'

const rules = { maxAgeMs: 300_000, timeoutMs: 1000, retryAfterMs: 5000 }
const configured = ['a', 'b', 'c']
const answers: ReadonlyArray<readonly [string, LiveScopesSettings['source'], readonly string[]]> = [
  ['some', async () => ['c', 'a', 'x'], ['a', 'c']],
  ['source empty → static list', async () => [], configured],
  ['source down → static list', async () => { throw new Error('down') }, configured],
  ['source without sense → static list', async () => 'a b' as never, configured],
  ['source with other things in it → static list', async () => ['a', 5] as never, configured],
  ['source that never answers → static list', () => new Promise(() => {}), configured],
  ['none of ours', async () => ['x'], []]
]
for (const [title, source, expected] of answers) {
  test(`${title} (S6)`, async t => {
    t.strictSame(await createLiveScopes({ ...rules, timeoutMs: 1, source }, createTestClock())(configured), expected)
  })
}

test('an answer is kept for the set time, then served once more while the source is asked again (S6)', async t => {
  const clock = createTestClock()
  let asked = 0
  let down = false
  const live = createLiveScopes({ ...rules, source: async () => { asked++; if (down) throw new Error('down'); return ['a'] } }, clock)
  t.type(live(configured), Promise, 'the first request waits for the first answer')
  t.strictSame(await live(configured), ['a'])
  clock.advance(299)
  t.strictSame(live(configured), ['a'], 'later ones wait for nothing')
  t.equal(asked, 1)
  clock.advance(1)
  down = true
  t.strictSame(live(configured), ['a'])
  await turn()
  t.strictSame(live(configured), configured, 'a source that failed leaves nothing behind')
  t.equal(asked, 2)
  clock.advance(4)
  t.strictSame(live(configured), configured)
  t.equal(asked, 2, 'it is not called again at once')
  clock.advance(1)
  down = false
  t.strictSame(live(configured), configured)
  await turn()
  t.strictSame(live(configured), ['a'])
  t.equal(asked, 3)
  t.end()
})

test('a source that throws at once is one that failed', async t => {
  t.strictSame(await createLiveScopes({ ...rules, source: () => { throw new Error('down') } }, createTestClock())(configured), configured)
})

test('a source that never settles is called again, and delays no request after the first [C5]', async t => {
  const clock = createTestClock()
  const answers: Array<(scopes: string[]) => void> = []
  const live = createLiveScopes({ ...rules, timeoutMs: 1, source: () => new Promise(resolve => { answers.push(resolve) }) }, clock)
  t.strictSame(await live(configured), configured)
  clock.advance(6)
  t.strictSame(live(configured), configured, 'served at once')
  await turn()
  t.equal(answers.length, 2, 'and asked again behind')
  answers[1]!(['b'])
  await turn()
  t.strictSame(live(configured), ['b'])
  answers[0]!(['a'])
  await turn()
  t.strictSame(live(configured), ['b'], 'an earlier call that answers late does not replace a later one')
  t.end()
})

test('an answer that comes after its time is used by the next request', async t => {
  let answer = (_scopes: string[]): void => {}
  const live = createLiveScopes({ ...rules, timeoutMs: 1, source: () => new Promise(resolve => { answer = resolve }) }, createTestClock())
  t.strictSame(await live(configured), configured)
  answer(['c'])
  await turn()
  t.strictSame(live(configured), ['c'])
  t.end()
})
