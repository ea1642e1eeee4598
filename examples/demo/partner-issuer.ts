import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import Provider, { errors } from 'oidc-provider'
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import { introspectionClient, introspectionClientId } from './clients.ts'
import { createSigningKey } from './provider.ts'
import type { RequestLog } from './request-log.ts'
import { logRequests, serverOptions } from './request-log.ts'
import type { Resource } from './resources.ts'

/** Another company's authorization server, as the protected server knows it. */
export interface Partner {
  readonly issuer: string
  /** The secret of the protected server for introspection. */
  readonly introspectionSecret: string
}

export interface PartnerIssuerOptions {
  partner: Partner
  resources: readonly Resource[]
  log: RequestLog
}

/** The only client, a program of the partner's. The secret is public: this is a demonstration. */
export const partnerClient = { id: 'partner-app', secret: 'partner-secret' } as const

/**
 * The authorization server of a partner, on a Fastify server of its own. Its tokens are opaque: the protected server
 * introspects each (RFC 7662).
 */
export async function createPartnerIssuer ({ partner, resources, log }: PartnerIssuerOptions): Promise<FastifyInstance> {
  const app = Fastify(serverOptions(log))
  logRequests(app, 'partner', log)
  const provider = createPartnerProvider({ partner, resources })
  const handle = provider.callback()
  provider.on('server_error', (_ctx, error) => app.log.error(error))

  // oidc-provider reads bodies itself.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.all('/*', async (request, reply) => {
    reply.hijack()
    await handle(request.raw, reply.raw)
  })
  return app
}

function createPartnerProvider ({ partner: { issuer, introspectionSecret }, resources }: Omit<PartnerIssuerOptions, 'log'>): Provider {
  const confidential = { token_endpoint_auth_method: 'client_secret_basic', redirect_uris: [], response_types: [] } as const
  return new Provider(issuer, {
    adapter: createMemoryAdapter(),
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    jwks: { keys: [createSigningKey()] },
    scopes: [...new Set(resources.flatMap(resource => Object.keys(resource.scopes)))],
    clients: [
      { ...confidential, client_id: partnerClient.id, client_secret: partnerClient.secret, grant_types: ['client_credentials'] },
      introspectionClient(introspectionSecret)
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'], authorizationSigningAlgValues: ['ES256'] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx: unknown, client: { clientId: string }) => client.clientId === introspectionClientId
      },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        async getResourceServerInfo (_ctx, identifier) {
          const resource = resources.find(one => one.identifier === identifier)
          if (resource === undefined) throw new errors.InvalidTarget()
          return {
            scope: Object.keys(resource.scopes).join(' '),
            audience: resource.identifier,
            accessTokenTTL: 15 * 60,
            accessTokenFormat: 'opaque'
          }
        }
      }
    }
  })
}
