import fc from 'fast-check'
import { test } from 'tap'
import type { ReplayStore } from '../../lib/stores/replay/replay-store.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'

/** Makes two ways to one empty store. */
export type MakeReplayStores = (clock: TestClock) => readonly [ReplayStore, ReplayStore]

const step = fc.record({ who: fc.constantFrom(0 as const, 1 as const), key: fc.nat({ max: 5 }), lifeSeconds: fc.integer({ min: 100, max: 300 }) })

/** What every replay store promises. */
export function replaySuite (name: string, make: MakeReplayStores, options: { readonly skip?: string | false, readonly numRuns: number }): void {
  test(`${name}: an identifier is new once, for all that share the store (RFC 9449 section 11.1)`, options, async t => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
      const clock = createTestClock()
      const stores = make(clock)
      const seen = new Set<number>()
      for (const { who, key, lifeSeconds } of steps) {
        const wasSeen = await stores[who].seen(`key ${key}`, clock.now() + lifeSeconds * 1000)
        if (wasSeen !== seen.has(key)) throw new Error(`key ${key} was ${seen.has(key) ? '' : 'not '}seen before`)
        seen.add(key)
      }
    }), { numRuns: options.numRuns })
    t.pass('never wrong')
  })

  test(`${name}: of many at once with one identifier, one is the first`, options, async t => {
    const clock = createTestClock()
    const stores = make(clock)
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, async (_none, i) => await stores[i % 2]!.seen(`round ${round}`, clock.now() + 300_000)))
      t.equal(answers.filter(wasSeen => !wasSeen).length, 1)
    }
  })

  test(`${name}: identifiers of any length and character are told apart`, options, async t => {
    const clock = createTestClock()
    const [store] = make(clock)
    const keys = ['', 'a', 'A', ' a', 'a ', 'ä', 'a\0', '{a}', '*', 'x'.repeat(100_000), `${'x'.repeat(100_000)}y`]
    for (const wasSeen of [false, true]) {
      for (const key of keys) t.equal(await store.seen(key, clock.now() + 60_000), wasSeen)
    }
    await t.rejects(async () => await store.seen('b', NaN), { name: 'TypeError', message: /untilMs must be a time in milliseconds, got NaN/ })
    t.equal(await store.seen('expired', clock.now() - 60_000), false, 'one that has expired is no error')
  })
}
