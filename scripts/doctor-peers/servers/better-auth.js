import { metadataResponse } from '@better-auth/oauth-provider'
import { oauthProviderResourceClient } from '@better-auth/oauth-provider/resource-client'
import { createAuthClient } from 'better-auth/client'
import { isAPIError } from 'better-auth/api'
import { toNodeHandler } from 'better-auth/node'
import cors from 'cors'
import express from 'express'

/** @type {import('../servers.js').CreateServer} */
export async function createServer ({ resource, issuer, issuerMetadata, origin }) {
  const serverClient = createAuthClient({ plugins: [oauthProviderResourceClient()] })
  const options = { jwksUrl: issuerMetadata.jwks_uri, verifyOptions: { issuer, audience: resource, typ: 'at+jwt' }, requiredScopes: ['notes:read'] }
  const notes = async request => {
    try {
      await serverClient.verifyAccessTokenRequest(request, options)
      return Response.json(['Buy milk'])
    } catch (error) {
      if (!isAPIError(error)) throw error
      return Response.json(error.body, { status: error.statusCode, headers: error.headers })
    }
  }
  const document = await serverClient.getProtectedResourceMetadata(
    { resource, authorization_servers: [issuer], scopes_supported: ['notes:read'], resource_name: 'Notes', bearer_methods_supported: ['header'] },
    { externalScopes: ['notes:read'] }
  )
  const app = express()
  app.use(cors({ origin, exposedHeaders: ['WWW-Authenticate'] }))
  app.get('/notes', toNodeHandler(notes))
  app.get('/.well-known/oauth-protected-resource', toNodeHandler(async () => metadataResponse(document)))
  return app
}
