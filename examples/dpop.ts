/**
 * Tokens that are bound to a key of the client (DPoP, RFC 9449). Each request carries a proof: a signature over its method, its
 * URL and its token. A stolen token is useless without the key.
 */
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { createTestClient, createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

export const app = Fastify()

// 'allowed' accepts bearer tokens, too. Several processes need a `replayStore` that they share.
await app.register(oauthResourceServer, { ...issuer.options, dpop: 'required' })

app.get('/projects', async request => ({ subject: request.accessToken?.subject, boundTo: request.accessToken?.confirmation }))

await app.listen({ port })

const client = createTestClient()
const token = issuer.token({ boundTo: client })
const url = `${resource}/projects`
console.log(`
curl -H 'authorization: DPoP ${token}' -H 'dpop: ${client.proof({ url, token })}' ${url}   # works once, for five minutes
curl -i -H 'authorization: Bearer ${token}' ${url}   # 401: there is no proof
`)
