import type { FastifyInstance } from 'fastify'
import oauthResourceServer from '../../plugins/index.ts'
import type { Projects } from './projects.ts'
import type { Protection } from './protection.ts'
import type { Resource } from './resources.ts'
import { writeImpliesRead } from './resources.ts'

export interface ReportsOptions {
  resource: Resource
  protection: Protection
  projects: Projects
}

/** The third of the protected resources. Its tokens are opaque, and the authorization server is asked about each. */
export async function reports (app: FastifyInstance, { resource, protection, projects }: ReportsOptions): Promise<void> {
  await app.register(oauthResourceServer, {
    resource: resource.identifier,
    ...protection,
    scopes: resource.scopes,
    scopeImplies: writeImpliesRead,
    metadata: { resource_name: resource.name }
  })

  app.get('/reports', { config: { oauth: { scopes: ['projects:read'] } } },
    async request => ({ projects: (await projects.of(request.accessToken!)).length }))
}
