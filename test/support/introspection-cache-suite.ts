import fc from 'fast-check'
import { test } from 'tap'
import type { IntrospectionAnswer, IntrospectionCache } from '../../lib/stores/introspection/introspection-cache.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'

/** Makes two ways to one empty cache. */
export type MakeIntrospectionCaches = (clock: TestClock) => readonly [IntrospectionCache, IntrospectionCache]

const step = fc.oneof(
  fc.record({ who: fc.nat({ max: 1 }), set: fc.nat({ max: 3 }), lifeSeconds: fc.integer({ min: -5, max: 60 }), sub: fc.string({ unit: 'binary' }) }),
  fc.record({ who: fc.nat({ max: 1 }), get: fc.nat({ max: 3 }) }),
  fc.record({ wait: fc.integer({ min: 0, max: 30 }) })
)

/** What every cache of introspection answers promises. */
export function introspectionCacheSuite (name: string, make: MakeIntrospectionCaches, { numRuns }: { readonly numRuns: number }): void {
  test(`${name}: an answer is there until its time, for the key it was set with`, async t => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 30 }), async steps => {
      const clock = createTestClock()
      const caches = make(clock)
      const model = new Map<number, IntrospectionAnswer>()
      for (const one of steps) {
        if ('wait' in one) clock.advance(one.wait)
        else if ('set' in one) {
          const answer = { members: { active: true, sub: one.sub }, untilMs: clock.now() + one.lifeSeconds * 1000 }
          await caches[one.who]!.set(`key ${one.set}`, answer)
          // One whose time is over takes no place.
          if (one.lifeSeconds > 0) model.set(one.set, answer)
        } else {
          const expected = model.get(one.get)
          const found = await caches[one.who]!.get(`key ${one.get}`)
          const wanted = expected !== undefined && clock.now() < expected.untilMs ? expected : null
          if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`got ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`)
        }
      }
    }), { numRuns })
    t.pass('never another one')
  })

  test(`${name}: of many that set one key at once, one answer stays, whole`, async t => {
    const clock = createTestClock()
    const caches = make(clock)
    const untilMs = clock.now() + 60_000
    await Promise.all(Array.from({ length: 40 }, async (_none, i) => { await caches[i % 2]!.set('key', { members: { sub: String(i), copy: String(i).repeat(500) }, untilMs }) }))
    const [found, other] = await Promise.all(caches.map(async cache => await cache.get('key')))
    t.same(found, other)
    t.equal(found!.members.copy, String(found!.members.sub).repeat(500))
  })

  test(`${name}: an answer that is too large is not kept, and what was got can be changed`, async t => {
    const clock = createTestClock()
    const [cache] = make(clock)
    const untilMs = clock.now() + 60_000
    await cache.set('large', { members: { sub: 'x'.repeat(17_000) }, untilMs })
    t.equal(await cache.get('large'), null)
    await cache.set('key', { members: { aud: ['a'] }, untilMs });
    ((await cache.get('key'))!.members.aud as string[]).push('b')
    t.same(await cache.get('key'), { members: { aud: ['a'] }, untilMs })
    for (const over of [clock.now(), clock.now() - 1]) {
      await cache.set('key', { members: { aud: ['b'] }, untilMs: over })
      t.same(await cache.get('key'), { members: { aud: ['a'] }, untilMs }, 'one whose time is over takes the place of none')
    }
  })
}
