import { randomUUID } from 'node:crypto'
import { localhostHostValidation, localhostOriginValidation } from '@modelcontextprotocol/fastify'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { isInitializeRequest } from '@modelcontextprotocol/server'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import oauthResourceServer, { mcp } from '../../plugins/index.ts'
import { createEventStore } from './event-store.ts'
import { createFixtureServer, toolNames } from './fixture.ts'

export interface ConformanceServerOptions {
  port: number
  /** Whether it asks for tokens. */
  isProtected: boolean
  /** Origins beside its own that requests may come from: that of the proxy which adds the token. */
  allowedOrigins?: readonly string[]
}

export interface ConformanceServer {
  readonly url: string
  /** A token that may call every tool; it has no meaning for a server that is not protected. */
  readonly token: string
  close (): Promise<void>
}

/** The fixture on `http://localhost:<port>/mcp`, with sessions. */
export async function startConformanceServer (options: ConformanceServerOptions): Promise<ConformanceServer> {
  const { port, isProtected, allowedOrigins = [] } = options
  const origin = `http://localhost:${port}`
  const url = `${origin}/mcp`
  const app = Fastify({ forceCloseConnections: true })
  const issuer = await createIssuer(url)
  if (isProtected) {
    await app.register(oauthResourceServer, {
      resource: url, authorizationServers: [{ issuer: issuer.identifier, jwks: issuer.jwks }], scopes: { 'test:call': 'Call the tools' }
    })
    await app.register(mcp, {
      tools: Object.fromEntries(toolNames.map(name => [name, ['test:call']])),
      undeclaredPrompts: 'token',
      resources: { 'test://': ['test:call'] },
      allowedOrigins: [origin, ...allowedOrigins]
    })
  } else {
    app.addHook('onRequest', localhostHostValidation())
    app.addHook('onRequest', localhostOriginValidation())
  }
  addEndpoint(app, isProtected)
  await app.listen({ port, host: 'localhost' })
  return { url, token: issuer.token, close: () => app.close() }
}

function addEndpoint (app: FastifyInstance, isProtected: boolean): void {
  const transports = new Map<string, NodeStreamableHTTPServerTransport>()
  const begin = async (request: FastifyRequest): Promise<NodeStreamableHTTPServerTransport> => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      eventStore: createEventStore(),
      retryInterval: 500,
      async onsessioninitialized (sessionId) {
        // Only the user and client of this request can use the session from here on.
        if (isProtected) await request.bindMcpSession(sessionId)
        transports.set(sessionId, transport)
      },
      onsessionclosed (sessionId) { transports.delete(sessionId) }
    })
    await createFixtureServer().connect(transport)
    return transport
  }
  app.route({
    ...(isProtected ? app.mcpRoute : {}),
    method: ['GET', 'POST', 'DELETE'],
    url: '/mcp',
    async handler (request: FastifyRequest, reply: FastifyReply) {
      const sessionId = request.headers['mcp-session-id']
      const isFirst = sessionId === undefined && isInitializeRequest(request.body)
      const transport = isFirst ? await begin(request) : transports.get(String(sessionId))
      if (transport === undefined) {
        const status = sessionId === undefined ? 400 : 404
        return await reply.code(status).send({ jsonrpc: '2.0', error: { code: -32001, message: 'Session not found' }, id: null })
      }
      reply.hijack()
      await transport.handleRequest(request.raw, reply.raw, request.body)
    }
  })
}

/** An authorization server that consists of a key. */
async function createIssuer (audience: string): Promise<{ identifier: string, jwks: { keys: object[] }, token: string }> {
  const identifier = 'https://login.example.com'
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const token = await new SignJWT({ client_id: 'conformance', scope: 'test:call' })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
    .setIssuer(identifier).setAudience(audience).setSubject('tester').setJti('1').setIssuedAt().setExpirationTime('1h')
    .sign(privateKey)
  return { identifier, jwks: { keys: [await exportJWK(publicKey)] }, token }
}
