import type { ServerHttp2Stream } from 'node:http2'
import type { Readable } from 'node:stream'
import type { FastifyContextConfig, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { MissingTokenError, OptionError, withoutStackTrace } from '../lib/errors/errors.ts'
import { parseAddress, splitTarget } from '../lib/forward/address.ts'
import { ForwardError } from '../lib/errors/forward-errors.ts'
import type { ForwardedAnswer, Forwarder } from '../lib/forward/forwarder.ts'
import { createForwarder } from '../lib/forward/forwarder.ts'
import type {
  CheckedForwardOptions, FixedForwardRoute as FixedRoute, ForwardOptions as Options, ForwardTargetOptions as TargetOptions
} from '../lib/forward/options.ts'
import { checkForwardOptions } from '../lib/forward/options.ts'
import { bringsSecret } from '../lib/forward/secret.ts'
import type { ForwardTargets as Targets, Target } from '../lib/forward/targets.ts'
import { createTargetRegistry } from '../lib/forward/targets.ts'
import { createUpstreams } from '../lib/forward/upstreams.ts'
import { ownOptions } from '../lib/options/check-options.ts'

/** The options of the proxy; see docs/forward.md for each. */
export type ForwardOptions = Options<FastifyRequest, FastifyContextConfig>
/** One of its `routes`. */
export type FixedForwardRoute = FixedRoute<FastifyRequest, FastifyContextConfig>
/** What `app.forwardTargets.register` takes. */
export type ForwardTargetOptions = TargetOptions<FastifyRequest>
/** `app.forwardTargets` */
export type ForwardTargets = Targets<FastifyRequest>

type Checked = CheckedForwardOptions<FastifyRequest, FastifyContextConfig>

declare module 'fastify' {
  interface FastifyInstance {
    /** The targets of the proxy that come and go while the server runs. */
    readonly forwardTargets: ForwardTargets
  }
}

// TRACE would give the credential back to the caller.
const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

// Async, as what a plugin of the other kind throws is not caught.
const plugin: FastifyPluginAsync<ForwardOptions> = async (app, given) => {
  const options = checkForwardOptions<FastifyRequest, FastifyContextConfig>(ownOptions(given))
  const callers = options.callers ?? (asksForTokens(app) ? 'access-token' : 'secret')
  if (callers === 'access-token' && !asksForTokens(app)) {
    throw new OptionError('forward.callers is "access-token", and nothing in this scope asks for access tokens: register the authenticate plugin first')
  }
  const upstreams = await createUpstreams(options, options.dispatcher)
  const forwarder = createForwarder(options, upstreams)
  const { targets, find, close } = createTargetRegistry<FastifyRequest>({
    allowInsecureUpstreams: options.allowInsecureUpstreams,
    withSecrets: callers === 'secret',
    path: () => pathIn(app.prefix, options.path),
    origin: () => options.baseUrl ?? (app.server.listening ? app.listeningOrigin : null)
  })
  app.decorate('forwardTargets', targets)
  const underWay = new Set<AbortController>()
  let grace: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    close()
    forwarder.endStreams()
    grace = setTimeout(() => {
      for (const one of underWay) one.abort(new ForwardError('FST_OAUTH_FORWARD_CLOSED'))
    }, options.closeTimeoutMs)
  })
  app.addHook('onClose', async () => {
    clearTimeout(grace)
    await upstreams.close()
  })

  await app.register(async scope => {
    // What hooks of the host have made of the body, where they have.
    const payloads = new WeakMap<FastifyRequest, Readable>()
    // A body goes on as it comes, whatever it is. The parser comes after every preParsing hook, also after those that were
    // added later than the one below; requests that Fastify expects no body of never get to it.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (request, payload, done) => {
      payloads.set(request, payload as Readable)
      done(null)
    })
    scope.addHook('preParsing', (request, _reply, payload, done) => {
      payloads.set(request, payload as Readable)
      done(null)
    })

    const addRoute = (path: string, config: FastifyContextConfig, targetOf: (request: FastifyRequest) => Target<FastifyRequest> | null): void => {
      const segments = pathIn(scope.prefix, path).split(/\/+/).length - 1
      for (const url of [path, `${path}/*`]) {
        scope.route({
          method: methods,
          url,
          config,
          exposeHeadRoute: false,
          async handler (request, reply) {
            const target = await admit(request, reply, targetOf(request), options.secretHeader)
            return await relay(request, reply, target, segments, payloads.get(request)!, forwarder, underWay)
          }
        })
      }
    }
    for (const [path, fixed] of Object.entries(options.routes)) {
      const target = fixedTarget(path, fixed, options, callers)
      addRoute(path, configOf(`forward.routes[${JSON.stringify(path)}]`, fixed.config, callers), () => target)
    }
    addRoute(`${options.path}/:id`, configOf('forward', options.config, callers), request => find((request.params as { id: string }).id))
  })
}

/** The path of a route as Fastify joins it: a prefix may end with a slash, and brings none of its own then. */
function pathIn (prefix: string, path: string): string {
  return `${prefix.replace(/\/$/, '')}${path}`
}

function asksForTokens (app: FastifyInstance): boolean {
  return app.hasDecorator('accessTokenVerifier')
}

function fixedTarget (
  path: string, fixed: Checked['routes'][string], { allowInsecureUpstreams }: Checked, callers: 'access-token' | 'secret'
): Target<FastifyRequest> {
  const { upstream, credential, mayUse, secret } = fixed
  const name = `forward.routes[${JSON.stringify(path)}]`
  if (callers === 'secret' && secret === undefined) throw new OptionError(`${name} needs a secret, as callers show no access token`)
  if (callers === 'access-token' && secret !== undefined) throw new OptionError(`${name} has a secret, and callers show an access token instead`)
  const address = parseAddress(`${name}.upstream`, upstream, allowInsecureUpstreams)
  return { address, credential, mayUse: mayUse ?? null, secret: secret ?? null, underWay: new Set() }
}

/**
 * A 401 that is passed on keeps the challenge of who made it. One for want of the secret has no hint: no authorization server
 * gives it.
 */
function configOf (name: string, given: FastifyContextConfig = {}, callers: 'access-token' | 'secret'): FastifyContextConfig {
  const { oauth } = given
  const takesNone = oauth === false || oauth?.token === 'none'
  if (callers === 'access-token' && takesNone) throw new OptionError(`${name}.config.oauth takes no token, and callers show nothing else`)
  if (callers === 'secret' && (takesNone || oauth === undefined)) return { ...given, oauth: { token: 'none', challenge: 'none' } }
  return { ...given, oauth: { challenge: 'keep', ...oauth } }
}

/** @throws ForwardError, MissingTokenError */
async function admit (
  request: FastifyRequest, reply: FastifyReply, target: Target<FastifyRequest> | null, secretHeader: string
): Promise<Target<FastifyRequest>> {
  if (target === null) throw withoutStackTrace(() => new ForwardError('FST_OAUTH_FORWARD_TARGET_UNKNOWN'))
  if (target.secret === null) {
    // Where the token is optional, or the request looks like a preflight, it has not been asked for one.
    if (!request.accessToken) throw withoutStackTrace(() => new MissingTokenError())
  } else if (!bringsSecret(request.raw.rawHeaders, secretHeader, target.secret)) {
    reply.header('www-authenticate', 'Bearer realm="forward"')
    throw withoutStackTrace(() => new ForwardError('FST_OAUTH_FORWARD_SECRET_REFUSED'))
  }
  // Who may not use it does not hear that it is there.
  if (target.mayUse !== null && await target.mayUse(request) !== true) throw withoutStackTrace(() => new ForwardError('FST_OAUTH_FORWARD_TARGET_UNKNOWN'))
  return target
}

/** One for all: an error for every request that ends, which every request does, costs more than the abort. */
const callerGone = new Error('Nobody waits for the answer any more')

async function relay (
  request: FastifyRequest, reply: FastifyReply, target: Target<FastifyRequest>, segments: number, payload: Readable, forwarder: Forwarder,
  underWay: Set<AbortController>
): Promise<FastifyReply> {
  const { raw, method } = request
  // Whoever admits callers may take its time. Who has left by then does not leave once more.
  if (isOver(reply)) return reply.hijack()
  const gone = new AbortController()
  const places = [underWay, target.underWay]
  for (const place of places) place.add(gone)
  const leave = (): void => {
    for (const place of places) place.delete(gone)
    // After a request that is complete on both sides there is nothing to end.
    if (!reply.raw.writableFinished || !raw.complete) gone.abort(callerGone)
  }
  // Neither a session nor a body that is waited for hears of it.
  const given = new Promise<never>((_resolve, reject) => {
    gone.signal.addEventListener('abort', () => reject(gone.signal.reason), { once: true })
  })
  reply.raw.once('close', leave)
  // Over HTTP/2 a body that was broken off looks like one that has ended, and the answer is closed only after that.
  raw.once('aborted', leave)
  const { own, rest } = splitTarget(raw.url!, segments)
  try {
    const asking = forwarder.forward(target, {
      method, own, rest, headers: raw.rawHeaders, body: hasBody(raw) ? payload : null, length: payload === raw ? lengthOf(raw) : null, signal: gone.signal
    })
    const answer = await Promise.race([asking, given])
    return send(reply, answer)
  } catch (error) {
    // There is nobody to tell.
    if (gone.signal.reason === callerGone) return reply.hijack()
    if (error instanceof ForwardError && error.retryAfterSeconds !== null) reply.header('retry-after', error.retryAfterSeconds)
    throw error
  }
}

/** An answer over HTTP/2 does not say so itself, but its stream does. */
function isOver ({ raw }: FastifyReply): boolean {
  return raw.destroyed || streamOf(raw)?.destroyed === true
}

/** HTTP/1.1 announces a body (RFC 9112 section 6.3); HTTP/2 has to say that there is none (RFC 9113 section 8.1). */
function hasBody (raw: FastifyRequest['raw']): boolean {
  const stream = streamOf(raw)
  if (stream !== undefined) return !stream.endAfterHeaders
  return raw.headers['content-length'] !== undefined || raw.headers['transfer-encoding'] !== undefined
}

function lengthOf ({ headers }: FastifyRequest['raw']): number | null {
  const length = headers['content-length']
  return length === undefined ? null : Number(length)
}

/** The stream of a request or answer over HTTP/2. */
function streamOf (message: object): ServerHttp2Stream | undefined {
  return (message as { readonly stream?: ServerHttp2Stream }).stream
}

function send (reply: FastifyReply, { status, headers, body, isWhole }: ForwardedAnswer): FastifyReply {
  reply.code(status)
  for (const [name, value] of headers) {
    // The host's hooks may have said what their part of the answer depends on.
    const existing = name === 'vary' ? reply.getHeader(name) : undefined
    reply.header(name, existing === undefined ? value : [existing, value].flat().join(', '))
  }
  if (body === null) return reply.send()
  // Fastify sends the head with the first byte of a stream, and an event stream may have none for a long time. By the time
  // the stream is piped every hook has had its say.
  if (!isWhole) reply.raw.once('pipe', () => reply.raw.flushHeaders())
  return reply.send(body)
}

/**
 * A reverse proxy to protected upstreams. The caller's credentials stay here: every target has a credential of its own, and
 * the access token of one of ours is renewed when the upstream says that it is dead, once a request. Targets come from
 * `routes`, and from `app.forwardTargets` while the server runs.
 */
export const forward: FastifyPluginAsync<ForwardOptions> = fp(plugin, {
  name: 'fastify-oauth-resource-server/forward',
  fastify: '5.x'
})
