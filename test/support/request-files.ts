/** Makes one request of each kind, and prints which files of the package ran in it: a line of JSON by kind. */
import { Session } from 'node:inspector'
import { setImmediate } from 'node:timers/promises'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { createFetch, createMemoryTokenStore, createRefresh, createSession } from '../../plugins/entry-points/client.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { bearer, optionsFor } from './app.ts'
import { createFakeIssuer } from './issuer.ts'

const root = new URL('../../', import.meta.url).href
const inspector = new Session()
inspector.connect()
inspector.post('Profiler.enable')
inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })

/** The files of which a function ran since this was asked the last time. */
function filesThatRan (): string[] {
  const files: string[] = []
  inspector.post('Profiler.takePreciseCoverage', (_error, { result }) => {
    for (const { url, functions } of result) {
      const path = url.startsWith(root) ? url.slice(root.length) : ''
      if (/^(?:lib|plugins)\//.test(path) && functions.some(({ ranges }) => ranges[0]!.count > 0)) files.push(path)
    }
  })
  return files.sort()
}

async function measure (kind: string, request: () => Promise<{ readonly status: number }>, status: number): Promise<void> {
  // What a request leaves for later is not a part of the next.
  await setImmediate()
  filesThatRan()
  const answer = await request()
  const files = filesThatRan()
  if (answer.status !== status) throw new Error(`${kind} was answered with ${answer.status}`)
  console.log(JSON.stringify({ kind, files }))
}

const issuer = await createFakeIssuer()
const app = Fastify() as FastifyInstance
await app.register(oauthResourceServer, optionsFor(issuer))
app.get('/', { config: { oauth: { scopes: ['read'] } } }, async request => request.accessToken!.subject)
await app.ready()
const [first, second] = [await issuer.token({ scope: 'read' }), await issuer.token({ scope: 'read' })]
const get = async (headers: Record<string, string> = {}): Promise<{ status: number }> => ({ status: (await app.inject({ url: '/', headers })).statusCode })

await measure('first 401', async () => await get(), 401)
// The first token of all fetches keys, which is not the way of a token.
await get(bearer(first))
await measure('new token', async () => await get(bearer(second)), 200)
await measure('remembered token', async () => await get(bearer(second)), 200)
await app.close()

const servers = Fastify()
servers.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => done(null, body))
let refreshed = 1
servers.post('/token', async () => ({ access_token: `token-${++refreshed}`, token_type: 'Bearer', expires_in: 300, refresh_token: 'rotated' }))
servers.get('/things', async (request, reply) => {
  if (request.headers.authorization === 'Bearer token-2') return { made: true }
  return reply.code(401).header('www-authenticate', 'Bearer error="invalid_token"').send()
})
const origin = await servers.listen({ host: '127.0.0.1', port: 0 })
const session = createSession({
  tokenStore: createMemoryTokenStore(),
  refresh: createRefresh({
    server: { issuer: origin, token_endpoint: `${origin}/token` }, clientId: 'my-client', authentication: { method: 'none' }, resource: origin
  })
})
await session.signIn({ accessToken: 'token-1', tokenType: 'Bearer', refreshToken: 'initial', expiresAt: null, scopes: null })
const apiFetch = createFetch({ session, resource: origin })
await measure('401, refresh, retry', async () => await apiFetch(`${origin}/things`), 200)
await measure('healthy client request', async () => await apiFetch(`${origin}/things`), 200)
await session.close()
await servers.close()
