import { Type, TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'

const app = Fastify().setValidatorCompiler(TypeBoxValidatorCompiler)
await app.register(oauthResourceServer, JSON.parse(process.env.OAUTH_OPTIONS))
app.get('/items', {
  schema: { querystring: Type.Object({ limit: Type.Optional(Type.String({ pattern: '^[0-9]+$' })) }), response: { 200: Type.Object({ subject: Type.String() }) } },
  config: { oauth: { scopes: ['items:read'] } }
}, async request => ({ subject: request.accessToken.subject }))
app.get('/health', { config: { oauth: false } }, async () => ({ status: 'ok' }))
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
