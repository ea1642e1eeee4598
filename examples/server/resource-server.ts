import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import type { RevocationStore } from '../../plugins/index.ts'
import { api } from './api.ts'
import { browserClients } from './browser-clients.ts'
import type { Host } from './host/host.ts'
import { mcp } from './mcp.ts'
import type { Partner } from './partner-issuer.ts'
import type { Projects } from './projects.ts'
import { jwtsOf, opaqueTokensOf, partnerTokensOf, protection } from './protection.ts'
import { reports } from './reports.ts'
import type { Resources } from './resources.ts'
import { serverOptions } from './server-options.ts'

export interface ResourceServerOptions {
  resources: Resources
  issuer: string
  partner: Partner
  /** What it shows when it asks about a token of `issuer`. */
  introspectionSecret: string
  host: Host
  projects: Projects
  revocations: RevocationStore
}

/** The protected server. Each resource is registered in a scope of its own: own document, own challenge, own rules. */
export async function createResourceServer ({
  resources, issuer, partner, introspectionSecret, host, projects, revocations
}: ResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify(serverOptions)
  // Before anything that refuses: a preflight has no token.
  await app.register(cors, { origin: [...browserClients], exposedHeaders: ['WWW-Authenticate', 'Mcp-Session-Id'], methods: ['GET', 'POST', 'DELETE'] })
  const shared = protection(host, revocations)
  const either = { ...shared, authorizationServers: [jwtsOf(issuer), partnerTokensOf(partner.issuer, partner.introspectionSecret)] }
  const opaque = { ...shared, authorizationServers: [opaqueTokensOf(issuer, introspectionSecret)] }
  await app.register(api, { resource: resources.api, protection: either, projects })
  await app.register(mcp, { resource: resources.mcp, protection: either, projects })
  await app.register(reports, { resource: resources.reports, protection: opaque, projects })
  return app
}
