import { generateKeyPairSync, randomBytes } from 'node:crypto'
import Provider, { errors } from 'oidc-provider'
import type { Client, Context, interactionPolicy } from 'oidc-provider'
import type { OidcProviderGuard } from '../../plugins/entry-points/oidc-provider.ts'
import { desktopClient, firstPartyClient, introspectionClient, introspectionClientId, isAllowedRedirectUri } from './clients.ts'
import type { Database } from './database/database.ts'
import { DatabaseUnavailableError } from './database/database.ts'
import { createOidcAdapter } from './database/oidc-adapter.ts'
import type { Sessions } from './host/sessions.ts'
import { errorPage, notFoundPage } from './pages/error.ts'
import { lifetimes } from './lifetimes.ts'
import type { Resource } from './resources.ts'
import { pageHeaders } from './routes/send.ts'

export type OidcGuard = OidcProviderGuard<interactionPolicy.DefaultPolicy>

export interface ProviderOptions {
  issuer: string
  /** What it grants access to; the first where a client does not say. */
  resources: readonly [Resource, ...Resource[]]
  database: Database
  guard: OidcGuard
  /** The session of the browser, for error pages. */
  sessions: Sessions
  /** The secret of the resource servers for introspection. */
  introspectionSecret: string
  /** Fetches client ID metadata documents. Default: the global `fetch`, kept from special-use addresses. */
  fetch?: typeof fetch
}

/** oidc-provider, configured for what MCP clients do, and with the guard at each step that issues a token. */
export function createProvider ({ issuer, resources, database, guard, sessions, introspectionSecret, fetch }: ProviderOptions): Provider {
  const scopes = new Set(resources.flatMap(resource => Object.keys(resource.scopes)))
  const provider = new Provider(issuer, {
    ...guard.configuration,
    adapter: createOidcAdapter(database, { onReuse: guard.revokeGrant }),
    clients: [firstPartyClient, desktopClient, introspectionClient(introspectionSecret)],
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
      validator (_ctx, key, _value, metadata) {
        if (key !== 'scope') return
        delete metadata.scope
        const uris = [metadata.redirect_uris ?? []].flat()
        if (!uris.every(isAllowedRedirectUri)) {
          throw new errors.InvalidRedirectUri('redirect_uris must be https, a loopback address, or a scheme of the application\'s own')
        }
      }
    },
    clientBasedCORS: (_ctx: unknown, origin: string, client: { redirectUris?: readonly string[] }) =>
      client.redirectUris?.some(uri => URL.canParse(uri) && new URL(uri).origin === origin) ?? false,

    features: {
      devInteractions: { enabled: false },
      // Its requests come in a body, where the default scope is not seen.
      pushedAuthorizationRequests: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      // A client that sends a proof with its token request gets a token that is bound to its key; others get bearer tokens.
      dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => true },
      registration: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx: unknown, client: Client) => client.clientId === introspectionClientId
      },
      revocation: { enabled: true },
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
            accessTokenFormat: resource.tokens,
            ...resource.tokens === 'jwt' && { jwt: { sign: { alg: 'ES256' } } }
          }
        }
      }
    },
    ttl: {
      AccessToken: guard.accessTokenTtl, AuthorizationCode: 60, IdToken: 15 * 60, RefreshToken: lifetimes.grant,
      Grant: lifetimes.grant, Interaction: 10 * 60, Session: 24 * 3600
    },

    interactions: { policy: guard.policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    async renderError (ctx, { error, error_description: description }) {
      ctx.type = 'html'
      ctx.set(pageHeaders)
      ctx.body = errorPage({ status: ctx.status, message: sentence(description ?? error) }, await sessions.of(ctx.req))
    }
  })
  guard.attach(provider)
  // oidc-provider answers 500 to every error that is not its own.
  const unavailable = new WeakSet<Context>()
  provider.on('server_error', (ctx, error) => { if (error instanceof DatabaseUnavailableError) unavailable.add(ctx) })
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.status === 404 && ctx.body == null && ctx.accepts('json', 'html') === 'html') {
      const body = notFoundPage(await sessions.of(ctx.req))
      ctx.status = 404
      ctx.type = 'html'
      ctx.set(pageHeaders)
      ctx.body = body
    }
    if (!unavailable.has(ctx)) return
    ctx.status = 503
    ctx.set({ 'retry-after': '5' })
    if (typeof ctx.body === 'object') ctx.body = { error: 'temporarily_unavailable', error_description: 'the database does not answer at the moment' }
  })
  return provider
}

/** oidc-provider writes `client is invalid`. */
function sentence (text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`
}

/** A new one with each start. */
export function createSigningKey (): object {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: randomBytes(8).toString('base64url') }
}
