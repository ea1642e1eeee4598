import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthConfig } from '../lib/config/resolve.ts'
import { isPreflight } from '../lib/http/preflight.ts'
import { MalformedRequestError, MissingTokenError, withoutStackTrace } from '../lib/errors/errors.ts'
import type { AccessToken } from '../lib/token/access-token.ts'
import { createVerifierOf } from '../lib/resource/create-verifier.ts'
import { readCredentials } from '../lib/token/credentials.ts'
import { refused } from '../lib/token/jwt.ts'
import type { AccessTokenVerifier } from '../lib/token/verifier.ts'

type Done = (error?: Error) => void
/** Answers why a request is refused whatever token it has; `null` when it is not. */
type Gate = (request: FastifyRequest) => Error | null

declare module 'fastify' {
  interface FastifyInstance {
    /** Verifies access tokens of this scope's resource. */
    readonly accessTokenVerifier: AccessTokenVerifier
    /**
     * Asks a request for an access token, whatever the rule of its route is: a hook of your own, or one of the functions
     * of `@fastify/auth`. Each refusal leaves `request.accessToken` null, also that of a token which was verified and may
     * not be used: what lets the request in by other means does not do it in the name of the token.
     */
    readonly verifyAccessToken: (request: FastifyRequest, reply: FastifyReply, done: Done) => void
    /** What a request has to pass before it is asked for a token. */
    readonly oauthGates: Set<Gate>
  }
  interface FastifyRequest {
    /** The verified access token; `null` where none was asked for, or none came and none was needed, or it was refused. */
    accessToken: AccessToken | null
  }
}

const verifiers = new WeakMap<OAuthConfig, AccessTokenVerifier>()

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('accessToken')) app.decorateRequest('accessToken', null)
  if (!app.hasDecorator('accessTokenVerifier')) {
    app.decorate('accessTokenVerifier', {
      // A child scope with a configuration of its own inherits the getter and gets its own verifier.
      getter (this: FastifyInstance) { return verifierOf(this) }
    })
    app.decorate('oauthGates', new Set<Gate>())
    app.decorate('verifyAccessToken', (request: FastifyRequest, _reply: FastifyReply, next: Done) => {
      // Whoever judges the tokens of this scope has had its turn by now.
      const { judgeImpersonatedToken } = request.server
      verify(request, false, error => {
        if (error === undefined && judgeImpersonatedToken !== undefined) return judgeImpersonatedToken(request, next)
        // It may have been good when it was asked for before.
        if (error !== undefined) request.accessToken = null
        next(error)
      })
    })
  }
  const gates = app.oauthGates
  app.addHook('onRequest', (request, _reply, next) => {
    // The requests of a scope that was loaded before this plugin have no decoration: absent is not verified.
    request.accessToken ??= null
    // A scope within a scope has both hooks; and what nobody serves is not protected, it is missing.
    if (request.accessToken !== null || request.is404) return next()
    const { token } = request.oauthRule
    if (token === 'none' || isPreflight(request.method, request.headers)) return next()
    for (const gate of gates) {
      const refusal = gate(request)
      if (refusal !== null) return next(refusal)
    }
    verify(request, token === 'optional', next)
  })
  app.addHook('preHandler', (request, reply, next) => {
    if (request.method === 'OPTIONS' && isUnansweredPreflight(request)) {
      reply.code(204).send()
    } else {
      next()
    }
  })
  done()
}

function verify (request: FastifyRequest, optional: boolean, next: Done): void {
  const credentials = readCredentials(request.raw.rawHeaders)
  switch (credentials.kind) {
    case 'none':
      return optional ? next() : next(withoutStackTrace(() => new MissingTokenError()))
    case 'malformed':
      return next(withoutStackTrace(() => new MalformedRequestError(credentials.reason)))
    case 'bearer':
      return verifyToken(request, credentials.token, next)
  }
}

function verifyToken (request: FastifyRequest, token: string, next: Done): void {
  const accept = (accessToken: AccessToken | null): void => {
    // A verifier of the host's own may say no with nothing, and nothing lets nobody in.
    if (!accessToken) return next(refused('token_unverified'))
    request.accessToken = accessToken
    next()
  }
  let verified: AccessToken | Promise<AccessToken>
  try {
    verified = request.server.accessTokenVerifier.verify(token)
  } catch (error) {
    return next(error as Error)
  }
  // Not every promise is an instance of this realm's class, and one that passed for a token would let anybody in.
  if (verified && 'then' in verified) verified.then(accept, next)
  else accept(verified)
}

/**
 * A preflight that nobody answered and that is about to reach the handler of a route for other methods too: it passed
 * without a token, so it must not run what the token protects.
 */
function isUnansweredPreflight (request: FastifyRequest): boolean {
  if (request.accessToken !== null || request.is404 || !isPreflight(request.method, request.headers)) return false
  return [request.routeOptions.method].flat().some(method => method !== 'OPTIONS') && request.oauthRule.token === 'required'
}

function verifierOf ({ oauthConfig, log }: FastifyInstance): AccessTokenVerifier {
  let verifier = verifiers.get(oauthConfig)
  if (verifier === undefined) {
    verifier = createVerifierOf(oauthConfig, ({ rule, accessToken: { issuer, subject, clientId, tokenId } }) => {
      log.warn({ rule, issuer, subject, clientId, tokenId }, 'an access token breaks a rule that is not enforced yet')
    }, log)
    verifiers.set(oauthConfig, verifier)
  }
  return verifier
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
