import fp from 'fastify-plugin'
import oauthResourceServer from 'fastify-oauth-resource-server'

// fastify-plugin: without it, the hooks would protect this file only.
export default fp<{ resource: string }>(async (app, { resource }) => {
  await app.register(oauthResourceServer, {
    resource,
    authorizationServers: ['https://login.example.com'],
    scopes: { 'projects:read': 'Read projects' }
  })
})
