import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest, FastifySchema } from 'fastify'
import fp from 'fastify-plugin'
import type { RefreshingValue } from '../lib/http/refreshing-value.ts'
import { createMirror, mirrorPath, mirrorRoutes } from '../lib/metadata/mirror.ts'

type Mirrors = Map<string, RefreshingValue<string>>

const mirrorsByServer = new WeakMap<object, Mirrors>()

const plugin: FastifyPluginCallback = (app, _options, done) => {
  const { authorizationServerMirror: issuer, identifier, fetch, discovery, clock } = app.oauthConfig
  if (issuer === null) return done()
  let mirrors = mirrorsByServer.get(app.server)
  if (mirrors === undefined) {
    mirrors = new Map()
    mirrorsByServer.set(app.server, mirrors)
    addRoutes(rootOf(app), mirrors)
  }
  const mirror = createMirror({ issuer, fetch, limits: discovery.limits, refresh: discovery.metadata, clock })
  // Old clients look at the root, whatever the path of the resource; where there are several, the first has it.
  for (const path of [mirrorPath(identifier.path), mirrorPath('')]) if (!mirrors.has(path)) mirrors.set(path, mirror)
  done()
}

const open = { oauth: false, cors: false, rateLimit: false } as const
const hidden = { hide: true } as FastifySchema

function addRoutes (root: FastifyInstance, mirrors: Mirrors): void {
  for (const url of mirrorRoutes) {
    root.route({ method: 'GET', url, exposeHeadRoute: true, config: open, schema: hidden, handler: (request, reply) => answer(mirrors, request, reply) })
    root.route({ method: 'OPTIONS', url, config: open, schema: hidden, handler: answerPreflight })
  }
}

async function answer (mirrors: Mirrors, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  reply.header('access-control-allow-origin', '*').header('cache-control', 'no-store')
  const mirror = mirrors.get(request.url.replace(/\?.*$/, ''))
  if (mirror === undefined) {
    return reply.code(404).send({ statusCode: 404, error: 'Not Found', message: 'No protected resource of this server has its authorization server here' })
  }
  try {
    return reply.type('application/json; charset=utf-8').send(await mirror.get())
  } catch (error) {
    request.log.warn({ err: error }, 'the metadata of the authorization server cannot be had')
    return reply.code(503).header('retry-after', '5')
      .send({ statusCode: 503, error: 'Service Unavailable', message: 'The metadata of the authorization server cannot be had at the moment' })
  }
}

function answerPreflight (_request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.header('access-control-allow-origin', '*').header('access-control-allow-methods', 'GET, HEAD, OPTIONS')
    .header('access-control-allow-headers', '*, Authorization').code(204).send()
}

function rootOf (app: FastifyInstance): FastifyInstance {
  let root = app
  // Fastify's encapsulation is prototypal: only the root has the methods as its own.
  while (!Object.hasOwn(root, 'route')) root = Object.getPrototypeOf(root) as FastifyInstance
  return root
}

/**
 * Serves a copy of the authorization server's metadata on the origin of the resource, where the option says so: for
 * clients that are older than RFC 9728 and take the resource for its own authorization server.
 */
export const authorizationServerMirror: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/authorization-server-mirror',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
