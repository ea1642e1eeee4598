/** Opaque tokens: the resource server asks the authorization server about each of them (RFC 7662). */
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

export const app = Fastify()

await app.register(oauthResourceServer, {
  resource,
  authorizationServers: [{
    issuer: issuer.issuer,
    introspection: {
      clientId: 'projects-api', // this server is a client of the authorization server
      authentication: { method: 'client_secret_basic', clientSecret: process.env.INTROSPECTION_SECRET ?? 'secret' },
      cacheSeconds: 0 // asks on every request; with 10, a revoked token is accepted for up to ten more seconds
    }
  }],
  fetch: issuer.fetch
})

app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async request => ({ subject: request.accessToken?.subject }))

await app.listen({ port })

const [active, revoked] = [issuer.opaqueToken({ scopes: ['projects:read'] }), issuer.opaqueToken({ scopes: ['projects:read'] })]
issuer.revoke(revoked)
console.log(`
curl -H 'authorization: Bearer ${active}' ${resource}/projects
curl -i -H 'authorization: Bearer ${revoked}' ${resource}/projects   # 401: the token was revoked
`)
