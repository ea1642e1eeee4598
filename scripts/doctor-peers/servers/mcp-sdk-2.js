import { createMcpExpressApp, getOAuthProtectedResourceMetadataUrl, mcpAuthMetadataRouter, requireBearerAuth } from '@modelcontextprotocol/express'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { OAuthError, OAuthErrorCode, createMcpHandler } from '@modelcontextprotocol/server'
import cors from 'cors'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { createMcpServer } from './mcp-server.js'

/** @type {import('../servers.js').CreateServer} */
export async function createServer ({ resource, issuer, issuerMetadata, origin }) {
  const url = new URL(resource)
  const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(url)
  const keys = createRemoteJWKSet(new URL(issuerMetadata.jwks_uri))
  const verifier = {
    async verifyAccessToken (token) {
      const { payload } = await jwtVerify(token, keys, { issuer, audience: resource, typ: 'at+jwt' })
        .catch(error => { throw new OAuthError(OAuthErrorCode.InvalidToken, error.message) })
      return { token, clientId: payload.client_id, scopes: payload.scope.split(' '), expiresAt: payload.exp, resource: new URL(payload.aud) }
    }
  }
  const app = createMcpExpressApp({ allowedHosts: ['localhost'], allowedOrigins: [new URL(origin).hostname] })
  app.use(cors({ origin, exposedHeaders: ['WWW-Authenticate', 'Mcp-Session-Id'] }))
  app.use(mcpAuthMetadataRouter({ oauthMetadata: issuerMetadata, resourceServerUrl: url, scopesSupported: ['notes:read'], resourceName: 'Notes' }))
  const auth = requireBearerAuth({ verifier, requiredScopes: ['notes:read'], resourceMetadataUrl, expectedResource: url })
  const handler = toNodeHandler(createMcpHandler(createMcpServer, { scopeChallenge: { resourceMetadataUrl } }))
  app.all('/mcp', auth, async (request, response) => { await handler(request, response, request.body) })
  return app
}
