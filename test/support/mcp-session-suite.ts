import { test } from 'tap'
import type { McpSessionStore } from '../../lib/stores/mcp-sessions/mcp-session-store.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'

/** Makes two ways to one empty store. */
export type MakeMcpSessionStores = (clock: TestClock) => readonly [McpSessionStore, McpSessionStore]

/** What every store of MCP sessions promises. */
export function mcpSessionSuite (name: string, make: MakeMcpSessionStores): void {
  test(`${name}: the first owner of a session stays, unless it is the one to be replaced`, async t => {
    const [store, other] = make(createTestClock())
    t.equal(await store.ownerOf('s'), null)
    t.equal(await store.bind('s', 'ann'), 'ann')
    t.equal(await other.ownerOf('s'), 'ann')
    t.equal(await other.bind('s', 'ann'), 'ann')
    t.equal(await other.bind('s', 'bob'), 'ann')
    t.equal(await other.bind('s', 'bob', 'eve'), 'ann')
    t.equal(await other.bind('s', 'bob', 'ann'), 'bob')
    t.equal(await store.ownerOf('s'), 'bob')
    t.equal(await store.bind('s', 'ann', ''), 'bob', 'an empty owner is an owner')
    t.equal(await store.ownerOf('S'), null)
  })

  test(`${name}: of many servers that bind one session at once, all learn of the same owner`, async t => {
    const stores = make(createTestClock())
    for (let round = 0; round < 10; round++) {
      const owners = await Promise.all(Array.from({ length: 20 }, async (_none, i) => await stores[i % 2]!.bind(`session ${round}`, `owner ${i}`)))
      t.equal(new Set(owners).size, 1)
      const heirs = await Promise.all(Array.from({ length: 20 }, async (_none, i) => await stores[i % 2]!.bind(`session ${round}`, `heir ${i}`, owners[0])))
      t.equal(new Set(heirs).size, 1, 'and one of them replaces it')
      t.match(heirs[0], /^heir/)
    }
  })

  test(`${name}: ids and owners may be any text`, async t => {
    const [store, other] = make(createTestClock())
    const texts = ['', ' ', 'ä', '{a}', '*', 'a\0', 'null', 'x'.repeat(5000), `${'x'.repeat(5000)}y`]
    for (const text of texts) t.equal(await store.bind(text, `owner ${text}`), `owner ${text}`)
    for (const text of texts) t.equal(await other.ownerOf(text), `owner ${text}`)
    for (const owner of texts) {
      t.equal(await store.bind(`of ${owner}`, owner), owner)
      t.equal(await other.bind(`of ${owner}`, 'another'), owner)
      t.equal(await other.bind(`of ${owner}`, 'another', owner), 'another')
    }
  })
}
