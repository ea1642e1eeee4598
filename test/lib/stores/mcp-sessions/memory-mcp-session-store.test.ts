import { test } from 'tap'
import { createMemoryMcpSessionStore } from '../../../../lib/stores/mcp-sessions/mcp-session-store.ts'
import { createTestClock } from '../../../support/clock.ts'

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

test('there are never more sessions than allowed', t => {
  const store = createMemoryMcpSessionStore({ maxSessions: 2 })
  for (const id of ['a', 'b']) t.equal(store.bind(id, 'ann'), 'ann')
  t.equal(store.ownerOf('a'), 'ann')
  t.equal(store.bind('c', 'ann'), 'ann')
  t.same(['a', 'b', 'c'].map(id => store.ownerOf(id)), ['ann', null, 'ann'])
  t.end()
})
