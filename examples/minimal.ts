import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'

const port = Number(process.env.PORT ?? 3000)
const app = Fastify({ logger: true })

await app.register(oauthResourceServer, {
  resource: `http://localhost:${port}`, // in production the https URL of your API; tokens carry it in `aud`
  authorizationServers: ['http://localhost:3001'], // the issuers you trust; discovery finds their keys
  scopes: { 'projects:read': 'Read projects' },
  metadata: { resource_name: 'Projects' } // shown by clients on their consent page
})

app.get('/health', { config: { oauth: false } }, async () => 'ok')

app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async request => {
  return [{ name: 'Analytical Engine', owner: request.accessToken?.subject }]
})

await app.listen({ port })
