import Fastify from 'fastify'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import oauthResourceServer from '../../plugins/index.ts'
import type { FakeIssuer } from './issuer.ts'

export const resource = 'https://api.example.com'

/** The options of a resource that trusts the fake issuer. */
export function optionsFor (issuer: FakeIssuer, options: Partial<OAuthResourceServerOptions> = {}): OAuthResourceServerOptions {
  return { resource, authorizationServers: [issuer.issuer], fetch: issuer.fetch, ...options }
}

/** A server with the whole plugin on it. Routes are the test's to add; it is closed when the test ends. */
export async function createApp (
  t: { teardown (close: () => unknown): unknown },
  options: OAuthResourceServerOptions,
  serverOptions: FastifyServerOptions = {}
): Promise<FastifyInstance> {
  const app = Fastify(serverOptions) as FastifyInstance
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, options)
  return app
}

export function bearer (token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}
