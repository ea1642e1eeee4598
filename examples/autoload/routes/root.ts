import type { FastifyInstance } from 'fastify'

export default async function root (app: FastifyInstance): Promise<void> {
  app.get('/health', { config: { oauth: false } }, async () => 'ok')
}
