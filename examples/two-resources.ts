/**
 * Two protected resources on one server. Each has its own identifier, metadata document and scopes: a token for one is refused at
 * the other.
 */
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const [api, reports] = [`http://localhost:${port}/api`, `http://localhost:${port}/reports`]
// Stands in for your authorization server, inside this process. In production, `authorizationServers` has its issuer identifier.
const issuer = createTestIssuer({ resource: api })

export const app = Fastify()

// Hooks belong to the scope that the plugin is registered in: each resource gets a child plugin.
await app.register(async scope => {
  await scope.register(oauthResourceServer, { ...issuer.options, scopes: { 'projects:read': 'Read projects' } })
  scope.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async () => ['Analytical Engine'])
}, { prefix: '/api' })

await app.register(async scope => {
  await scope.register(oauthResourceServer, { ...issuer.options, resource: reports, scopes: { 'reports:read': 'Read reports' } })
  scope.get('/monthly', { config: { oauth: { scopes: ['reports:read'] } } }, async () => ({ month: 'November', projects: 1 }))
}, { prefix: '/reports' })

app.get('/health', async () => 'ok') // in no protected scope, so it needs no token

await app.listen({ port })

const apiToken = issuer.token({ scopes: ['projects:read'] })
const reportsToken = issuer.token({ scopes: ['reports:read'], claims: { aud: reports } })
console.log(`
curl -H 'authorization: Bearer ${apiToken}' ${api}/projects
curl -H 'authorization: Bearer ${reportsToken}' ${reports}/monthly
curl -i -H 'authorization: Bearer ${apiToken}' ${reports}/monthly   # 401: the token is for the other resource
curl http://localhost:${port}/.well-known/oauth-protected-resource/reports
`)
