import { STATUS_CODES } from 'node:http'
import type { HttpErrors } from '@fastify/sensible'
import type { FastifyError, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { MetadataDocument } from '../lib/metadata/document.ts'
import { isKnown } from '../lib/metadata/document.ts'
import { createLiveDocument } from '../lib/metadata/live-document.ts'
import { createLiveScopes } from '../lib/metadata/live-scopes.ts'
import type { MetadataRegistry } from '../lib/metadata/registry.ts'
import { metadataRoutes, targetOf } from '../lib/metadata/well-known.ts'
import { allowEveryOrigin, hiddenRoute, openRoute, rootOf } from './shared/server.ts'

const routesAdded: unique symbol = Symbol('fastify-oauth-resource-server.metadata-routes')

// Async: Fastify reports to the caller of `register` only what an async plugin throws.
const plugin: FastifyPluginAsync = async app => {
  const { oauthConfig, oauthDocuments, oauthResource: { policies } } = app
  const { identifier, document, metadataUrl, metadataMaxAgeSeconds, rootAlias, documentServedElsewhere, scopes, scopesSupported, liveScopes, signedMetadata, clock } = oauthConfig
  if (documentServedElsewhere) return
  const neverAdvertised = ['*', ...scopes.filter(scope => !scope.advertised).map(scope => scope.name)]
  // Two scopes of one resource share the document that came first, and both have routes.
  const publishedAt = targetOf(metadataUrl)
  const live = createLiveDocument({
    document,
    routes: scopesSupported === 'routes' ? { neverAdvertised } : null,
    liveScopes: liveScopes === null ? null : createLiveScopes(liveScopes, clock)
  })
  // Loaded only where it is configured.
  const served = signedMetadata === null ? live : (await import('./shared/signed-document.ts')).signDocument(app, signedMetadata, live)
  oauthDocuments.add(identifier, served, { maxAgeSeconds: metadataMaxAgeSeconds, rootAlias, publishedAt }).addScopes(policies)

  const root = rootOf(app) as FastifyInstance & { [routesAdded]?: Set<string> }
  const added = root[routesAdded] ??= new Set()
  const [path = ''] = publishedAt.split('?')
  const missing = [...metadataRoutes, ...path.startsWith(metadataRoutes[0]) ? [] : [path]].filter(url => !added.has(url))
  if (missing.length === 0) return
  for (const url of missing) added.add(url)
  addRoutes(root, missing, oauthDocuments)
}

const allowedMethods = ['GET', 'HEAD', 'OPTIONS']

/** The documents are handed over: the root itself may have no configuration, when only scopes within it do. */
function addRoutes (root: FastifyInstance, urls: readonly string[], documents: MetadataRegistry): void {
  const route = { config: openRoute, schema: hiddenRoute, errorHandler: sendError }
  const refuseMethod = async (_request: FastifyRequest, reply: FastifyReply): Promise<never> => {
    allowEveryOrigin(reply).header('allow', allowedMethods.join(', '))
    throw (await httpErrors()).methodNotAllowed('The metadata of a protected resource is read with GET')
  }
  const refuseUnknown = async (reply: FastifyReply): Promise<never> => {
    reply.header('cache-control', 'no-store')
    throw (await httpErrors()).notFound('No protected resource of this server has its metadata here')
  }
  // Anyone may call it, so without a promise where nothing has to be waited for.
  const sendDocument = (request: FastifyRequest, reply: FastifyReply): void | Promise<void> => {
    allowEveryOrigin(reply)
    const entry = documents.find(targetOf(request.url), request.host)
    if (entry === null) return refuseUnknown(reply)
    const send = ({ body, etag }: MetadataDocument): void => {
      reply.header('cache-control', `public, max-age=${entry.maxAgeSeconds}`).header('etag', etag)
      if (isKnown(request.headers['if-none-match'], etag)) reply.code(304).send()
      else reply.type('application/json; charset=utf-8').send(body)
    }
    const document = entry.document.current()
    return document instanceof Promise ? document.then(send) : send(document)
  }
  // A colon begins a parameter in the pattern of a route, unless there are two.
  for (const url of urls.map(one => one.replaceAll(':', '::'))) {
    root.route({ ...route, method: 'GET', url, exposeHeadRoute: true, handler: sendDocument })
    root.route({ ...route, method: 'OPTIONS', url, handler: answerPreflight })
    // In onRequest: neither a body nor its media type matters.
    root.route({ ...route, method: root.supportedMethods.filter(method => !allowedMethods.includes(method)), url, onRequest: refuseMethod, handler: refuseMethod })
  }
}

/**
 * The errors of `@fastify/sensible`, without the plugin: the host may register it. Loaded with the first error, as it takes as
 * much time to load as the rest of this package.
 */
async function httpErrors (): Promise<HttpErrors> {
  return (await import('@fastify/sensible')).httpErrors
}

/** Clients of the well-known routes read this body. The error handler of the host renders the errors of its own API. */
function sendError ({ statusCode, message }: FastifyError, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.code(statusCode!).send({ statusCode, error: STATUS_CODES[statusCode!], message })
}

function answerPreflight (_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return allowEveryOrigin(reply)
    .header('access-control-allow-methods', allowedMethods.join(', '))
    // The star does not cover Authorization.
    .header('access-control-allow-headers', '*, Authorization')
    .header('access-control-max-age', '86400')
    .header('allow', allowedMethods.join(', '))
    .code(204).send()
}

/** Serves the metadata document of the resource (RFC 9728 section 3), without a token, at the root of the server. */
export const metadata: FastifyPluginAsync = fp(plugin, {
  name: 'fastify-oauth-resource-server/metadata',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
