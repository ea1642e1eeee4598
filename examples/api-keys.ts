/** API keys beside access tokens: your own function verifies them, and routes treat both alike. */
import { createHash } from 'node:crypto'
import Fastify from 'fastify'
import oauthResourceServer from 'fastify-oauth-resource-server'
import { createTestIssuer } from 'fastify-oauth-resource-server/testing'

const port = Number(process.env.PORT ?? 3000)
const resource = `http://localhost:${port}`
// Stands in for your authorization server, inside this process.
const issuer = createTestIssuer({ resource })

const digestOf = (key: string): string => createHash('sha256').update(key).digest('base64url')

// Your table of keys. It holds digests, so that a copy of the table gives no access.
const keys = new Map([[digestOf('key_2f6a1c'), { id: 'key-1', owner: 'ann', scopes: ['projects:read'] }]])

export const app = Fastify()

await app.register(oauthResourceServer, {
  ...issuer.options,
  customTokens: [{
    prefix: 'key_', // only tokens with this prefix are passed to `verify`
    verify: async token => {
      const key = keys.get(digestOf(token))
      return key === undefined ? null : { subject: key.owner, tokenId: key.id, scopes: key.scopes }
    }
  }]
})

app.get('/projects', { config: { oauth: { scopes: ['projects:read'] } } }, async request => ({ subject: request.accessToken?.subject }))
app.delete('/projects/:id', { config: { oauth: { scopes: ['projects:delete'] } } }, async () => ({ deleted: true }))

await app.listen({ port })

console.log(`
curl -H 'authorization: Bearer key_2f6a1c' ${resource}/projects
curl -H 'authorization: Bearer ${issuer.token({ subject: 'bob', scopes: ['projects:read'] })}' ${resource}/projects
curl -i -H 'authorization: Bearer key_unknown' ${resource}/projects   # 401: there is no such key
curl -i -X DELETE -H 'authorization: Bearer key_2f6a1c' ${resource}/projects/1   # 403: the key lacks the scope
`)
