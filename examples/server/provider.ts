import { generateKeyPairSync, randomBytes } from 'node:crypto'
import Provider, { errors } from 'oidc-provider'
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import { findAccount } from './accounts.ts'
import { errorPage } from './pages.ts'
import type { Resource } from './resources.ts'

export interface ProviderOptions {
  issuer: string
  /** What it grants access to; the first where a client does not say. */
  resources: readonly [Resource, ...Resource[]]
  /** Fetches client ID metadata documents. Default: the global `fetch`, kept from special-use addresses. */
  fetch?: typeof fetch
}

/** oidc-provider, configured for what the clients of MCP servers do. Everything it knows is lost when it stops. */
export function createProvider ({ issuer, resources, fetch }: ProviderOptions): Provider {
  const scopes = new Set(resources.flatMap(resource => Object.keys(resource.scopes)))
  return new Provider(issuer, {
    adapter: createMemoryAdapter(),
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [createSigningKey()] },
    ...(fetch === undefined ? {} : { fetch }),

    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'none'
    },
    responseTypes: ['code'],
    pkce: { required: () => true },
    scopes: ['openid', 'offline_access', ...scopes],
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'], authorizationSigningAlgValues: ['ES256'] },

    // MCP clients register with the scope of the first challenge, and oidc-provider takes that for a limit: asking for
    // more later on, which is what a 403 tells them to do, would end in invalid_scope.
    extraClientMetadata: {
      properties: ['scope'],
      validator (_ctx, key, _value, metadata) { if (key === 'scope') delete metadata.scope }
    },
    // They rarely ask for offline_access; what they register says whether they can refresh.
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    clientBasedCORS: (_ctx: unknown, origin: string, client: { redirectUris?: readonly string[] }) =>
      client.redirectUris?.some(uri => URL.canParse(uri) && new URL(uri).origin === origin) ?? false,

    features: {
      devInteractions: { enabled: false },
      // Its requests come in a body, where the default scope is not seen.
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      // The protected server takes Bearer tokens; one that is bound to a key would be refused.
      dPoP: { enabled: false },
      registration: { enabled: true },
      clientIdMetadataDocument: { enabled: true, ack: 'draft-02' },
      resourceIndicators: {
        enabled: true,
        defaultResource: async (_ctx, _client, oneOf) => oneOf ?? resources[0].identifier,
        // Otherwise a client that repeats no resource at the token endpoint gets a token for the userinfo endpoint.
        useGrantedResource: async () => true,
        async getResourceServerInfo (_ctx, identifier) {
          const resource = resources.find(one => one.identifier === identifier)
          if (resource === undefined) throw new errors.InvalidTarget()
          return {
            scope: Object.keys(resource.scopes).join(' '),
            audience: resource.identifier,
            accessTokenTTL: 15 * 60,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'ES256' } }
          }
        }
      }
    },
    ttl: {
      AccessToken: 15 * 60, AuthorizationCode: 60, IdToken: 15 * 60, RefreshToken: 24 * 3600,
      Grant: 24 * 3600, Interaction: 10 * 60, Session: 24 * 3600
    },

    async findAccount (_ctx, id) {
      const account = findAccount(id)
      return account && { accountId: id, claims: async () => ({ sub: id, name: account.name }) }
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    async renderError (ctx, { error, error_description: description }) {
      ctx.type = 'html'
      ctx.body = errorPage(description ?? error)
    }
  })
}

/** A new one with each start. */
export function createSigningKey (): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: randomBytes(8).toString('base64url') }
}
