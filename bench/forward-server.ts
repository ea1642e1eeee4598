import type { AddressInfo } from 'node:net'
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import type * as Forward from '../plugins/entry-points/forward.ts'
import { built } from './built.ts'

/** One proxy under load, started by `forward.ts`, which it tells where it is and what it has used. */
export type Contender = 'reply-from' | 'ours'

export type FromServer = { url: string, headers: Record<string, string> } | { cpuMicroseconds: number }

const [contender, upstream] = process.argv.slice(2) as [Contender, string]
const app = Fastify() as FastifyInstance
const secret = 'a-secret-that-is-not-to-be-guessed'
const authorization = 'Bearer token'

if (contender === 'ours') {
  const { forward } = await built<typeof Forward>('plugins/entry-points/forward.js')
  const tokens = { accessToken: 'token', tokenType: 'Bearer', refreshToken: null, expiresAt: null, scopes: null } as const
  // The way of a session's token, with what it takes to judge the answers.
  const session = { refreshes: 0, token: async () => tokens, refresh: async () => tokens, refuse: () => null }
  await app.register(forward, { routes: { '/up': { upstream, credential: { session }, secret } } })
} else {
  await app.register(replyFrom, { base: upstream })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.all('/up/*', (request, reply) => reply.from(request.raw.url!.slice('/up'.length), {
    rewriteRequestHeaders: (_request, headers) => ({ ...headers, authorization })
  }))
}
await app.listen({ port: 0, host: '127.0.0.1' })

const tell = (message: FromServer): void => { process.send!(message) }
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  tell({ cpuMicroseconds: user + system })
})
tell({ url: `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/up`, headers: { 'x-forward-secret': secret } })
