import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import fp from 'fastify-plugin'
import { OptionError } from '../lib/errors/errors.ts'
import { isKnown } from '../lib/metadata/conditional.ts'
import type { MetadataDocument } from '../lib/metadata/document.ts'
import type { LiveDocument } from '../lib/metadata/live-document.ts'
import { createLiveDocument } from '../lib/metadata/live-document.ts'
import { createLiveScopes } from '../lib/metadata/live-scopes.ts'
import type { MetadataRegistry } from '../lib/metadata/registry.ts'
import { MetadataConflictError } from '../lib/metadata/registry.ts'
import { metadataRoutes, metadataTarget, targetOf } from '../lib/metadata/well-known.ts'

/** Of the documents whose scopes are known late. */
const liveDocuments = new WeakMap<MetadataDocument, LiveDocument>()
const serversWithRoutes = new WeakSet<object>()

// Async, as what a plugin of the other kind throws is not caught.
const plugin: FastifyPluginAsync = async app => {
  const { oauthConfig: { identifier, document, metadataMaxAgeSeconds, rootAlias, documentServedElsewhere }, oauthDocuments } = app
  if (documentServedElsewhere) return
  try {
    oauthDocuments.add(identifier, document, metadataMaxAgeSeconds, rootAlias ?? undefined)
  } catch (error) {
    if (error instanceof MetadataConflictError) throw new OptionError(error.message)
    throw error
  }
  addLiveDocument(app)
  if (!serversWithRoutes.has(app.server)) {
    serversWithRoutes.add(app.server)
    addRoutes(rootOf(app), oauthDocuments)
  }
}

/** Two scopes of one resource share the document that came first, and both have routes. */
function addLiveDocument ({ oauthConfig, oauthDocuments, oauthRules }: FastifyInstance): void {
  const { identifier, scopes, scopesSupported, liveScopes, clock } = oauthConfig
  if (scopesSupported === 'configured' && liveScopes === null) return
  const { document } = oauthDocuments.find(metadataTarget(identifier))!
  let live = liveDocuments.get(document)
  if (live === undefined) {
    const neverAdvertised = ['*', ...scopes.filter(scope => !scope.advertised).map(scope => scope.name)]
    live = createLiveDocument({
      document,
      routes: scopesSupported === 'routes' ? { neverAdvertised } : null,
      liveScopes: liveScopes === null ? null : createLiveScopes(liveScopes, clock)
    })
    liveDocuments.set(document, live)
  }
  live.addRoutes(oauthRules.requiredScopes)
}

const allowedMethods = ['GET', 'HEAD', 'OPTIONS']
/** For everybody: no token, and neither the CORS rules nor the rate limit of the application (RFC 9700 section 2.6). */
const open = { oauth: false, cors: false, rateLimit: false } as const

/** The documents are handed over: the root itself may have no configuration, when only scopes within it do. */
function addRoutes (root: FastifyInstance, documents: MetadataRegistry): void {
  const sendDocument = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => await answer(documents, request, reply)
  const others = root.supportedMethods.filter(method => !allowedMethods.includes(method))
  for (const url of metadataRoutes) {
    root.route({ method: 'GET', url, exposeHeadRoute: true, config: open, schema: hidden, handler: sendDocument })
    root.route({ method: 'OPTIONS', url, config: open, schema: hidden, handler: answerPreflight })
    // In onRequest, before a body or its media type can be a matter.
    root.route({ method: others, url, config: open, schema: hidden, onRequest: async (request, reply) => refuseMethod(request, reply), handler: refuseMethod })
  }
}

/** Not an operation of the host's API: left out of its OpenAPI document. */
const hidden = { hide: true } as FastifySchema

async function answer (documents: MetadataRegistry, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  allowEveryOrigin(reply)
  const entry = documents.find(targetOf(request.url))
  if (entry === null) {
    return reply.code(404).header('cache-control', 'no-store')
      .send({ statusCode: 404, error: 'Not Found', message: 'No protected resource of this server has its metadata here' })
  }
  const { maxAgeSeconds } = entry
  const document = await liveDocuments.get(entry.document)?.current() ?? entry.document
  reply.header('cache-control', `public, max-age=${maxAgeSeconds}`).header('etag', document.etag)
  if (isKnown(request.headers['if-none-match'], document.etag)) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(document.body)
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

function refuseMethod (_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return allowEveryOrigin(reply).code(405).header('allow', allowedMethods.join(', '))
    .send({ statusCode: 405, error: 'Method Not Allowed', message: 'The metadata of a protected resource is read with GET' })
}

/** Whatever another plugin's hook has put there. */
function allowEveryOrigin (reply: FastifyReply): FastifyReply {
  return reply.removeHeader('access-control-allow-credentials').header('access-control-allow-origin', '*')
}

/**
 * The scope that every other one inherits from. A route of any other scope would get that scope's prefix, and the
 * well-known routes stand at the root of the origin (RFC 8615 section 3).
 */
function rootOf (app: FastifyInstance): FastifyInstance {
  let root = app
  // Fastify's encapsulation is prototypal: only the root has the methods as its own.
  while (!Object.hasOwn(root, 'route')) root = Object.getPrototypeOf(root) as FastifyInstance
  return root
}

/** Serves the metadata document of the resource (RFC 9728 section 3), without a token, at the root of the server. */
export const metadata: FastifyPluginAsync = fp(plugin, {
  name: 'fastify-oauth-resource-server/metadata',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
