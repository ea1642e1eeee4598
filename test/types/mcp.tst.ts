import Fastify from 'fastify'
import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type { AccessToken, McpErrorCode, McpOptions, McpRoute, McpRule, McpStream, SessionStore } from '../../plugins/index.ts'
import { McpError, createMemorySessionStore, mcp } from '../../plugins/index.ts'

const app = Fastify()
declare const request: FastifyRequest

describe('the options of mcp', () => {
  const take = (options: McpOptions): McpOptions => options

  test('are all optional', () => {
    expect(take).type.toBeCallableWith({})
    expect(take).type.toBeCallableWith({
      tools: { a: [], b: ['x'], c: { scopes: ['x'] }, d: { public: true } }, undeclaredTools: 'token', prompts: {}, resources: {}, methods: {},
      allowedOrigins: ['https://a.example'], sessions: createMemorySessionStore({ maxSessions: 1, idleSeconds: 1 }), unknownSessions: 'refuse'
    })
    expect(app.register).type.toBeCallableWith(mcp, { tools: {} })
  })

  test('have no others', () => {
    expect(take).type.not.toBeCallableWith({ tool: {} })
    expect(take).type.not.toBeCallableWith({ tools: { a: 'x' } })
    expect(take).type.not.toBeCallableWith({ tools: { a: { scope: [] } } })
    expect(take).type.not.toBeCallableWith({ undeclaredTools: 'public' })
    expect(take).type.not.toBeCallableWith({ sessions: { bind: () => 1 } })
  })

  test('take what is read-only', () => {
    expect<readonly string[]>().type.toBeAssignableTo<McpRule>()
    expect<{ bind (id: string, owner: string): Promise<string>, ownerOf (id: string): Promise<null> }>().type.toBeAssignableTo<SessionStore>()
  })
})

describe('what mcp decorates with', () => {
  test('app.mcpRoute is spread into a route', () => {
    expect(app.mcpRoute).type.toBe<McpRoute>()
    expect(app.route).type.toBeCallableWith({ ...app.mcpRoute, method: 'POST', url: '/', handler: async () => 'ok' })
    expect(app.post).type.toBeCallableWith('/', app.mcpRoute, async () => 'ok')
  })

  test('lists keep their members\' type', () => {
    expect(app.mcpVisibleTools(request, ['a', 'b'])).type.toBe<Array<'a' | 'b'>>()
    expect(app.mcpVisibleTools(request, [{ name: 'a', title: 'A' }])).type.toBe<Array<{ name: string, title: string }>>()
    expect(app.mcpVisibleTools).type.not.toBeCallableWith(request, [1])
  })

  test('streams and sessions', () => {
    expect(app.closeMcpStreams(({ accessToken, sessionId }) => accessToken?.subject === 'ann' || sessionId === null)).type.toBe<number>()
    expect<McpStream['accessToken']>().type.toBe<AccessToken | null>()
    expect(request.bindMcpSession('id')).type.toBe<Promise<void>>()
  })

  test('a route may say that it is no endpoint', () => {
    expect(app.post).type.toBeCallableWith('/', { config: { mcp: false } }, async () => 'ok')
    expect(request.routeOptions.config.mcp).type.toBe<boolean | undefined>()
  })
})

test('errors of mcp', () => {
  expect(new McpError('FST_OAUTH_MCP_SESSION_UNKNOWN').code).type.toBe<McpErrorCode>()
  expect(McpError).type.not.toBeConstructableWith('FST_OAUTH_TOKEN_MISSING')
})
