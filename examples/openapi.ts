/** OpenAPI: the document of `@fastify/swagger` shows the scopes of each route, and its 401, 403 and 503. */
import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'

const port = Number(process.env.PORT ?? 3000)

export const app = Fastify()

// Swagger comes first, at the root: it sees only the routes that are registered after it.
await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Projects', version: '1.0.0' } } })
await app.register(oauthResourceServer, {
  resource: `http://localhost:${port}`,
  authorizationServers: ['https://login.example.com'],
  scopes: { 'projects:read': 'Read projects', 'projects:write': 'Change projects' }
})

app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async () => [])
app.post('/projects', { config: { oauth: { scopes: ['projects:read', 'projects:write'] } } }, async () => ({ id: 1 }))
app.get('/openapi.json', { config: { oauth: false }, schema: { hide: true } }, async () => app.swagger())

await app.listen({ port })

console.log(`
curl http://localhost:${port}/openapi.json
`)
