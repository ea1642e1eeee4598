/** One proxy in a process of its own: `node proxy.js <reply-from | ours> <upstream>`. */
import replyFrom from '@fastify/reply-from'
import Fastify from 'fastify'
import { load } from './ours.js'
import { report, serve } from './server-process.js'

const [name, upstream] = process.argv.slice(2)
const secret = 'a-secret-that-is-not-to-be-guessed'
const authorization = 'Bearer token'
const app = Fastify()

if (name === 'ours') {
  const { forward } = await load('entry-points/forward')
  const tokens = { accessToken: 'token', tokenType: 'Bearer', refreshToken: null, expiresAt: null, scopes: null }
  // The way of a session's token, with what it takes to judge the answers.
  const session = { refreshes: 0, token: async () => tokens, refresh: async () => tokens, refuse: () => null }
  await app.register(forward, { routes: { '/up': { upstream, credential: { session }, secret } } })
} else {
  await app.register(replyFrom, { base: upstream })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  app.all('/up/*', (request, reply) => reply.from(request.raw.url.slice('/up'.length), {
    rewriteRequestHeaders: (_request, headers) => ({ ...headers, authorization })
  }))
}
report({ port: await serve(app) })
