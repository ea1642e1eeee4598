import type { ServerHttp2Stream } from 'node:http2'
import { Readable } from 'node:stream'
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
import { hasSecret } from '../lib/forward/secret.ts'
import type { ForwardTargets as Targets, RequestsUnderWay, Target } from '../lib/forward/targets.ts'
import { createRequestsUnderWay, createTargetRegistry } from '../lib/forward/targets.ts'
import { createUpstreams } from '../lib/forward/upstreams.ts'
import { ownOptions } from '../lib/options/check-options.ts'
import type { RouteOptions } from '../lib/policy/route-options.ts'

/** The options of the proxy; see docs/forward.md for each. */
export type ForwardOptions = Options<FastifyRequest, FastifyContextConfig>
/** One of its `routes`. */
export type FixedForwardRoute = FixedRoute<FastifyRequest, FastifyContextConfig>
/** The options of `app.forwardTargets.register`. */
export type ForwardTargetOptions = TargetOptions<FastifyRequest>
/** `app.forwardTargets` */
export type ForwardTargets = Targets<FastifyRequest>

type Checked = CheckedForwardOptions<FastifyRequest, FastifyContextConfig>

const payloadOf: unique symbol = Symbol('fastify-oauth-resource-server.payload')

declare module 'fastify' {
  interface FastifyRequest {
    /** @internal The body as the preParsing hooks of the host left it. */
    [payloadOf]?: Readable
  }

  interface FastifyInstance {
    /** Registers and removes targets of the proxy while the server runs. */
    readonly forwardTargets: ForwardTargets
  }
}

// Without TRACE: its response would contain the credential (RFC 9110 section 9.3.8).
const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

// Async, because Fastify does not catch what a callback plugin throws.
const plugin: FastifyPluginAsync<ForwardOptions> = async (app, given) => {
  const options = checkForwardOptions<FastifyRequest, FastifyContextConfig>(ownOptions(given))
  const callers = options.callers ?? (asksForTokens(app) ? 'access-token' : 'secret')
  if (callers === 'access-token' && !asksForTokens(app)) {
    throw new OptionError('forward.callers is "access-token", but this scope does not check access tokens: register the authenticate plugin first')
  }
  const upstreams = await createUpstreams(options, options.dispatcher)
  const forwarder = createForwarder(options, upstreams, callerHeadersOf(app))
  const { targets, find, close } = createTargetRegistry<FastifyRequest>({
    allowInsecureUpstreams: options.allowInsecureUpstreams,
    withSecrets: callers === 'secret',
    path: () => pathIn(app.prefix, options.path),
    origin: () => options.baseUrl ?? (app.server.listening ? app.listeningOrigin : null)
  })
  app.decorate('forwardTargets', targets)
  const underWay = createRequestsUnderWay()
  let grace: NodeJS.Timeout | undefined
  app.addHook('preClose', async () => {
    close()
    forwarder.endStreams()
    grace = setTimeout(() => { underWay.abortAll(new ForwardError('FST_OAUTH_FORWARD_CLOSED')) }, options.closeTimeoutMs)
  })
  app.addHook('onClose', async () => {
    clearTimeout(grace)
    await upstreams.close()
  })

  await app.register(async scope => {
    scope.decorateRequest(payloadOf, undefined)
    // Bodies are forwarded unparsed. The parser runs after every preParsing hook, so it sees the final body; Fastify skips it
    // for methods without a body, for which the hook below takes the body.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (request, payload, done) => {
      request[payloadOf] = payload as Readable
      done(null)
    })
    scope.addHook('preParsing', (request, _reply, payload, done) => {
      request[payloadOf] = payload as Readable
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
            const target = await checkCaller(request, reply, targetOf(request), options.secretHeader)
            return await relay(request, reply, target, segments, request[payloadOf]!, forwarder, underWay)
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

/** Joins prefix and path as Fastify does: a slash at the end of the prefix is not doubled. */
function pathIn (prefix: string, path: string): string {
  return `${prefix.replace(/\/$/, '')}${path}`
}

function asksForTokens (app: FastifyInstance): boolean {
  return app.hasDecorator('accessTokenVerifier')
}

/** The headers that a proxy in front of this server sets, as the configuration of the protected resource names them. */
function callerHeadersOf ({ oauthConfig }: Partial<FastifyInstance>): string[] {
  return [oauthConfig?.tokenHeader, oauthConfig?.clientCertificates?.header].filter(name => typeof name === 'string')
}

function fixedTarget (
  path: string, fixed: Checked['routes'][string], { allowInsecureUpstreams }: Checked, callers: 'access-token' | 'secret'
): Target<FastifyRequest> {
  const { upstream, credential, mayUse, secret } = fixed
  const name = `forward.routes[${JSON.stringify(path)}]`
  if (callers === 'secret' && secret === undefined) throw new OptionError(`${name}.secret is required, because callers send no access token`)
  if (callers === 'access-token' && secret !== undefined) throw new OptionError(`${name}.secret is not used, because callers send an access token: remove it, or set forward.callers to "secret"`)
  const address = parseAddress(`${name}.upstream`, upstream, allowInsecureUpstreams)
  return { address, credential, mayUse: mayUse ?? null, secret: secret ?? null, underWay: createRequestsUnderWay() }
}

/**
 * A 401 that is passed on keeps the upstream's challenge. A 401 for a missing secret gets no OAuth challenge, because no
 * authorization server issues the secret.
 */
function configOf (name: string, given: FastifyContextConfig = {}, callers: 'access-token' | 'secret'): FastifyContextConfig {
  const { oauth } = given
  const takesNone = oauth === false || oauth?.token === 'none'
  if (callers === 'access-token' && takesNone) throw new OptionError(`${name}.config.oauth requires no token, so any caller could use the target: require a token, or set forward.callers to "secret"`)
  if (callers === 'secret' && (takesNone || oauth === undefined)) return { ...given, oauth: { token: 'none', challenge: 'none' } }
  // `keep` would leave it out.
  if (oauth !== undefined && oauth !== false && oauth.pinnedChallenge !== undefined) return given
  return { ...given, oauth: { challenge: 'keep', ...oauth } as RouteOptions<FastifyRequest> }
}

/** @throws ForwardError, MissingTokenError */
async function checkCaller (
  request: FastifyRequest, reply: FastifyReply, target: Target<FastifyRequest> | null, secretHeader: string
): Promise<Target<FastifyRequest>> {
  if (target === null) throw withoutStackTrace(() => new ForwardError('FST_OAUTH_FORWARD_TARGET_UNKNOWN'))
  if (target.secret === null) {
    // The authenticate plugin lets requests without a token pass if the token is optional, or for a CORS preflight.
    if (!request.accessToken) throw withoutStackTrace(() => new MissingTokenError())
  } else if (!hasSecret(request.raw.rawHeaders, secretHeader, target.secret)) {
    reply.header('www-authenticate', 'Bearer realm="forward"')
    throw withoutStackTrace(() => new ForwardError('FST_OAUTH_FORWARD_SECRET_REFUSED'))
  }
  // 404 and not 403: callers without access must not learn that the target exists.
  if (target.mayUse !== null && await target.mayUse(request) !== true) throw withoutStackTrace(() => new ForwardError('FST_OAUTH_FORWARD_TARGET_UNKNOWN'))
  return target
}

/** One shared error: creating an error for each request costs more than the abort itself. */
const callerLeft = new Error('The caller closed the connection')

async function relay (
  request: FastifyRequest, reply: FastifyReply, target: Target<FastifyRequest>, segments: number, payload: Readable, forwarder: Forwarder,
  underWay: RequestsUnderWay
): Promise<FastifyReply> {
  const { raw, method } = request
  // The caller may have left while `mayUse` ran; the close event below would then never come. Over HTTP/2 only the stream shows
  // that the connection is closed, not the response object.
  if (reply.raw.destroyed || streamOf(reply.raw)?.destroyed === true) return reply.hijack()
  const gone = new AbortController()
  const removals = [underWay, target.underWay].map(requests => requests.add(gone))
  const leave = (): void => {
    for (const remove of removals) remove()
    // If request and response are complete, there is nothing to abort.
    if (!reply.raw.writableFinished || !raw.complete) gone.abort(callerLeft)
  }
  // Waiting for a session or for the request body does not react to the signal, so this promise does.
  const given = new Promise<never>((_resolve, reject) => {
    gone.signal.addEventListener('abort', () => reject(gone.signal.reason), { once: true })
  })
  reply.raw.once('close', leave)
  // Over HTTP/2 an aborted body looks complete, and the response emits `close` only later.
  raw.once('aborted', leave)
  const { own, rest } = splitTarget(raw.url!, segments)
  try {
    const asking = forwarder.forward(target, {
      method, own, rest, headers: raw.rawHeaders, body: hasBody(raw) ? payload : null, length: payload === raw ? lengthOf(raw) : null, signal: gone.signal
    })
    const answer = await Promise.race([asking, given])
    return send(reply, answer)
  } catch (error) {
    // The connection is closed: no response can be sent.
    if (gone.signal.reason === callerLeft) return reply.hijack()
    if (error instanceof ForwardError && error.retryAfterSeconds !== null) reply.header('retry-after', error.retryAfterSeconds)
    throw error
  }
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

function send (reply: FastifyReply, { status, headers, body }: ForwardedAnswer): FastifyReply {
  reply.code(status)
  for (const [name, value] of headers) {
    // Hooks of the host may have set `Vary` already.
    const existing = name === 'vary' ? reply.getHeader(name) : undefined
    reply.header(name, existing === undefined ? value : [existing, value].flat().join(', '))
  }
  if (body === null) return reply.send()
  // To bytes without a type Fastify gives one, which the upstream did not.
  if (Buffer.isBuffer(body)) return reply.send(headers.has('content-type') ? body : Readable.from([body], { objectMode: false }))
  const { raw } = reply
  const sendHeaders = (): void => { if (!raw.headersSent) raw.flushHeaders() }
  // When the stream is piped, every hook has run. Node.js sends headers with the first bytes of the body, and an event stream may
  // have none for a long time. Bytes that came with the headers have been written by the immediate, and both left in one write.
  raw.once('pipe', () => {
    // The headers are those of an answer that broke off: Fastify must not begin another one with them.
    if (body.errored !== null) return sendHeaders()
    body.prependOnceListener('error', sendHeaders)
    setImmediate(sendHeaders)
  })
  return reply.send(body)
}

/**
 * A reverse proxy to protected upstreams. The caller's credentials are not forwarded: every target has its own credential. If
 * the upstream rejects the access token of a session, the token is refreshed and the request sent again, once. Targets are
 * configured in `routes`, or registered with `app.forwardTargets` while the server runs.
 */
export const forward: FastifyPluginAsync<ForwardOptions> = fp(plugin, {
  name: 'fastify-oauth-resource-server/forward',
  fastify: '5.x'
})
