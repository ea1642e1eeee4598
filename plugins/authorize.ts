import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { InsufficientScopeError, MissingTokenError, withoutStackTrace } from '../lib/errors/errors.ts'
import { isPreflight } from '../lib/http/preflight.ts'
import { checkPolicy } from '../lib/policy/authorization.ts'
import { isSatisfied } from '../lib/policy/scopes.ts'

const judged: unique symbol = Symbol('fastify-oauth-resource-server.judged')

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * For what only a handler can know: refuses the request unless its access token covers all of these scopes.
     *
     * @throws MissingTokenError when the request has no access token
     * @throws InsufficientScopeError
     */
    requireScopes (...scopes: readonly string[]): void
    /** @internal A scope within a scope has this hook twice, and look-ups are made once. */
    [judged]?: boolean
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('requireScopes')) {
    app.decorateRequest(judged, false)
    app.decorateRequest('requireScopes', function (this: FastifyRequest, ...scopes: readonly string[]) {
      const { accessToken, server: { oauthConfig: { scopeImplies } } } = this
      if (accessToken === null) throw withoutStackTrace(() => new MissingTokenError())
      if (isSatisfied({ alternatives: [scopes] }, accessToken.scopes, scopeImplies)) return
      throw withoutStackTrace(() => new InsufficientScopeError(scopes))
    })
  }
  app.addHook('onRequest', (request, _reply, next) => {
    if (request[judged] === true || request.is404 || isPreflight(request.method, request.headers)) return next()
    request[judged] = true
    authorizeRequest(request, next)
  })
  done()
}

function authorizeRequest (request: FastifyRequest, next: (error?: Error) => void): void {
  const { oauthRule: rule, accessToken, server: { oauthConfig: config } } = request
  if (rule.token === 'none') return next()
  if (accessToken === null) return next(rule.token === 'optional' ? undefined : withoutStackTrace(() => new MissingTokenError()))
  const verdict = checkPolicy({ rule, accessToken, config, request: request as never })
  if (verdict instanceof Promise) verdict.then(refusal => next(refusal ?? undefined), next)
  else next(verdict ?? undefined)
}

/** Holds the access token of a request against what its route asks for: `config.oauth`. */
export const authorize: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/authorize',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/authenticate']
})
