import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import cors from 'cors'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/** @type {import('../servers.js').CreateServer} */
export async function createServer ({ resource, issuer, issuerMetadata, origin }) {
  const url = new URL(resource)
  const keys = createRemoteJWKSet(new URL(issuerMetadata.jwks_uri))
  const verifier = {
    async verifyAccessToken (token) {
      const { payload } = await jwtVerify(token, keys, { issuer, audience: resource, typ: 'at+jwt' })
        .catch(error => { throw new InvalidTokenError(error.message) })
      return { token, clientId: payload.client_id, scopes: payload.scope.split(' '), expiresAt: payload.exp, resource: new URL(payload.aud) }
    }
  }
  const app = createMcpExpressApp()
  app.use(cors({ origin, exposedHeaders: ['WWW-Authenticate', 'Mcp-Session-Id'] }))
  app.use(mcpAuthMetadataRouter({ oauthMetadata: issuerMetadata, resourceServerUrl: url, scopesSupported: ['notes:read'], resourceName: 'Notes' }))
  app.use('/mcp', requireBearerAuth({
    verifier,
    requiredScopes: ['notes:read'],
    resourceMetadataUrl: getOAuthProtectedResourceMetadataUrl(url),
    expectedResource: url
  }))
  app.post('/mcp', async (request, response) => {
    const server = new McpServer({ name: 'notes', version: '1.0.0' })
    server.registerTool('list_notes', { description: 'All notes' }, async () => ({ content: [{ type: 'text', text: 'Buy milk' }] }))
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined })
    response.on('close', async () => { await transport.close() })
    await server.connect(transport)
    await transport.handleRequest(request, response, request.body)
  })
  app.all('/mcp', (_request, response) => { response.status(405).json({ jsonrpc: '2.0', error: { code: -32000, message: 'Method not allowed.' }, id: null }) })
  return app
}
