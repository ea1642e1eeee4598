import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { InsufficientScopeError, MissingTokenError, withoutStackTrace } from '../lib/errors/errors.ts'
import { checkPolicy } from '../lib/policy/authorization.ts'
import { isSatisfied, scopeDetail, scopesToAskFor } from '../lib/policy/scopes.ts'
import { isPreflight, policyOf, verifiedToken } from './shared/request-state.ts'

const authorized: unique symbol = Symbol('fastify-oauth-resource-server.authorized')

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * For what only a handler can know: refuses the request unless its access token covers all of these scopes. The
     * refusal names them together with the scopes of the route, so that the client asks the user once for all of them.
     *
     * @throws MissingTokenError when the request has no access token
     * @throws InsufficientScopeError
     */
    requireScopes (...scopes: readonly string[]): void
    /** @internal A scope within a scope has this hook twice, and look-ups are made once. */
    [authorized]?: boolean
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('requireScopes')) {
    app.decorateRequest(authorized, false)
    app.decorateRequest('requireScopes', function (this: FastifyRequest, ...scopes: readonly string[]) { requireScopes(this, scopes) })
  }
  app.addHook('onRequest', (request, _reply, next) => {
    if (request[authorized] === true || request.is404 || isPreflight(request)) return next()
    request[authorized] = true
    authorizeRequest(request, next)
  })
  done()
}

function requireScopes (request: FastifyRequest, scopes: readonly string[]): void {
  const accessToken = verifiedToken(request)
  const requirement = { alternatives: [scopes] }
  if (accessToken !== null && isSatisfied(requirement, accessToken.scopes, request.server.oauthConfig.scopeImplies)) return
  const { scopes: ofRoute } = policyOf(request)
  const needed = [...new Set([...ofRoute === null ? [] : scopesToAskFor(ofRoute), ...scopes])]
  throw withoutStackTrace(() => accessToken === null ? new MissingTokenError(needed) : new InsufficientScopeError(needed, scopeDetail(requirement, accessToken.scopes)))
}

function authorizeRequest (request: FastifyRequest, next: (error?: Error) => void): void {
  const policy = policyOf(request)
  if (policy.token === 'none') return next()
  const accessToken = verifiedToken(request)
  if (accessToken === null) return next(policy.token === 'optional' ? undefined : withoutStackTrace(() => new MissingTokenError()))
  const decision = checkPolicy({ policy, accessToken, config: request.server.oauthConfig, request: request as never })
  if (decision instanceof Promise) decision.then(refusal => next(refusal ?? undefined), next)
  else next(decision ?? undefined)
}

/** Holds the access token of a request against what its route asks for: `config.oauth`. */
export const authorize: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/authorize',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/authenticate']
})
