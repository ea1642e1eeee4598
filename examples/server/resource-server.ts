import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import type { RevocationStore } from '../../plugins/index.ts'
import { api } from './api.ts'
import type { Host } from './host/host.ts'
import { mcp } from './mcp.ts'
import type { Partner } from './partner-issuer.ts'
import type { Projects } from './projects.ts'
import { protection } from './protection.ts'
import type { Resources } from './resources.ts'
import { serverOptions } from './server-options.ts'

export interface ResourceServerOptions {
  resources: Resources
  issuer: string
  partner: Partner
  host: Host
  projects: Projects
  revocations: RevocationStore
}

/** The protected server. Each resource is registered in a scope of its own: own document, own challenge, own rules. */
export async function createResourceServer ({ resources, issuer, partner, host, projects, revocations }: ResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify(serverOptions)
  const shared = protection({ issuer, partner, host, revocations })
  await app.register(api, { resource: resources.api, protection: shared, projects })
  await app.register(mcp, { resource: resources.mcp, protection: shared, projects })
  return app
}
