import type { FastifyInstance } from 'fastify'
import Fastify from 'fastify'
import { withDefaultScope } from './default-scope.ts'
import { interactions } from './interactions.ts'
import type { ProviderOptions } from './provider.ts'
import { createProvider } from './provider.ts'
import { serverOptions } from './server-options.ts'

/** The authorization server, which in real life is somebody else's: oidc-provider on a Fastify server of its own. */
export async function createAuthorizationServer (options: ProviderOptions): Promise<FastifyInstance> {
  const { resources } = options
  const app = Fastify(serverOptions)
  const provider = createProvider(options)
  const handle = provider.callback()
  provider.on('server_error', (_ctx, error) => app.log.error(error))

  await app.register(interactions, { provider, resources })
  await app.register(async scope => {
    // oidc-provider reads bodies itself.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all('/*', async (request, reply) => {
      const { raw } = request
      raw.url = withDefaultScope(raw.url ?? '/', identifier =>
        (resources.find(one => one.identifier === identifier) ?? resources[0]).initialScopes)
      reply.hijack()
      await handle(raw, reply.raw)
    })
  })
  return app
}
