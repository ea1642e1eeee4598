import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { api } from './api.ts'
import { mcp } from './mcp.ts'
import type { Partner } from './partner-issuer.ts'
import { introspectionClientId } from './partner-issuer.ts'
import { createProjects } from './projects.ts'
import type { Resources } from './resources.ts'
import { serverOptions } from './server-options.ts'

export interface ResourceServerOptions {
  resources: Resources
  issuer: string
  partner: Partner
}

/** The protected server. Each resource is registered in a scope of its own: own document, own challenge, own rules. */
export async function createResourceServer ({ resources, issuer, partner }: ResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify(serverOptions)
  const authorizationServers = trust(issuer, partner)
  const projects = createProjects(issuer)
  await app.register(api, { resource: resources.api, authorizationServers, projects })
  await app.register(mcp, { resource: resources.mcp, authorizationServers, projects })
  return app
}

/** Whose tokens are good: JWTs of our own authorization server, and opaque tokens of the partner's, on the same routes. */
function trust (issuer: string, partner: Partner): OAuthResourceServerOptions['authorizationServers'] {
  return [issuer, {
    issuer: partner.issuer,
    introspection: {
      clientId: introspectionClientId,
      authentication: { method: 'client_secret_basic', clientSecret: partner.introspectionSecret }
    },
    // Its programs know where they get their tokens, and nobody else gets any there.
    advertised: false
  }]
}
