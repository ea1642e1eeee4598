import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'

const app = Fastify({ logger: true })

await app.register(oauthResourceServer, {
  resource: 'http://localhost:3000', // yours, with https; every URL that is advertised comes from it
  authorizationServers: ['https://login.example.com'], // discovery and keys follow from it
  scopes: { 'projects:read': 'Read projects' }
})

app.get('/health', { config: { oauth: false } }, async () => 'ok')

app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async request => {
  const { subject, clientId } = request.accessToken!
  return [{ name: 'Analytical Engine', owner: subject, seenBy: clientId }]
})

await app.listen({ port: Number(process.env.PORT ?? 3000) })
