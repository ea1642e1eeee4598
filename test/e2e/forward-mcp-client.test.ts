import type { CallToolResult, VersionNegotiationOptions } from '@modelcontextprotocol/client'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer, createMcpHandler } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import { test } from 'tap'
import { z } from 'zod'
import { createRefresh } from '../../lib/client/oauth/refresh-token.ts'
import { createSession } from '../../lib/client/session/session.ts'
import type { Session } from '../../lib/client/session/session.ts'
import { createMemoryTokenStore } from '../../lib/stores/tokens/token-store.ts'
import oauthResourceServer, { createMemoryRevocationStore, mcp } from '../../plugins/index.ts'
import { forward } from '../../plugins/entry-points/forward.ts'
import { createFakeIssuer } from '../support/issuer.ts'

interface Upstream {
  readonly url: string
  readonly session: Session
  /** The refresh tokens that the token endpoint was shown, in order. */
  readonly presented: string[]
  /** Call → how often it was executed. */
  readonly executed: Map<string, number>
  /** The requests that reached the server and were refused. */
  refusals (): number
  /** The server takes the current access token no more. */
  killToken (): Promise<void>
}

/** A protected MCP server, an issuer that rotates refresh tokens and takes one that comes twice for stolen, and a session at both. */
async function startUpstream (t: Test): Promise<Upstream> {
  const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
  t.teardown(() => app.close())
  const resource = 'https://mcp.example.com/mcp'
  const issuer = await createFakeIssuer({ audience: resource })
  const revocations = createMemoryRevocationStore()
  const executed = new Map<string, number>()
  let refused = 0

  const createServer = (): McpServer => {
    const server = new McpServer({ name: 'counter', version: '1.0.0' })
    server.registerTool('count', { inputSchema: z.object({ call: z.string() }) }, ({ call }) => {
      executed.set(call, (executed.get(call) ?? 0) + 1)
      return { content: [{ type: 'text', text: call }] }
    })
    return server
  }
  await app.register(async scope => {
    await scope.register(oauthResourceServer, { resource, authorizationServers: [issuer.issuer], fetch: issuer.fetch, revocations })
    await scope.register(mcp, { tools: { count: [] } })
    scope.addHook('onSend', async (_request, reply) => { if (reply.statusCode === 401) refused++ })
    const handle = toNodeHandler(createMcpHandler(createServer))
    scope.route({
      ...scope.mcpRoute,
      method: ['GET', 'POST', 'DELETE'],
      url: '/mcp',
      async handler (request, reply) {
        reply.hijack()
        const { raw, headers, method } = request
        await handle({ method, url: '/mcp', headers, [Symbol.asyncIterator]: () => raw[Symbol.asyncIterator]() }, reply.raw, request.body)
      }
    })
  })

  const presented: string[] = []
  let live = 'refresh-0'
  await app.register(async scope => {
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(body as string)))
    })
    scope.post('/token', async (request, reply) => {
      const { refresh_token: shown } = request.body as { refresh_token: string }
      presented.push(shown)
      if (shown !== live) return reply.code(400).send({ error: 'invalid_grant' })
      live = `refresh-${presented.length}`
      return { access_token: await issuer.token(), token_type: 'Bearer', expires_in: 300, refresh_token: live }
    })
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const session = createSession({
    tokenStore: createMemoryTokenStore(),
    refresh: createRefresh({
      server: { issuer: issuer.issuer, token_endpoint: `${origin}/token` }, clientId: 'proxy', authentication: { method: 'none' }, resource
    })
  })
  t.teardown(() => session.close())
  await session.signIn({ accessToken: await issuer.token(), tokenType: 'Bearer', refreshToken: live, expiresAt: Date.now() + 300_000, scopes: null })
  return {
    url: `${origin}/mcp`,
    session,
    presented,
    executed,
    refusals: () => refused,
    async killToken () {
      const { jti } = decodeJwt((await session.token()).accessToken)
      await revocations.revoke({ issuer: issuer.issuer, tokenId: jti! })
    }
  }
}

const negotiations: ReadonlyArray<{ name: string, versionNegotiation: VersionNegotiationOptions }> = [
  { name: 'the handshake of 2025', versionNegotiation: { mode: 'legacy' } },
  { name: 'stateless, as of 2026-07-28', versionNegotiation: { mode: { pin: '2026-07-28' } } }
]

for (const { name, versionNegotiation } of negotiations) {
  test(`a hundred tool calls after the token was killed, ${name}: one token request, every call answered, none executed twice (F72, R23)`, async t => {
    const upstream = await startUpstream(t)
    const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
    t.teardown(() => app.close())
    await app.register(forward)
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { url, secret } = app.forwardTargets.register({
      name: 'counter', identity: 'user-1', upstream: upstream.url, credential: { session: upstream.session }
    })

    const client = new Client({ name: 'test', version: '1.0.0' }, { versionNegotiation })
    t.teardown(() => client.close())
    await client.connect(new StreamableHTTPClientTransport(new URL(url!), { requestInit: { headers: { authorization: `Bearer ${secret}` } } }))
    const call = async (id: string): Promise<unknown> => {
      const { content } = await client.callTool({ name: 'count', arguments: { call: id } }) as CallToolResult
      return content[0]?.type === 'text' ? content[0].text : undefined
    }
    t.equal(await call('before'), 'before')
    t.same(upstream.presented, [])

    await upstream.killToken()
    const ids = Array.from({ length: 100 }, (_, i) => `call-${i}`)
    t.same(await Promise.all(ids.map(call)), ids, 'every call is answered')
    t.same(upstream.presented, ['refresh-0'], 'one token request')
    t.same([...upstream.executed.values()], Array.from({ length: 101 }, () => 1), 'no call is executed twice')
    t.ok(upstream.refusals() >= 1 && upstream.refusals() <= 100, 'R19 no call was refused twice')

    await upstream.killToken()
    t.equal(await call('after'), 'after')
    t.same(upstream.presented, ['refresh-0', 'refresh-1'], 'the session lives on')
  })
}
