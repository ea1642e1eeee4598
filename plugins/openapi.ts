import type { FastifyInstance, FastifyPluginCallback, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { metadataRoutes } from '../lib/metadata/well-known.ts'
import type { OpenApiCatalogue, OpenApiDocument } from '../lib/openapi/catalogue.ts'
import { createOpenApiCatalogue } from '../lib/openapi/catalogue.ts'

/** What `@fastify/swagger` gives to a route's `config.swaggerTransform`. In a document of Swagger 2.0 there is no `openapiObject`. */
interface TransformInput { schema: unknown, url: string, openapiObject?: OpenApiDocument }

interface Server {
  readonly catalogue: OpenApiCatalogue
  /** Whether swagger was there to see the routes by which its document is completed. */
  carried: boolean
}

const servers = new WeakMap<object, Server>()
/** A scope within a scope has the hooks of both. */
const described = new WeakSet<RouteOptions>()
const swagger = '@fastify/swagger'

const plugin: FastifyPluginCallback = (app, _options, done) => {
  const root = rootOf(app)
  if (!servers.has(app.server)) {
    const server: Server = { catalogue: createOpenApiCatalogue(), carried: false }
    servers.set(app.server, server)
    root.addHook('onRoute', route => { carry(server, root, route) })
  }
  const { catalogue } = servers.get(app.server)!
  app.addHook('onRoute', function (route) { describe(catalogue, this, route) })
  app.addHook('onReady', next => {
    if (app.oauthConfig.openapi !== null && app.hasPlugin(swagger) && !servers.get(app.server)!.carried) {
      app.log.warn(`${app.oauthConfig.resource}: the OpenAPI document does not show what routes ask for; register ${swagger} at the root and before the protected resource`)
    }
    next()
  })
  done()
}

function carry (server: Server, root: FastifyInstance, route: RouteOptions): void {
  if (!metadataRoutes.includes(route.url)) return
  server.carried = root.hasPlugin(swagger)
  route.config = { ...route.config, swaggerTransform: transformOf(server.catalogue) } as RouteOptions['config'] & object
}

/** By the configuration of the nearest scope, which need not be the one that the hook was added for. */
function describe (catalogue: OpenApiCatalogue, { oauthConfig: { openapi, issuers }, oauthRules }: FastifyInstance, route: RouteOptions): void {
  if (openapi === null || described.has(route)) return
  described.add(route)
  const advertised = issuers.filter(issuer => issuer.advertised).map(issuer => issuer.rule.issuer)
  catalogue.add(route, () => oauthRules.ruleOf(route), openapi, advertised)
}

/**
 * The routes of the metadata document are the first of a resource and are not shown themselves: before any route of the
 * host is described, the document gets there the schemes that its description speaks of. That leaves the `transform` of
 * the document to the host, and the schemas that routes run by as they are.
 */
function transformOf (catalogue: OpenApiCatalogue): (input: TransformInput) => Pick<TransformInput, 'schema' | 'url'> {
  return ({ schema, url, openapiObject }) => {
    if (openapiObject !== undefined) catalogue.describe(openapiObject)
    return { schema, url }
  }
}

function rootOf (app: FastifyInstance): FastifyInstance {
  let root = app
  // Fastify's encapsulation is prototypal: only the root has the methods as its own.
  while (!Object.hasOwn(root, 'route')) root = Object.getPrototypeOf(root) as FastifyInstance
  return root
}

/**
 * Shows what routes ask for in the OpenAPI document of `@fastify/swagger`, where that is registered. It goes before the
 * metadata plugin.
 */
export const openapi: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/openapi',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
