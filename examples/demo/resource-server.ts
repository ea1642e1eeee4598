import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import type { RevocationStore } from '../../plugins/index.ts'
import { api } from './api.ts'
import type { Host } from './host/host.ts'
import { mcp } from './mcp.ts'
import type { Partner } from './partner-issuer.ts'
import type { Projects } from './projects.ts'
import { jwtsOf, opaqueTokensOf, partnerTokensOf, protection } from './protection.ts'
import { reports } from './reports.ts'
import type { RequestLog } from './request-log.ts'
import { logRequests, serverOptions } from './request-log.ts'
import type { Resources } from './resources.ts'

export interface ResourceServerOptions {
  resources: Resources
  issuer: string
  partner: Partner
  /** Its secret at the introspection endpoint of `issuer`. */
  introspectionSecret: string
  host: Host
  projects: Projects
  revocations: RevocationStore
  /** Origins whose pages may call it. */
  browserOrigins: readonly string[]
  log: RequestLog
}

/** The protected server. Each resource is registered in a scope of its own, with its document, challenge and route policies. */
export async function createResourceServer ({
  resources, issuer, partner, introspectionSecret, host, projects, revocations, browserOrigins, log
}: ResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify(serverOptions(log))
  logRequests(app, 'protected server', log)
  // Before the resources: a preflight has no token.
  await app.register(cors, { origin: [...browserOrigins], methods: ['GET', 'POST', 'DELETE'] })
  const shared = protection(host, revocations)
  const either = { ...shared, authorizationServers: [jwtsOf(issuer), partnerTokensOf(partner.issuer, partner.introspectionSecret)] }
  const opaque = { ...shared, authorizationServers: [opaqueTokensOf(issuer, introspectionSecret)] }
  await app.register(api, { resource: resources.api, protection: either, projects })
  await app.register(mcp, { resource: resources.mcp, protection: either, projects, browserOrigins })
  await app.register(reports, { resource: resources.reports, protection: opaque, projects })
  return app
}
