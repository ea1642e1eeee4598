import type { FastifyInstance, FastifyPluginCallback, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { metadataRoutes } from '../lib/metadata/well-known.ts'
import type { OpenApiCatalogue, OpenApiDocument } from '../lib/openapi/catalogue.ts'
import { createOpenApiCatalogue } from '../lib/openapi/catalogue.ts'
import { sharedByServer } from './shared/server.ts'

/** What `@fastify/swagger` gives to a route's `config.swaggerTransform`. In a document of Swagger 2.0 there is no `openapiObject`. */
interface TransformInput { schema: unknown, url: string, openapiObject?: OpenApiDocument }

interface Server {
  readonly catalogue: OpenApiCatalogue
  /** Whether swagger saw the routes by which its document is completed. */
  carried: boolean
}

const serverKey = Symbol('fastify-oauth-resource-server.openapi')
const described: unique symbol = Symbol('fastify-oauth-resource-server.described')
const swagger = '@fastify/swagger'

const plugin: FastifyPluginCallback = (app, _options, done) => {
  const server = sharedByServer(app, serverKey, watch)
  app.addHook('onRoute', function (route) { describe(server.catalogue, this, route) })
  app.addHook('onReady', next => {
    if (app.oauthConfig.openapi !== null && app.hasPlugin(swagger) && !server.carried) {
      app.log.warn(`${app.oauthConfig.resource}: the OpenAPI document does not show what routes ask for; register ${swagger} at the root and before the protected resource`)
    }
    next()
  })
  done()
}

function watch (root: FastifyInstance): Server {
  const server: Server = { catalogue: createOpenApiCatalogue(), carried: false }
  root.addHook('onRoute', route => { carry(server, root, route) })
  return server
}

function carry (server: Server, root: FastifyInstance, route: RouteOptions): void {
  if (!metadataRoutes.includes(route.url)) return
  server.carried = root.hasPlugin(swagger)
  route.config = { ...route.config, swaggerTransform: transformOf(server.catalogue) } as RouteOptions['config'] & object
}

/** By the resource of the nearest scope, which need not be the one that the hook was added for. */
function describe (catalogue: OpenApiCatalogue, { oauthResource: { config, policies } }: FastifyInstance, route: DescribedOnce): void {
  const { openapi, issuers, dpop, clientCertificates } = config
  // A scope within a scope runs the hooks of both.
  if (openapi === null || route[described] === true) return
  Object.defineProperty(route, described, { value: true })
  // The `onRoute` hook of config, which is older, has set it.
  catalogue.add(route, () => policies.policyOf(route.config!), {
    settings: openapi,
    advertisedIssuers: issuers.filter(issuer => issuer.advertised).map(issuer => issuer.rule.issuer),
    binding: {
      dpop: dpop?.requirement ?? 'off',
      certificates: clientCertificates === null ? 'off' : clientCertificates.required ? 'required' : 'allowed'
    }
  })
}

type DescribedOnce = RouteOptions & { [described]?: boolean }

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

/**
 * Shows what routes ask for in the OpenAPI document of `@fastify/swagger`, where that is registered. It goes before the
 * metadata plugin.
 */
export const openapi: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/openapi',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
