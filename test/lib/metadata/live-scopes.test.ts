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
  test(`S6 ${title}`, async t => {
    t.strictSame(await createLiveScopes({ ...rules, timeoutMs: 1, source }, createTestClock())(configured), expected)
  })
}

test('S6 cached for the set time', async t => {
  const clock = createTestClock()
  let asked = 0
  let down = false
  const live = createLiveScopes({ ...rules, source: async () => { asked++; if (down) throw new Error('down'); return ['a'] } }, clock)
  await live(configured)
  clock.advance(299)
  t.strictSame(await live(configured), ['a'])
  t.equal(asked, 1)
  clock.advance(1)
  down = true
  t.strictSame(await live(configured), configured, 'and no longer')
  t.strictSame(await live(configured), configured)
  t.equal(asked, 2, 'a source that is down is left in peace')
  clock.advance(5)
  down = false
  t.strictSame(await live(configured), ['a'])
  t.equal(asked, 3)
})
