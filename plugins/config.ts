import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthResourceServerOptions } from '../lib/config/options.ts'
import type { OAuthConfig } from '../lib/config/resolve.ts'
import { resolveConfig } from '../lib/config/resolve.ts'
import type { OAuthResourceError } from '../lib/errors/errors.ts'
import { OptionError } from '../lib/errors/errors.ts'
import type { MetadataRegistry } from '../lib/metadata/registry.ts'
import { createMetadataRegistry } from '../lib/metadata/registry.ts'
import { ownOptions } from '../lib/options/check-options.ts'
import { didYouMean } from '../lib/options/suggest.ts'
import type { RouteConfig } from '../lib/policy/route-options.ts'
import { routeLabel } from '../lib/policy/route-policies.ts'
import type { RoutePolicy } from '../lib/policy/route-policy.ts'
import type { ProtectedResource } from '../lib/resource/create-resource.ts'
import { createResource } from '../lib/resource/create-resource.ts'
import { declareRequestState, noteRefusal, policyOf } from './shared/request-state.ts'
import { listRoutes } from './shared/route-listing.ts'
import { sharedByServer } from './shared/server.ts'

type Options = OAuthResourceServerOptions<FastifyRequest>

const givenOptions: unique symbol = Symbol('fastify-oauth-resource-server.options')

declare module 'fastify' {
  interface FastifyInstance {
    /** The options of the protected resource that this scope belongs to, checked, with every default in its place, and frozen. */
    readonly oauthConfig: OAuthConfig
    /** That resource at run time: route policies, challenges, verifier, audit and counters. */
    readonly oauthResource: ProtectedResource
    /** The metadata documents that this server serves, those of every scope. */
    readonly oauthDocuments: MetadataRegistry
    /** @internal The options that this scope was registered with. */
    readonly [givenOptions]: object
  }
  interface FastifyRequest {
    /** What the route of this request asks for. */
    readonly oauthPolicy: RoutePolicy
    /** Why this package refused the request; `null` while it has not. */
    oauthRefusal: OAuthResourceError | null
  }
  interface FastifyContextConfig {
    /**
     * What this route requires. `false`: no token. An object (`RouteOptions`): `token`, `scopes`, `anyOfScopes`, `acr`,
     * `maxAgeSeconds`, `actors`, `organization`, `team`, `policy`, `dpop`, `challenge` and others. Default: any valid access
     * token. An unknown or contradictory member is an OptionError when the route is registered.
     */
    oauth?: RouteConfig<FastifyRequest>
    /** Not a member: it is `oauth`. Declared, as Fastify's types accept unknown members of `config`. */
    oath?: never
    /** Not a member: it is `oauth`. */
    oAuth?: never
  }
}

const documents = Symbol('fastify-oauth-resource-server.documents')
const listing = Symbol('fastify-oauth-resource-server.listing')

// Async: Fastify reports to the caller of `register` only what an async plugin throws.
const plugin: FastifyPluginAsync<Options> = async (app, options) => {
  const given = ownOptions(options)
  if (Object.hasOwn(app, 'oauthConfig')) return checkRepetition(app, given)

  const { config, warnings } = resolveConfig(given)
  for (const warning of warnings) app.log.warn(`${config.resource}: ${warning}`)
  const resource = createResource(config, app.log)
  const { policies } = resource

  app.decorate('oauthConfig', config)
  app.decorate('oauthResource', resource)
  app.decorate(givenOptions, given)
  app.decorate('oauthDocuments', sharedByServer(app, documents, createMetadataRegistry))
  declareRequestState(app)
  if (!app.hasRequestDecorator('oauthPolicy')) {
    app.decorateRequest('oauthPolicy', { getter (this: FastifyRequest) { return policyOf(this) } })
    app.decorateRequest('oauthRefusal', null)
  }
  app.addHook('onRoute', function (route) {
    // The nearest scope's, which need not be the one that this hook was added for.
    this.oauthResource.policies.add(route)
  })
  app.addHook('onError', noteRefusal)
  app.addHook('onReady', next => {
    try {
      policies.complete()
      checkRoutes(app, resource)
      warnOfUnknownScopes(app)
      next()
    } catch (error) {
      next(error as Error)
    }
  })
}

/** @throws OptionError for a route with an invalid policy, or with one that has no effect */
function checkRoutes (app: FastifyInstance, resource: ProtectedResource): void {
  for (const { config, server } of sharedByServer(app, listing, listRoutes)) {
    const { oauthResource } = server as Partial<FastifyInstance>
    if (oauthResource === resource) resource.policies.policyOf(config)
    if (oauthResource !== undefined || config.oauth === undefined || config.oauth === false) continue
    throw new OptionError(
      `config.oauth of ${routeLabel(config.method!, config.url!)} has no effect, so the route is open: no protected resource is registered in its ` +
      'scope or around it; register the plugin there, or remove config.oauth')
  }
}

/** A scope that a route asks for and the configuration does not know is likely a typing error. */
function warnOfUnknownScopes ({ oauthResource: { config: { resource, scopes }, policies }, log }: FastifyInstance): void {
  if (scopes.length === 0) return
  const known = scopes.map(({ name }) => name)
  for (const [scope, route] of policies.requiredScopes) {
    if (!known.includes(scope)) log.warn(`${resource}: ${route} requires the scope ${scope}, which is not among scopes.${didYouMean(scope, known)}`)
  }
}

/** Two modules may register the same; a second registration with other options is an error. */
function checkRepetition ({ oauthConfig: { resource }, [givenOptions]: earlier }: FastifyInstance, given: Record<string, unknown>): void {
  if (isDeepStrictEqual(earlier, given)) return
  throw new OptionError(
    `resource ${JSON.stringify(given.resource)}: the plugin is already registered here for ${resource}, with other options; ` +
    'register each resource in a child plugin of its own')
}

/**
 * Checks the options once and decorates the scope with what every other plugin of the package reads: `app.oauthConfig`,
 * and `app.oauthResource`, everything that is made from it. When the server is ready, it checks `config.oauth` of every
 * route and stops the boot where one is invalid or has no effect.
 */
export const config: FastifyPluginAsync<Options> = fp(plugin, {
  name: 'fastify-oauth-resource-server/config',
  fastify: '5.x'
})
