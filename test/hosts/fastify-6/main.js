import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'

const app = Fastify()
await app.register(oauthResourceServer, JSON.parse(process.env.OAUTH_OPTIONS))
app.get('/items', { config: { oauth: { scopes: ['items:read'] } } }, async request => ({ subject: request.accessToken.subject }))
app.get('/health', { config: { oauth: false } }, async () => ({ status: 'ok' }))
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
