import type { FastifyInstance } from 'fastify'

export default async function projects (app: FastifyInstance): Promise<void> {
  app.get('/', { config: { oauth: { scopes: ['projects:read'] } } }, async request => ({ subject: request.accessToken?.subject }))
}
