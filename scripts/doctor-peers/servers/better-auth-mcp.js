import { createMcpProtectedRequestHandler } from '@better-auth/mcp'
import { metadataResponse } from '@better-auth/oauth-provider'
import { oauthProviderResourceClient } from '@better-auth/oauth-provider/resource-client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { createMcpHandler } from '@modelcontextprotocol/server'
import { createAuthClient } from 'better-auth/client'
import cors from 'cors'
import express from 'express'
import { createMcpServer } from './mcp-server.js'

/** @type {import('../servers.js').CreateServer} */
export async function createServer ({ resource, issuer, issuerMetadata, origin }) {
  const serverClient = createAuthClient({ plugins: [oauthProviderResourceClient()] })
  const handler = createMcpHandler(createMcpServer)
  const guarded = createMcpProtectedRequestHandler(
    { issuer, audience: resource, jwksUrl: issuerMetadata.jwks_uri, jwtVerifyOptions: { typ: 'at+jwt' }, requiredScopes: ['notes:read'] },
    async request => await handler.fetch(request)
  )
  const document = await serverClient.getProtectedResourceMetadata(
    { resource, authorization_servers: [issuer], scopes_supported: ['notes:read'], resource_name: 'Notes', bearer_methods_supported: ['header'] },
    { externalScopes: ['notes:read'] }
  )
  const app = express()
  app.use(cors({ origin, exposedHeaders: ['WWW-Authenticate', 'Mcp-Session-Id'] }))
  app.all('/mcp', toNodeHandler({ fetch: guarded }))
  app.get('/.well-known/oauth-protected-resource/mcp', toNodeHandler({ fetch: async () => metadataResponse(document) }))
  return app
}
