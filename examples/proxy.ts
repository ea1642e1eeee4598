/**
 * A reverse proxy that ends the caller's access token and adds a credential of its own. The upstream never sees the caller's token,
 * and the caller never sees the credential.
 */
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { forward } from 'fastify-oauth-resource-server/forward'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

// Stands in for the service behind the proxy.
const weather = Fastify()
weather.get('/v2/today', async ({ headers }) => ({ sky: 'clear', apiKey: headers['x-api-key'], callersToken: headers.authorization ?? null }))

export const app = Fastify()
app.addHook('onClose', async () => { await weather.close() })

await app.register(oauthResourceServer, { ...issuer.options, scopes: { 'weather:read': 'Read the weather' } })
await app.register(forward, {
  routes: {
    '/weather': {
      upstream: `${await weather.listen({ port: 0 })}/v2`,
      credential: { headers: { 'x-api-key': process.env.WEATHER_KEY ?? 'key-of-the-proxy' } },
      config: { oauth: { scopes: ['weather:read'] } }
    }
  }
})

await app.listen({ port })

console.log(`
curl -H 'authorization: Bearer ${issuer.token({ scopes: ['weather:read'] })}' ${resource}/weather/today
curl -i ${resource}/weather/today   # 401: the proxy asks for a token of its own authorization server
`)
