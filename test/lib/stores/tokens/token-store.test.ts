import { join } from 'node:path'
import fc from 'fast-check'
import tap, { test } from 'tap'
import { createFileTokenStore } from '../../../../lib/stores/tokens/file-token-store.ts'
import { createMemoryTokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createRedisTokenStore } from '../../../../lib/stores/tokens/redis-token-store.ts'
import type { TokenRecord, TokenSet, TokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { createDeferred } from '../../../support/deferred.ts'
import { missingPart } from '../../../support/missing-part.ts'
import { clientKinds } from '../../../support/redis-clients.ts'
import { startRedis } from '../../../support/redis-server.ts'

interface Kind {
  readonly name: string
  readonly skip: string | false
  readonly numRuns: number
  /** Two ways to one session that nobody has written to. */
  pair (): readonly [TokenStore, TokenStore]
}

const clock = createTestClock()
const skip = missingPart('redis')
const client = skip === false ? await clientKinds[0]!.connect(tap, (await startRedis(tap)).url) : null
const folder = tap.testdir()
let sessions = 0

const kinds: readonly Kind[] = [
  {
    name: 'in memory',
    skip: false,
    numRuns: 200,
    pair () {
      const store = createMemoryTokenStore()
      return [store, store]
    }
  },
  {
    name: 'in a file',
    skip: false,
    numRuns: 15,
    pair () {
      const path = join(folder, `session-${++sessions}`)
      return [createFileTokenStore({ path, clock }), createFileTokenStore({ path, clock })]
    }
  },
  {
    name: 'in Redis',
    skip,
    numRuns: 50,
    pair () {
      const key = `session-${++sessions}`
      return [createRedisTokenStore({ client: client!, key, clock }), createRedisTokenStore({ client: client!, key, clock })]
    }
  }
]

const tokens = (accessToken: string): TokenSet => ({ accessToken, tokenType: 'DPoP', refreshToken: `${accessToken} refresh`, expiresAt: null, scopes: [] })

/** Who does it, in the place of which of the records there have been, `null` for none, and whether the session ends by it. */
const step = fc.record({ who: fc.constantFrom(0 as const, 1 as const), ago: fc.option(fc.nat({ max: 3 })), over: fc.boolean(), waits: fc.constantFrom(0, 1, -1) })

for (const { name, skip, numRuns, pair } of kinds) {
  test(`tokens ${name}, against a list of what was written (R38, RFSH-06)`, { skip }, async t => {
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
      const stores = pair()
      const written: TokenRecord[] = []
      for (const [index, { who, ago, over, waits }] of steps.entries()) {
        clock.advance(waits)
        const last = written.at(-1) ?? null
        const insteadOf = ago === null ? null : written.at(-1 - ago)?.generation ?? 12_345
        const given = over ? null : tokens(String(index))
        const record = await stores[who].write(given, insteadOf)
        if (insteadOf === (last?.generation ?? null)) {
          if (record === null || record.generation <= (last?.generation ?? 0)) throw new Error('it was to be written')
          written.push({ generation: record.generation, tokens: given })
        } else if (record !== null) throw new Error('there was another one')
        for (const store of stores) {
          if (JSON.stringify(await store.read()) !== JSON.stringify(written.at(-1) ?? null)) throw new Error('that is not the last one')
        }
      }
    }), { numRuns })
    t.pass('never')
  })

  test(`turns ${name} (RFSH-05)`, { skip }, async t => {
    const [here, there] = pair()
    const inside = createDeferred<void>()
    const work = createDeferred<string>()
    const order: string[] = []
    const first = here.exclusively(async () => {
      inside.resolve()
      order.push(await work.promise)
      return 'its result'
    })
    await inside.promise
    const second = there.exclusively(async () => { order.push('second') })
    const gone = new AbortController()
    const third = there.exclusively(async () => { order.push('third') }, gone.signal)
    gone.abort(new Error('gone'))
    await t.rejects(third, /gone/)
    await t.rejects(there.exclusively(async () => { order.push('fourth') }, AbortSignal.abort(new Error('before'))), /before/)
    t.same(order, [])
    work.resolve('first')
    t.equal(await first, 'its result')
    await second
    t.same(order, ['first', 'second'])
    await t.rejects(here.exclusively(async () => { throw new Error('failed') }), /failed/)
    t.equal(await there.exclusively(async () => 'the next one'), 'the next one')
  })
}
