import Fastify from 'fastify'
import type { FastifyRequest, FastifyTypeProvider } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type { AccessToken, McpErrorCode, McpOptions, McpRoute, McpRequirement, McpStream, McpSessionStore } from '../../plugins/index.ts'
import { McpError, createMemoryMcpSessionStore, mcp } from '../../plugins/index.ts'

const app = Fastify()
declare const request: FastifyRequest

interface SchemaProvider extends FastifyTypeProvider {
  readonly validator: this['schema']
  readonly serializer: this['schema']
}

describe('the options of mcp', () => {
  const take = (options: McpOptions): McpOptions => options

  test('are all optional', () => {
    expect(take).type.toBeCallableWith({})
    expect(take).type.toBeCallableWith({
      tools: { a: [], b: ['x'], c: { scopes: ['x'] }, d: { public: true } }, undeclaredTools: 'token', prompts: {}, undeclaredPrompts: 'refuse', resources: {}, undeclaredResources: 'token',
      methods: {},
      allowedOrigins: ['https://a.example'], sessions: createMemoryMcpSessionStore({ maxSessions: 1, idleSeconds: 1 }), unknownSessions: 'refuse', toolChallenges: 'result'
    })
    expect(take).type.toBeCallableWith({ tools: { a: { scopes: ['x'], scopesFor: (given: { readonly amount?: unknown }) => given.amount === 1 ? ['y'] : [] } } })
    expect(app.register).type.toBeCallableWith(mcp, { tools: {} })
  })

  test('have no others', () => {
    expect(take).type.not.toBeCallableWith({ tool: {} })
    expect(take).type.not.toBeCallableWith({ tools: { a: 'x' } })
    expect(take).type.not.toBeCallableWith({ tools: { a: { scope: [] } } })
    expect(take).type.not.toBeCallableWith({ undeclaredTools: 'public' })
    expect(take).type.not.toBeCallableWith({ undeclaredResources: 'public' })
    expect(take).type.not.toBeCallableWith({ sessions: { bind: () => 1 } })
  })

  test('take what is read-only', () => {
    expect<readonly string[]>().type.toBeAssignableTo<McpRequirement>()
    expect<{ bind (id: string, owner: string): Promise<string>, ownerOf (id: string): Promise<null> }>().type.toBeAssignableTo<McpSessionStore>()
  })
})

describe('what mcp decorates with', () => {
  test('app.mcpRoute is spread into a route', () => {
    expect(app.mcpRoute).type.toBe<McpRoute>()
    expect(app.route).type.toBeCallableWith({ ...app.mcpRoute, method: 'POST', url: '/', handler: async () => 'ok' })
    expect(app.post).type.toBeCallableWith('/', app.mcpRoute, async () => 'ok')
  })

  test('app.mcpRoute is spread into a route of an HTTP/2 server, and of one with a type provider', () => {
    const plain = Fastify({ http2: true })
    expect(plain.route).type.toBeCallableWith({ ...plain.mcpRoute, method: 'POST', url: '/', handler: async () => 'ok' })
    expect(plain.post).type.toBeCallableWith('/', plain.mcpRoute, async () => 'ok')
    const secure = Fastify({ http2: true, https: {} })
    expect(secure.route).type.toBeCallableWith({ ...secure.mcpRoute, method: 'POST', url: '/', handler: async () => 'ok' })
    const typed = secure.withTypeProvider<SchemaProvider>()
    expect(typed.post).type.toBeCallableWith('/', typed.mcpRoute, async () => 'ok')
    Fastify({ http2: true }).post('/', async request => {
      expect(app.mcpVisibleTools(request, ['a'])).type.toBe<Array<'a'>>()
    })
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
