import cors from '@fastify/cors'
import Fastify from 'fastify'

const { oauthResourceServer } = await import(new URL('../../../dist/plugins/index.js', import.meta.url).href)

/** @type {import('../servers.js').CreateServer} */
export async function createServer ({ resource, issuer, origin }) {
  const app = Fastify()
  await app.register(cors, { origin, exposedHeaders: ['WWW-Authenticate'] })
  await app.register(oauthResourceServer, {
    resource,
    authorizationServers: [issuer],
    scopes: { 'notes:read': 'Read notes' },
    metadata: { resource_name: 'Notes' },
    dpop: 'allowed'
  })
  app.get('/notes', { config: { oauth: { scopes: ['notes:read'] } } }, async () => ['Buy milk'])
  await app.ready()
  return app.routing
}
