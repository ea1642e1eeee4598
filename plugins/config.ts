import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthResourceServerOptions } from '../lib/config/options.ts'
import type { OAuthConfig } from '../lib/config/resolve.ts'
import { resolveConfig } from '../lib/config/resolve.ts'
import { OptionError } from '../lib/errors/errors.ts'
import type { MetadataRegistry } from '../lib/metadata/registry.ts'
import { createMetadataRegistry } from '../lib/metadata/registry.ts'
import { ownOptions } from '../lib/options/check-options.ts'
import type { RouteConfig } from '../lib/policy/route-options.ts'
import type { RoutePolicy } from '../lib/policy/route-policy.ts'
import type { RoutePolicies } from '../lib/policy/route-policies.ts'
import { createRoutePolicies } from '../lib/policy/route-policies.ts'

type Options = OAuthResourceServerOptions<FastifyRequest>

declare module 'fastify' {
  interface FastifyInstance {
    /** The configuration of the protected resource that this scope belongs to, checked and frozen. */
    readonly oauthConfig: OAuthConfig
    /** The metadata documents that this server serves, those of every scope. */
    readonly oauthDocuments: MetadataRegistry
    /** The compiled rules of this scope's routes. */
    readonly oauthRules: RoutePolicies
  }
  interface FastifyRequest {
    /** The compiled rule of the route that this request is for. */
    readonly oauthRule: RoutePolicy
  }
  interface FastifyContextConfig {
    /** What this route asks for; `false` for nothing. See `RouteOptions`. */
    oauth?: RouteConfig<FastifyRequest>
  }
}

const documentsByServer = new WeakMap<object, MetadataRegistry>()
const givenOptions = new WeakMap<OAuthConfig, object>()

// Async, as what a plugin of the other kind throws is not caught: whoever awaits the registration would never hear of it.
const plugin: FastifyPluginAsync<Options> = async (app, options) => {
  const given = ownOptions(options)
  if (Object.hasOwn(app, 'oauthConfig')) return checkRepetition(app.oauthConfig, given)

  const { config, warnings } = resolveConfig(given)
  givenOptions.set(config, given)
  for (const warning of warnings) app.log.warn(`${config.resource}: ${warning}`)

  app.decorate('oauthConfig', config)
  app.decorate('oauthDocuments', documentsOf(app))
  app.decorate('oauthRules', createRoutePolicies())
  if (!app.hasRequestDecorator('oauthRule')) {
    app.decorateRequest('oauthRule', {
      getter (this: FastifyRequest) { return this.server.oauthRules.ruleOf(this.routeOptions) }
    })
  }
  app.addHook('onRoute', function (route) {
    // The nearest scope's, which need not be the one that this hook was added for.
    this.oauthRules.ruleOf(route)
  })
  app.addHook('onReady', function (next) {
    warnOfUnknownScopes(app)
    next()
  })
}

/** A scope that a route asks for and the configuration does not know is likely a typing error. */
function warnOfUnknownScopes ({ oauthConfig: { resource, scopes }, oauthRules, log }: FastifyInstance): void {
  if (scopes.length === 0) return
  for (const [scope, route] of oauthRules.requiredScopes) {
    if (!scopes.some(({ name }) => name === scope)) log.warn(`${resource}: ${route} asks for ${scope}, which is not among the scopes`)
  }
}

/** Two modules that register the same thing do no harm; two that mean different things are told so. */
function checkRepetition (config: OAuthConfig, given: Record<string, unknown>): void {
  if (isDeepStrictEqual(givenOptions.get(config), given)) return
  throw new OptionError(
    `resource ${JSON.stringify(given.resource)}: this scope belongs to ${config.resource} already, with other options; ` +
    'register each resource in a scope of its own')
}

/** Well-known routes stand at the root of the server, so all of its scopes share them. */
function documentsOf (app: FastifyInstance): MetadataRegistry {
  let documents = documentsByServer.get(app.server)
  if (documents === undefined) {
    documents = createMetadataRegistry()
    documentsByServer.set(app.server, documents)
  }
  return documents
}

/**
 * Checks the options once and decorates the scope with what every other plugin of the package reads:
 * `app.oauthConfig`.
 */
export const config: FastifyPluginAsync<Options> = fp(plugin, {
  name: 'fastify-oauth-resource-server/config',
  fastify: '5.x'
})
