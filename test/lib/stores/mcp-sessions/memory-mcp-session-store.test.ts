import { hash } from 'node:crypto'
import { test } from 'tap'
import { createMemoryMcpSessionStore } from '../../../../lib/stores/mcp-sessions/mcp-session-store.ts'
import { createTestClock } from '../../../support/clock.ts'
import { mcpSessionSuite } from '../../../support/mcp-session-suite.ts'

mcpSessionSuite('MCP sessions in memory', clock => {
  const store = createMemoryMcpSessionStore({ clock })
  return [store, store]
})

test('a session that is not used is forgotten, one that is used is not', t => {
  const clock = createTestClock()
  const store = createMemoryMcpSessionStore({ clock, idleSeconds: 60 })
  for (const id of ['used', 'idle']) t.equal(store.bind(id, 'ann'), 'ann')
  clock.advance(59)
  t.equal(store.ownerOf('used'), 'ann')
  clock.advance(59)
  t.equal(store.ownerOf('used'), 'ann')
  t.equal(store.ownerOf('idle'), null)
  t.equal(store.bind('idle', 'bob'), 'bob')
  t.end()
})

test('a session is forgotten in the second in which it was not used for idleSeconds', t => {
  const clock = createTestClock()
  const store = createMemoryMcpSessionStore({ clock, idleSeconds: 60 })
  t.equal(store.bind('a', 'ann'), 'ann')
  clock.advance(59.999)
  t.equal(store.bind('a', 'bob'), 'ann', 'a call counts as use')
  clock.advance(59.999)
  t.equal(store.bind('a', 'bob'), 'ann')
  clock.advance(60)
  t.equal(store.ownerOf('a'), null)
  clock.advance(-60)
  t.equal(store.ownerOf('a'), null, 'forgotten, also when the clock is set back')
  t.end()
})

test('ids of any length are told apart, those that are digests of others too', t => {
  const store = createMemoryMcpSessionStore()
  const ids = ['', 'x', 'x'.repeat(43), 'x'.repeat(64), 'x'.repeat(65), `${'x'.repeat(65)}y`]
  const digests = ids.flatMap(id => (['base64url', 'hex'] as const).map(encoding => hash('sha256', id, encoding)))
  for (const id of [...ids, ...digests]) t.equal(store.bind(id, `owner of ${id}`), `owner of ${id}`)
  for (const id of [...ids, ...digests]) t.equal(store.ownerOf(id), `owner of ${id}`)
  t.end()
})

test('there are never more sessions than allowed', t => {
  const store = createMemoryMcpSessionStore({ maxSessions: 2 })
  for (const id of ['a', 'b']) t.equal(store.bind(id, 'ann'), 'ann')
  t.equal(store.ownerOf('a'), 'ann')
  t.equal(store.bind('c', 'ann'), 'ann')
  t.same(['a', 'b', 'c'].map(id => store.ownerOf(id)), ['ann', null, 'ann'])
  t.end()
})
