import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import Fastify from 'fastify'
import type { McpOptions, OAuthResourceServerOptions } from '../../plugins/index.ts'
import oauthResourceServer, { mcp } from '../../plugins/index.ts'
import { bearer } from './app.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'
import type { FakeIssuer } from './issuer.ts'
import { createFakeIssuer } from './issuer.ts'

export const mcpResource = 'https://mcp.example.com/mcp'
export const mcpPointer = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'

/** Public, for any token, and for scopes: every kind of tool. */
export const mixedTools: NonNullable<McpOptions['tools']> = {
  time: { public: true }, whoami: [], list_notes: ['notes:read'], delete_note: { scopes: ['notes:read', 'notes:write'] }
}
/** The same without what is public. */
export const protectedTools: NonNullable<McpOptions['tools']> = { whoami: [], list_notes: ['notes:read'], delete_note: ['notes:read', 'notes:write'] }

/** A protected MCP endpoint whose handler answers what a test wants to know: what came as far as the SDK would. */
export interface McpTestServer {
  readonly app: FastifyInstance
  readonly issuer: FakeIssuer
  readonly clock: TestClock
  /** The bodies that reached the handler, in order. */
  readonly handled: unknown[]
  /** POST /mcp, with a token that has these scopes or without one (`null`). */
  post (body: unknown, scope: string | null, request?: InjectOptions): Promise<LightMyRequestResponse>
}

export interface McpTestServerOptions {
  readonly mcp?: McpOptions
  readonly options?: Partial<OAuthResourceServerOptions>
  /** Adds routes to the scope of the endpoint. */
  readonly routes?: (app: FastifyInstance) => void
}

export async function createMcpTestServer (
  t: { teardown (close: () => unknown): unknown }, given: McpTestServerOptions = {}
): Promise<McpTestServer> {
  const clock = createTestClock()
  const audience = given.options?.resource ?? mcpResource
  const issuer = await createFakeIssuer({ clock, audience })
  const app = Fastify() as FastifyInstance
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, {
    resource: audience, authorizationServers: [issuer.issuer], fetch: issuer.fetch, clock, ...given.options
  })
  await app.register(mcp, given.mcp ?? { tools: protectedTools })
  const handled: unknown[] = []
  app.route({
    ...app.mcpRoute,
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    async handler (request) {
      handled.push(request.body)
      return { auth: (request.raw as { auth?: unknown }).auth ?? null, subject: request.accessToken?.subject ?? null }
    }
  })
  given.routes?.(app)
  return {
    app,
    issuer,
    clock,
    handled,
    async post (body, scope, request = {}) {
      const credentials = scope === null ? {} : bearer(await issuer.token({ scope }))
      return await app.inject({
        method: 'POST',
        url: '/mcp',
        ...(body === undefined ? {} : { payload: body as object }),
        ...request,
        headers: { ...credentials, ...request.headers }
      })
    }
  }
}

export const call = (name: string, id: string | number = 1): Record<string, unknown> =>
  ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })
export const message = (method: string, params: Record<string, unknown> = {}, id: string | number = 1): Record<string, unknown> =>
  ({ jsonrpc: '2.0', id, method, params })
