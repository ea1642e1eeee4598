import type { ServerHttp2Stream } from 'node:http2'
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { MalformedRequestError, MissingTokenError, withoutStackTrace } from '../lib/errors/errors.ts'
import { exposedHeaders } from '../lib/refusal/refusal-headers.ts'
import type { AccessToken } from '../lib/token/access-token.ts'
import { refused } from '../lib/token/jwt.ts'
import type { Credentials } from '../lib/token/credentials.ts'
import type { AccessTokenVerifier } from '../lib/token/verifier.ts'
import { presentationOf, presented } from './shared/presentation.ts'
import { credentialsOf, isPreflight, policyOf, setVerifiedToken, verifiedToken } from './shared/request-state.ts'

type TokenCredentials = Extract<Credentials, { readonly token: string }>
type Done = (error?: Error) => void
/** Returns why a request is refused before its token is looked at; `null` when it is not. */
type PreCheck = (request: FastifyRequest) => Error | null

declare module 'fastify' {
  interface FastifyInstance {
    /** Verifies access tokens of this scope's resource. */
    readonly accessTokenVerifier: AccessTokenVerifier
    /**
     * Asks a request for an access token, whatever the policy of its route is: for a hook of your own, or one of the
     * functions of `@fastify/auth`. Each refusal leaves `request.accessToken` null, also that of a token which was verified
     * and may not be used: a request that is let in by other means does not act in the name of that token.
     */
    readonly verifyAccessToken: (request: FastifyRequest, reply: FastifyReply, done: Done) => void
    /** What a request has to pass before it is asked for a token. */
    readonly oauthPreChecks: Set<PreCheck>
  }
  interface FastifyRequest {
    /**
     * The verified access token; `null` where none was asked for, or none came and none was needed, or it was refused.
     * Setting it has no influence on what the plugin checks.
     */
    accessToken: AccessToken | null
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('accessToken')) {
    app.decorateRequest('accessToken', null)
    app.decorateRequest(presented, null)
  }
  if (!app.hasDecorator('accessTokenVerifier')) {
    app.decorate('accessTokenVerifier', {
      // A child scope with a resource of its own inherits the getter and gets the verifier of that resource.
      getter (this: FastifyInstance) { return this.oauthResource.verifier }
    })
    app.decorate('oauthPreChecks', new Set<PreCheck>())
    app.decorate('verifyAccessToken', (request: FastifyRequest, _reply: FastifyReply, next: Done) => {
      // Decorated by a later plugin: looked up per call.
      const { checkImpersonatedToken } = request.server
      verify(request, false, error => {
        if (error === undefined && checkImpersonatedToken !== undefined) return checkImpersonatedToken(request, next)
        // The token may have been valid when it was verified before.
        if (error !== undefined) setVerifiedToken(request, null)
        next(error)
      })
    })
  }
  const preChecks = app.oauthPreChecks
  app.addHook('onRequest', (request, _reply, next) => {
    // The requests of a scope that was loaded before this plugin have no decoration.
    request.accessToken ??= null
    // A scope within a scope runs this hook twice. An unrouted URL is missing, not protected.
    if (verifiedToken(request) !== null || request.is404) return next()
    const { token } = policyOf(request)
    if (token === 'none' || isPreflight(request)) return next()
    // Only a verified token may stand there from here on, whichever plugin set the property before.
    request.accessToken = null
    for (const check of preChecks) {
      const refusal = check(request)
      if (refusal !== null) return next(refusal)
    }
    verify(request, token === 'optional', next)
  })
  if (app.oauthConfig.dpop?.nonces) app.addHook('onSend', provideNonce)
  app.addHook('onRoute', answerPreflightsOf)
  // Of routes that are older than the plugin: their other hooks run after this one.
  app.addHook('preParsing', (request, reply, _payload, next) => {
    if (isUnansweredPreflight(request)) reply.code(204).send()
    else next()
  })
  done()
}

function verify (request: FastifyRequest, optional: boolean, next: Done): void {
  const credentials = credentialsOf(request)
  switch (credentials.kind) {
    case 'none':
      return optional ? next() : next(withoutStackTrace(() => new MissingTokenError()))
    case 'malformed':
      return next(withoutStackTrace(() => new MalformedRequestError(credentials.reason)))
    case 'bearer':
    case 'dpop':
      return verifyToken(request, credentials, next)
  }
}

function verifyToken (request: FastifyRequest, { kind, token }: TokenCredentials, next: Done): void {
  const accept = (accessToken: AccessToken | null): void => {
    // A verifier of the host's own may return nothing for a token that it refuses.
    if (!accessToken) return next(refused('token_unverified'))
    setVerifiedToken(request, accessToken)
    next()
  }
  let result: AccessToken | Promise<AccessToken>
  try {
    const { accessTokenVerifier, oauthConfig: { dpop, clientCertificates } } = request.server
    const provesNothing = dpop === null && clientCertificates === null
    result = accessTokenVerifier.verify(
      token,
      provesNothing ? undefined : presentationOf(request, kind === 'dpop' ? 'DPoP' : 'Bearer'),
      connectionOf(request.raw))
  } catch (error) {
    return next(error as Error)
  }
  // Not every promise is an instance of this realm's class, and one that passed for a token would let anyone in.
  if (result && 'then' in result) result.then(accept, next)
  else accept(result)
}

/** The same object for each request of a connection. Over HTTP/2 `socket` is another one for each of them. */
function connectionOf (raw: FastifyRequest['raw']): object {
  return (raw as { readonly stream?: ServerHttp2Stream }).stream?.session ?? raw.socket
}

/** RFC 9449 section 8.2: the next nonce comes before the old one is refused. No cache may give it to another client. */
const provideNonce = (request: FastifyRequest, reply: FastifyReply, payload: unknown, next: (error: null, payload: unknown) => void): void => {
  const nonce = request[presented]?.nextNonce ?? null
  if (nonce !== null && reply.statusCode < 400) {
    reply.header('dpop-nonce', nonce).header('cache-control', 'no-store')
    if (request.headers.origin !== undefined) {
      reply.header('access-control-expose-headers', exposedHeaders(reply.getHeader('access-control-expose-headers'), ['DPoP-Nonce']))
    }
  }
  next(null, payload)
}

const answerUnansweredPreflight = (request: FastifyRequest, reply: FastifyReply, next: () => void): void => {
  if (isUnansweredPreflight(request)) reply.code(204).send()
  else next()
}

/**
 * A hook of the route itself runs after the `onRequest` hooks of all its scopes, so that @fastify/cors answers preflights
 * wherever it is registered, and before every other hook: no hook that reads the access token runs without one.
 */
function answerPreflightsOf (route: RouteOptions): void {
  const hooks = [route.onRequest ?? []].flat()
  if (!servesMoreThanOptions(route.method) || !route.method.includes('OPTIONS') || hooks.includes(answerUnansweredPreflight)) return
  route.onRequest = [answerUnansweredPreflight, ...hooks]
}

/** A route for OPTIONS alone is the host's own answer to preflights. */
function servesMoreThanOptions (method: string | readonly string[]): boolean {
  return [method].flat().some(one => one !== 'OPTIONS')
}

/** A preflight that no plugin answered, on a route that asks for a token: nothing that the token protects may run. */
function isUnansweredPreflight (request: FastifyRequest): boolean {
  return request.method === 'OPTIONS' && isPreflight(request) && !request.is404 && verifiedToken(request) === null &&
    servesMoreThanOptions(request.routeOptions.method!) && policyOf(request).token === 'required'
}

/**
 * Asks every route of the scope for a valid access token, unless its `config.oauth` says otherwise, before a body is
 * read: `request.accessToken`.
 */
export const authenticate: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/authenticate',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
