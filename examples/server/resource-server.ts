import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import { api } from './api.ts'
import { mcp } from './mcp.ts'
import { createProjects } from './projects.ts'
import type { Resources } from './resources.ts'
import { serverOptions } from './server-options.ts'

export interface ResourceServerOptions {
  resources: Resources
  issuer: string
}

/** The protected server. Each resource is registered in a scope of its own: own document, own challenge, own rules. */
export async function createResourceServer ({ resources, issuer }: ResourceServerOptions): Promise<FastifyInstance> {
  const app = Fastify(serverOptions)
  const projects = createProjects()
  await app.register(api, { resource: resources.api, issuer, projects })
  await app.register(mcp, { resource: resources.mcp, issuer, projects })
  return app
}
