import { EventEmitter } from 'node:events'
import { test } from 'tap'
import type { McpEndpoint } from '../../../lib/mcp/endpoint.ts'
import { createMcpEndpoint, hasMessage } from '../../../lib/mcp/endpoint.ts'
import type { StreamResponse } from '../../../lib/mcp/streams.ts'
import { parseIdentifier } from '../../../lib/identifier.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'

const clock = createTestClock()
const config = {
  identifier: parseIdentifier('https://mcp.example.com/mcp', false),
  scopeImplies: null,
  issuers: [
    { rule: { issuer: 'https://other.example', clockToleranceSeconds: 5 } }, { rule: { issuer: 'https://login.example.com', clockToleranceSeconds: 60 } }
  ],
  clockToleranceSeconds: 30,
  lookupTimeoutMs: 1000,
  clock
}

class FakeResponse extends EventEmitter implements StreamResponse {
  headersSent = true
  writableEnded = false

  end (): void {
    this.writableEnded = true
    this.emit('ended')
  }
}

async function open (t: { teardown (close: () => unknown): unknown }, endpoint: McpEndpoint, accessToken: AccessToken | null, sessionId?: string): Promise<FakeResponse> {
  const response = new FakeResponse()
  t.teardown(() => response.emit('close'))
  await endpoint.authorize({ method: 'GET', headers: { ...sessionId !== undefined && { 'mcp-session-id': sessionId } }, body: undefined, accessToken }, response as never)
  return response
}

test('where nothing is public, a request without a token is refused, whatever its method', async t => {
  const response = new FakeResponse() as never
  for (const method of ['GET', 'DELETE', 'POST']) {
    await t.rejects(createMcpEndpoint({ tools: { a: [] } }, config).authorize({ method, headers: {}, body: [], accessToken: null }, response), { code: 'FST_OAUTH_TOKEN_MISSING' }, method)
  }
  await t.resolves(open(t, createMcpEndpoint({ tools: { a: { public: true } } }, config), null))
})

test('a stream ends when its token is refused: with the tolerance of its issuer, else with that of the options [MCPS-32]', async t => {
  const endpoint = createMcpEndpoint({ tools: { a: [] } }, config)
  const now = clock.now() / 1000
  const opened = async (issuer: string, secondsAgo: number): Promise<FakeResponse> => await open(t, endpoint, accessTokenOf({ issuer, expiresAt: now - secondsAgo }))
  const live = [await opened('https://login.example.com', 40), await opened('https://unknown.example', 20), await opened('https://other.example', 1)]
  const over = [await opened('https://unknown.example', 40), await opened('https://other.example', 20)]
  for (const stream of over) if (!stream.writableEnded) await new Promise(resolve => stream.once('ended', resolve))
  t.same(live.map(stream => stream.writableEnded), [false, false, false])
})

test('a session that gets an owner loses the streams that were opened without a token, and no others', async t => {
  const endpoint = createMcpEndpoint({ tools: { a: { public: true } } }, config)
  const ann = accessTokenOf({ expiresAt: null })
  for (const id of ['s-1', 's-2']) await endpoint.sessions.bind(id, null)
  const anonymous = await open(t, endpoint, null, 's-1')
  const elsewhere = await open(t, endpoint, null, 's-2')
  const annsOther = await open(t, endpoint, ann, 's-3')
  const first = await open(t, endpoint, ann, 's-1')
  t.same([anonymous, elsewhere, annsOther, first].map(stream => stream.writableEnded), [true, false, false, false])
  const again = await open(t, endpoint, ann, 's-1')
  t.same([first, again].map(stream => stream.writableEnded), [false, false])
})

test('two requests that claim a session at the same time do not end each other\'s streams', async t => {
  // Both found it without an owner.
  const sessions = { ownerOf: () => 'null', bind: (_id: string, owner: string) => owner }
  const endpoint = createMcpEndpoint({ tools: { a: { public: true } }, sessions }, config)
  const ann = accessTokenOf({ expiresAt: null })
  const streams = [await open(t, endpoint, null, 's'), await open(t, endpoint, ann, 's'), await open(t, endpoint, ann, 's')]
  t.same(streams.map(stream => stream.writableEnded), [true, false, false])
})

test('a stream has the id of its session, and none where the request names none', async t => {
  const endpoint = createMcpEndpoint({ tools: { a: [] } }, config)
  const ann = accessTokenOf({ expiresAt: null })
  await open(t, endpoint, ann)
  await open(t, endpoint, ann, 's')
  const ids: unknown[] = []
  endpoint.streams.close(({ sessionId }) => { ids.push(sessionId); return false })
  t.strictSame(ids, [null, 's'])
})

test('sessions in memory are forgotten by the clock of the options', async t => {
  const own = createTestClock()
  const { sessions } = createMcpEndpoint({ tools: { a: [] }, unknownSessions: 'refuse' }, { ...config, clock: own })
  const ann = accessTokenOf({ expiresAt: null })
  await sessions.bind('s', ann)
  t.equal(await sessions.check('s', ann), 'pass')
  own.advance(86_400)
  await t.rejects(sessions.check('s', ann), { code: 'FST_OAUTH_MCP_SESSION_UNKNOWN' })
})

test('requests whose method has no body have no message, HEAD among them', t => {
  t.strictSame(['GET', 'HEAD', 'DELETE', 'POST'].map(hasMessage), [false, false, false, true])
  t.end()
})

test('a body that cannot be read asks for no scopes', t => {
  const { scopesOf } = createMcpEndpoint({ tools: { a: ['read'] } }, config)
  t.strictSame(scopesOf({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a' } }), ['read'])
  for (const body of [undefined, null, 'x', {}, { jsonrpc: '2.0', id: 1, method: 5 }]) t.strictSame(scopesOf(body), [], JSON.stringify(body))
  t.end()
})
