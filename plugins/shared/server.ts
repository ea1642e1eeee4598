import type { FastifyInstance, FastifyReply, FastifySchema } from 'fastify'

/**
 * The scope that every other one inherits from. A route of any other scope gets the prefix of that scope, and the
 * well-known routes stand at the root of the origin (RFC 8615 section 3).
 */
export function rootOf (app: FastifyInstance): FastifyInstance {
  let root = app
  // Fastify's encapsulation is prototypal: only the root has the methods as its own.
  while (!Object.hasOwn(root, 'route')) root = Object.getPrototypeOf(root) as FastifyInstance
  return root
}

/**
 * A value that all scopes of one server share: it is kept at the root, under a symbol of the plugin that asks.
 *
 * @param make called once a server
 */
export function sharedByServer<T> (app: FastifyInstance, key: symbol, make: (root: FastifyInstance) => T): T {
  const root = rootOf(app) as FastifyInstance & Record<symbol, T | undefined>
  root[key] ??= make(root)
  return root[key]
}

/** `config` of the well-known routes: no token, and neither the CORS policy nor the rate limit of the application (RFC 9700 section 2.6). */
export const openRoute = { oauth: false, cors: false, rateLimit: false } as const

/** `schema` of the well-known routes: they are no operations of the host's API and are left out of its OpenAPI document. */
export const hiddenRoute: FastifySchema = { hide: true } as FastifySchema

/** For the answers of the well-known routes: scripts of every origin may read them, whatever a hook of another plugin has set. */
export function allowEveryOrigin (reply: FastifyReply): FastifyReply {
  // Asked first: V8 makes a dictionary of headers from which one was deleted, and Fastify deletes whether it is there or not.
  if (reply.hasHeader('access-control-allow-credentials')) reply.removeHeader('access-control-allow-credentials')
  return reply.header('access-control-allow-origin', '*')
}
