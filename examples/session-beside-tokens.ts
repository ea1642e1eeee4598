/**
 * One route for two kinds of callers: pages of your own site, which have a session cookie, and OAuth clients, which have an access
 * token. `@fastify/auth` tries one after the other.
 */
import { randomUUID } from 'node:crypto'
import auth from '@fastify/auth'
import cookie from '@fastify/cookie'
import Fastify from 'fastify'
import type { FastifyRequest } from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

const sessions = new Map<string, { user: string }>()

export const app = Fastify()
await app.register(cookie)
await app.register(auth)
await app.register(oauthResourceServer, issuer.options)

app.decorateRequest('user', null)
const verifySession = async (request: FastifyRequest): Promise<void> => {
  const session = sessions.get(request.cookies.session ?? '')
  if (session === undefined) throw new Error('no session')
  request.setDecorator('user', session.user)
}

app.get('/projects', {
  config: { oauth: false }, // the plugin leaves this route to the hook below
  onRequest: app.auth([verifySession, app.verifyAccessToken]) // the error of the last one is the response
}, async request => ({
  signedInBy: request.accessToken === null ? 'session' : 'access token',
  user: request.accessToken?.subject ?? request.getDecorator<string>('user')
}))

await app.listen({ port })

const session = randomUUID()
sessions.set(session, { user: 'ann' })
console.log(`
curl -H 'cookie: session=${session}' ${resource}/projects
curl -H 'authorization: Bearer ${issuer.token({ subject: 'bob' })}' ${resource}/projects
curl -i ${resource}/projects   # 401: its challenge says where clients get a token
`)
