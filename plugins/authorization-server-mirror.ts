import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { RefreshingValue } from '../lib/http/refreshing-value.ts'
import { createMirror, mirrorPath, mirrorRoutes } from '../lib/metadata/mirror.ts'
import { allowEveryOrigin, hiddenRoute, openRoute, sharedByServer } from './shared/server.ts'

type Mirrors = Map<string, RefreshingValue<string>>

const mirrorsOfServer = Symbol('fastify-oauth-resource-server.mirrors')

const plugin: FastifyPluginCallback = (app, _options, done) => {
  const { authorizationServerMirror: issuer, identifier, fetch, discovery, clock } = app.oauthConfig
  if (issuer === null) return done()
  const mirrors = sharedByServer(app, mirrorsOfServer, addRoutes)
  const mirror = createMirror({ issuer, fetch, limits: discovery.limits, refresh: discovery.metadata, clock })
  // Old clients look at the root, whatever the path of the resource; of several resources, the first is served there.
  for (const path of [mirrorPath(identifier.path), mirrorPath('')]) if (!mirrors.has(path)) mirrors.set(path, mirror)
  done()
}

function addRoutes (root: FastifyInstance): Mirrors {
  const mirrors: Mirrors = new Map()
  const route = { config: openRoute, schema: hiddenRoute }
  for (const url of mirrorRoutes) {
    root.route({ ...route, method: 'GET', url, exposeHeadRoute: true, handler: (request, reply) => answer(mirrors, request, reply) })
    root.route({ ...route, method: 'OPTIONS', url, handler: answerPreflight })
  }
  return mirrors
}

async function answer (mirrors: Mirrors, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  allowEveryOrigin(reply).header('cache-control', 'no-store')
  const mirror = mirrors.get(request.url.replace(/\?.*$/, ''))
  if (mirror === undefined) {
    return reply.code(404).send({ statusCode: 404, error: 'Not Found', message: 'No protected resource of this server has its authorization server here' })
  }
  try {
    return reply.type('application/json; charset=utf-8').send(await mirror.get())
  } catch (error) {
    request.log.warn({ err: error }, 'the metadata of the authorization server could not be loaded')
    return reply.code(503).header('retry-after', '5')
      .send({ statusCode: 503, error: 'Service Unavailable', message: 'The metadata of the authorization server is not available at the moment' })
  }
}

function answerPreflight (_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return allowEveryOrigin(reply).header('access-control-allow-methods', 'GET, HEAD, OPTIONS')
    .header('access-control-allow-headers', '*, Authorization').code(204).send()
}

/**
 * Serves a copy of the authorization server's metadata on the origin of the resource, where the option says so: for
 * clients that are older than RFC 9728 and expect the resource to be its own authorization server.
 */
export const authorizationServerMirror: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/authorization-server-mirror',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
