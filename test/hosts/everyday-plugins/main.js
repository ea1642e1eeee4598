import compress from '@fastify/compress'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import multipart from '@fastify/multipart'
import rateLimit from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import underPressure from '@fastify/under-pressure'
import websocket from '@fastify/websocket'
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'

const app = Fastify()
await app.register(helmet)
await app.register(cors, { origin: 'https://app.example.com' })
await app.register(rateLimit, { max: 1000 })
await app.register(compress, { threshold: 0 })
await app.register(underPressure, { exposeStatusRoute: true })
await app.register(multipart)
await app.register(websocket)
await app.register(swagger, { openapi: {} })
await app.register(swaggerUi, { routePrefix: '/docs' })
await app.register(jwt, { secret: 'of the sessions of this application' })

app.post('/session', async () => ({ token: app.jwt.sign({ sub: 'session-1' }) }))
app.get('/session', { onRequest: request => request.jwtVerify() }, async request => request.user)

await app.register(async api => {
  await api.register(oauthResourceServer, JSON.parse(process.env.OAUTH_OPTIONS))
  api.get('/items', { config: { oauth: { scopes: ['items:read'] } } }, async request => ({ subject: request.accessToken.subject }))
  api.get('/health', { config: { oauth: false } }, async () => ({ status: 'ok' }))
  api.get('/socket', { websocket: true }, (socket, request) => { socket.send(request.accessToken.subject) })
  api.post('/upload', async request => {
    const file = await request.file()
    return { name: file.filename, size: (await file.toBuffer()).length }
  })
})
console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
