import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair } from 'jose'
import Provider from 'oidc-provider'
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import { resource } from './app.ts'

/** An authorization server that takes the second use of a refresh token for theft, and revokes the whole grant. */
export interface RotatingIssuer {
  readonly issuer: string
  readonly clientId: string
  readonly tokenEndpoint: string
  /** How many token requests it answered, and with which status. */
  readonly statuses: number[]
  /** How many grants it revoked because a refresh token was used twice. */
  revokedGrants (): number
  /** The refresh token of a new grant. */
  grant (): Promise<string>
  /** Lets a token request in when it resolves to true, and breaks the connection at false. At first all are let in. */
  gate: () => Promise<boolean>
}

interface Teardown {
  teardown (close: () => unknown): unknown
}

/** What of oidc-provider only this file uses. */
interface WithRefreshTokens {
  readonly RefreshToken: new (of: object) => { save (): Promise<string> }
  on (event: string, listener: (ctx: unknown) => void): unknown
}

const clientId = 'client-1'

export async function startRotatingIssuer (t: Teardown): Promise<RotatingIssuer> {
  const statuses: number[] = []
  let revoked = 0
  let handle: ReturnType<Provider['callback']> | null = null
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') {
      if (!await self.gate()) {
        request.socket.destroy()
        return
      }
      response.once('finish', () => { statuses.push(response.statusCode) })
    }
    await handle!(request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const provider = new Provider(issuer, {
    adapter: createMemoryAdapter(),
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [{ ...await exportJWK(privateKey), alg: 'ES256', use: 'sig', kid: 'key-1' }] },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'], authorizationSigningAlgValues: ['ES256'] },
    clients: [{
      client_id: clientId, grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['http://127.0.0.1/callback'],
      token_endpoint_auth_method: 'none', id_token_signed_response_alg: 'ES256'
    }],
    responseTypes: ['code'],
    scopes: ['offline_access', 'read'],
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: async () => true,
        getResourceServerInfo: async () => ({ scope: 'read', audience: resource, accessTokenTTL: 300, accessTokenFormat: 'opaque' })
      }
    },
    ttl: { AccessToken: 300, Grant: 86_400, RefreshToken: 86_400 },
    findAccount: async (_ctx, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) })
  })
  handle = provider.callback()
  const { RefreshToken, on } = provider as unknown as WithRefreshTokens
  on.call(provider, 'grant.revoked', () => { revoked++ })

  const self: RotatingIssuer = {
    issuer,
    clientId,
    tokenEndpoint: `${issuer}/token`,
    statuses,
    revokedGrants: () => revoked,
    gate: async () => true,
    async grant () {
      const grant = new provider.Grant({ accountId: 'ann', clientId })
      grant.addOIDCScope('offline_access')
      grant.addResourceScope(resource, 'read')
      const client = await provider.Client.find(clientId)
      return await new RefreshToken({
        accountId: 'ann', client, grantId: await grant.save(), gty: 'authorization_code', resource, scope: 'offline_access read', rotations: 0
      }).save()
    }
  }
  return self
}
