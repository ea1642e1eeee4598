import { test } from 'tap'
import { createMcpSessions } from '../../../lib/mcp/sessions.ts'
import { createMemoryMcpSessionStore } from '../../../lib/stores/mcp-sessions/mcp-session-store.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'

const holder = (subject: string, issuer = 'https://a.example', clientId: string | null = 'c', tokenId = '1'): AccessToken =>
  ({ issuer, subject, clientId, tokenId }) as unknown as AccessToken
const ann = holder('ann')
const notFound = { code: 'FST_OAUTH_MCP_SESSION_UNKNOWN', statusCode: 404 }

test('a session can be used by its owner and by no other user or client [MCPS-28, trap 18]', async t => {
  const sessions = createMcpSessions(createMemoryMcpSessionStore(), 'pass', 1000)
  await sessions.bind('s', ann)
  t.equal(await sessions.check('s', ann), 'pass')
  t.equal(await sessions.check('s', holder('ann', 'https://a.example', 'c', '2')), 'pass', 'with a new token, too')
  for (const [name, other] of [
    ['another subject', holder('bob')], ['another issuer', holder('ann', 'https://b.example')],
    ['another client', holder('ann', 'https://a.example', 'd')], ['no client', holder('ann', 'https://a.example', null)],
    ['a request without a token', null]
  ] as const) await t.rejects(sessions.check('s', other), notFound, name)
})

test('owners are told apart whatever characters their identifiers contain [trap 18]', async t => {
  for (const [one, other] of [
    [holder('b', 'https://a.example', 'c'), holder('b","c', 'https://a.example', null)],
    [holder('a@b', 'https://a.example'), holder('a', 'https://a.example', '@b')],
    [holder('a|b', 'x', 'c'), holder('b', 'x|a', 'c')],
    [holder('null', 'https://a.example', null), holder('null', 'https://a.example', 'null')],
    [holder('a\u0000b', 'x', 'c'), holder('a', 'x\u0000b', 'c')]
  ] as const) {
    const sessions = createMcpSessions(createMemoryMcpSessionStore(), 'pass', 1000)
    await sessions.bind('s', one)
    t.equal(await sessions.check('s', one), 'pass')
    await t.rejects(sessions.check('s', other), notFound)
  }
})

test('a session that the store does not know', async t => {
  t.equal(await createMcpSessions(createMemoryMcpSessionStore(), 'pass', 1000).check('s', ann), 'pass')
  await t.rejects(createMcpSessions(createMemoryMcpSessionStore(), 'refuse', 1000).check('s', ann), notFound)
  await t.rejects(createMcpSessions(createMemoryMcpSessionStore(), 'refuse', 1000).check('s', null), notFound)
})

test('a session that began without a token belongs to the first user who signs in', async t => {
  const sessions = createMcpSessions(createMemoryMcpSessionStore(), 'refuse', 1000)
  await sessions.bind('s', null)
  t.equal(await sessions.check('s', null), 'pass')
  t.equal(await sessions.check('s', ann), 'claimed')
  t.equal(await sessions.check('s', ann), 'pass')
  await t.rejects(sessions.check('s', null), notFound)
  await t.rejects(sessions.check('s', holder('bob')), notFound)
})

test('of two users who sign in to an anonymous session at the same time, one gets it', async t => {
  const memory = createMemoryMcpSessionStore()
  const sessions = createMcpSessions({ bind: async (...args) => memory.bind(...args), ownerOf: async id => memory.ownerOf(id) }, 'pass', 1000)
  await sessions.bind('s', null)
  const outcomes = await Promise.allSettled([sessions.check('s', ann), sessions.check('s', holder('bob'))])
  t.same(outcomes.map(({ status }) => status), ['fulfilled', 'rejected'])
})

test('a session cannot be bound to a second owner', async t => {
  const sessions = createMcpSessions(createMemoryMcpSessionStore(), 'pass', 1000)
  await sessions.bind('s', ann)
  await sessions.bind('s', ann)
  await t.rejects(sessions.bind('s', holder('bob')), { message: 'bindMcpSession: this session belongs to another user or client' })
})

test('a store that does not answer is 503', async t => {
  const failure = new Error('down')
  const sessions = createMcpSessions({ bind: () => 'x', ownerOf: () => { throw failure } }, 'pass', 1000)
  await t.rejects(sessions.check('s', ann), { code: 'FST_OAUTH_UNAVAILABLE', reason: 'session_store_unavailable', retryAfterSeconds: 5, cause: failure })
  const binding = createMcpSessions({ bind: async () => { throw failure }, ownerOf: () => 'null' }, 'pass', 1000)
  await t.rejects(binding.check('s', ann), { code: 'FST_OAUTH_UNAVAILABLE' })
  const silent = createMcpSessions({ bind: () => new Promise(() => {}), ownerOf: () => new Promise(() => {}) }, 'pass', 1)
  await t.rejects(silent.check('s', ann), { code: 'FST_OAUTH_UNAVAILABLE' })
  await t.rejects(silent.bind('s', ann), { name: 'TimeLimitError' })
})
