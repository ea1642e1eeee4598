import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { z } from 'zod'

const app = Fastify()
app.setValidatorCompiler(validatorCompiler)
app.setSerializerCompiler(serializerCompiler)
await app.register(oauthResourceServer, JSON.parse(process.env.OAUTH_OPTIONS))
app.get('/items', {
  schema: { querystring: z.object({ limit: z.coerce.number().default(10) }), response: { 200: z.object({ subject: z.string(), limit: z.number() }) } },
  config: { oauth: { scopes: ['items:read'] } }
}, async request => ({ subject: request.accessToken.subject, limit: request.query.limit }))
app.get('/health', { config: { oauth: false } }, async () => ({ status: 'ok' }))
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
