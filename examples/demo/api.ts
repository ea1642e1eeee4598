import type { FastifyInstance } from 'fastify'
import Type from 'typebox'
import oauthResourceServer from '../../plugins/index.ts'
import type { Projects } from './projects.ts'
import type { Protection } from './protection.ts'
import type { Resource } from './resources.ts'
import { writeImpliesRead } from './resources.ts'

export interface ApiOptions {
  resource: Resource
  protection: Protection
  projects: Projects
}

/** A small API, the first of the protected resources. */
export async function api (app: FastifyInstance, { resource, protection, projects }: ApiOptions): Promise<void> {
  await app.register(oauthResourceServer, {
    resource: resource.identifier,
    ...protection,
    scopes: resource.scopes,
    scopeImplies: writeImpliesRead,
    metadata: { resource_name: resource.name }
  })

  app.get('/api/health', { config: { oauth: false } }, async () => ({ ok: true }))

  app.get('/api/projects', { config: { oauth: { scopes: ['projects:read'] } } },
    async request => await projects.of(request.accessToken!))

  app.post<{ Body: { name: string } }>('/api/projects', {
    config: { oauth: { scopes: ['projects:write'] } },
    schema: { body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) }) }
  }, async ({ accessToken, body }, reply) => {
    const project = await projects.create(accessToken!, body.name)
    if (project === null) return reply.forbidden()
    return reply.code(201).send(project)
  })
}
