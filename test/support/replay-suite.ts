import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { test } from 'tap'
import type { ReplayStore } from '../../lib/stores/replay/replay-store.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'

/** Makes an empty store that lives by this clock. */
export type MakeReplayStore = (clock: TestClock) => Promise<ReplayStore> | ReplayStore

export const keyOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** What every replay store has to do: registers its tests under the name. */
export function replaySuite (name: string, make: MakeReplayStore, { numRuns = 100 }: { numRuns?: number } = {}): void {
  test(`${name}: RFC 9449 11.1: the second use of a proof is seen, and that of another proof is not (R9449-17)`, async t => {
    const clock = createTestClock()
    const store = await make(clock)
    const until = clock.now() + 300_000
    t.equal(await store.seen(keyOf('a'), until), false)
    t.equal(await store.seen(keyOf('a'), until), true)
    t.equal(await store.seen(keyOf('b'), until), false)
    t.equal(await store.seen(keyOf('a'), until), true)
  })

  test(`${name}: of a hundred calls at once with one proof, exactly one gets false (R9449-19)`, async t => {
    const clock = createTestClock()
    const store = await make(clock)
    const until = clock.now() + 300_000
    const answers = await Promise.all(Array.from({ length: 100 }, async () => await store.seen(keyOf('a'), until)))
    t.equal(answers.filter(seen => !seen).length, 1)
  })

  test(`${name}: a proof that is over already is recorded all the same`, async t => {
    const clock = createTestClock()
    const store = await make(clock)
    t.equal(await store.seen(keyOf('a'), clock.now() - 1), false)
  })

  test(`${name}: a proof is remembered until its time, whatever the order of the calls`, async t => {
    const call = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), seconds: fc.integer({ min: 0, max: 20 }) })
    await fc.assert(fc.asyncProperty(fc.array(call, { maxLength: 30 }), async calls => {
      const clock = createTestClock()
      const store = await make(clock)
      const used = new Set<string>()
      for (const { key, seconds } of calls) {
        clock.advance(seconds)
        // One proof has one end.
        const until = 1_800_000_000_000 + 3_600_000
        if (await store.seen(keyOf(key), until) !== used.has(key)) return false
        used.add(key)
      }
      return true
    }), { numRuns })
    t.pass('it always agrees')
  })
}
