import type { FastifyInstance, FastifyPluginCallback, LightMyRequestResponse } from 'fastify'
import Fastify from 'fastify'
import type { FastifyServerOptions } from 'fastify'
import type { ParsedChallenge } from '../../lib/challenge/parse.ts'
import { parseChallenges } from '../../lib/challenge/parse.ts'
import type { OAuthResourceServerOptions } from '../../lib/config/options.ts'
import { challenge, config, metadata } from '../../plugins/index.ts'

/** Options of a resource whose tokens nobody checks in the test: no issuer is asked for anything. */
export const plainOptions: OAuthResourceServerOptions = {
  resource: 'https://api.example.com',
  authorizationServers: ['https://login.example.com'],
  metadata: { resource_name: 'Projects' }
}
export const wellKnown = '/.well-known/oauth-protected-resource'
export const pointer = `https://api.example.com${wellKnown}`
/** The challenge of a route that says nothing, to a request without a token. */
export const stockChallenge = `Bearer resource_metadata="${pointer}"`

export interface Teardown {
  teardown (close: () => unknown): unknown
}

export function createServer (t: Teardown, options: FastifyServerOptions = {}): FastifyInstance {
  const app = Fastify(options) as FastifyInstance
  t.teardown(() => app.close())
  return app
}

/** Configuration, challenge and metadata without authentication: for hosts that have their own. */
export async function registerHint (app: FastifyInstance, options: Partial<OAuthResourceServerOptions> = {}): Promise<void> {
  await app.register(config, { ...plainOptions, ...options })
  await app.register(challenge)
  await app.register(metadata)
}

export async function createHintServer (
  t: Teardown, options: Partial<OAuthResourceServerOptions> = {}, serverOptions: FastifyServerOptions = {}
): Promise<FastifyInstance> {
  const app = createServer(t, serverOptions)
  await registerHint(app, options)
  return app
}

/** A plugin whose hook refuses every route that is not for everybody, as hosts write them. */
export const refuseEverybody: FastifyPluginCallback = Object.assign<FastifyPluginCallback, object>((app, _options, done) => {
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.oauth !== false) return await reply.code(401).send({ error: 'go away' })
  })
  done()
}, { [Symbol.for('skip-override')]: true })

/** The challenges of a response, read as a client would. */
export function challengesOf ({ headers }: Pick<LightMyRequestResponse, 'headers'>): ParsedChallenge[] {
  const value = headers['www-authenticate']
  if (value === undefined) return []
  return (Array.isArray(value) ? value : [String(value)]).flatMap(line => parseChallenges(String(line)))
}

/** The parameters of the Bearer challenge; it throws when there is not exactly one. */
export function bearerOf (response: Pick<LightMyRequestResponse, 'headers'>): Record<string, string> {
  const bearers = challengesOf(response).filter(({ scheme }) => scheme === 'Bearer')
  if (bearers.length !== 1) throw new Error(`${bearers.length} Bearer challenges: ${String(response.headers['www-authenticate'])}`)
  return Object.fromEntries(bearers[0]!.parameters)
}
