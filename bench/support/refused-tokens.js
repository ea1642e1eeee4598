/** Sends distinct bad tokens to a server in this process, and prints the memory before and after a collection. */
import { createTokens, forge, jwks, resource } from './issuer.js'
import { bytesInUse } from './child.js'
import { oauthResourceServer, testIssuer } from './ours.js'
import Fastify from 'fastify'

const count = Number(process.argv[2])
const app = Fastify()
await app.register(oauthResourceServer, { resource, authorizationServers: [{ issuer: testIssuer, jwks }] })
app.get('/', async () => ({ hello: 'world' }))

/** In turn: a wrong signature, an unknown key, garbage. */
async function refuse (tokens) {
  for (let done = 0; done < tokens; done += 500) {
    const made = createTokens(testIssuer, 'ES256', Math.min(500, tokens - done))
    const bad = made.map((token, i) => i % 3 === 0 ? forge(token) : i % 3 === 1 ? token.replace(/^[^.]+/, header({ kid: `unknown-${done + i}` })) : `garbage-${done + i}`)
    for (const token of bad) {
      const { statusCode } = await app.inject({ url: '/', headers: { authorization: `Bearer ${token}` } })
      if (statusCode !== 401) throw new Error(`status ${statusCode}`)
    }
  }
}

const header = more => Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', ...more })).toString('base64url')

await refuse(3000)
const before = await bytesInUse()
await refuse(count)
console.log(JSON.stringify({ before, after: await bytesInUse() }))
process.exit()
