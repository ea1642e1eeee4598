import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { built } from './built.ts'
import { issuer, resource } from './issuer.ts'

/** One server under load, started by `protected-route.ts`, which it tells its port and what it has used. */
export type Contender = 'bare' | 'ours' | 'jose'

export type FromServer = { port: number } | { cpuMicroseconds: number }

const [contender, jwksUri] = process.argv.slice(2) as [Contender, string]

/** Nothing but the check. */
function guardWithJose (app: FastifyInstance): void {
  const keys = createRemoteJWKSet(new URL(jwksUri))
  app.addHook('onRequest', async (request, reply) => {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) return reply.code(401).header('www-authenticate', 'Bearer').send({ message: 'Unauthorized' })
    try {
      await jwtVerify(token, keys, { issuer, audience: resource, typ: 'at+jwt' })
    } catch {
      return reply.code(401).header('www-authenticate', 'Bearer error="invalid_token"').send({ message: 'Unauthorized' })
    }
  })
}

const app = Fastify()
switch (contender) {
  case 'bare': break
  case 'jose': guardWithJose(app); break
  case 'ours': {
    const { oauthResourceServer } = await built()
    await app.register(oauthResourceServer, { resource, authorizationServers: [{ issuer, jwksUri }] })
  }
}
app.get('/', async () => ({ hello: 'world' }))
await app.listen({ port: 0, host: '127.0.0.1' })

const tell = (message: FromServer): void => { process.send!(message) }
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  tell({ cpuMicroseconds: user + system })
})
tell({ port: (app.server.address() as AddressInfo).port })
