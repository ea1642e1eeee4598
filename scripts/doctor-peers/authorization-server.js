import { randomBytes } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { listen } from './listen.js'

const clientId = 'doctor'
const clientSecret = randomBytes(32).toString('base64url')

/**
 * An authorization server on this machine that issues access tokens by RFC 9068 for any resource. All servers share it.
 *
 * @typedef {{ issuer: string, metadata: Record<string, unknown>, token (resource: string): Promise<string>, close (): void }} AuthorizationServer
 * @returns {Promise<AuthorizationServer>}
 */
export async function startAuthorizationServer () {
  const server = await listen()
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const provider = new Provider(server.origin, {
    jwks: { keys: [{ ...await exportJWK(privateKey), alg: 'RS256', use: 'sig', kid: 'key-1' }] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    clients: [{ client_id: clientId, client_secret: clientSecret, grant_types: ['client_credentials'], response_types: [], redirect_uris: [] }],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      registration: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async (_context, resource) => ({ scope: 'notes:read', audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 600 })
      }
    }
  })
  server.handle(provider.callback())

  const metadata = await json(await fetch(`${server.origin}/.well-known/openid-configuration`))
  return {
    issuer: server.origin,
    metadata,
    async token (resource) {
      const response = await fetch(metadata.token_endpoint, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret, resource, scope: 'notes:read' })
      })
      return (await json(response)).access_token
    },
    close: server.close
  }
}

async function json (response) {
  if (!response.ok) throw new Error(`${response.url} got ${response.status}: ${await response.text()}`)
  return await response.json()
}
