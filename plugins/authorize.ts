import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { InsufficientScopeError, MissingTokenError, withoutStackTrace } from '../lib/errors.ts'
import { isPreflight } from '../lib/http/preflight.ts'
import type { ScopeRequirement } from '../lib/policy/scopes.ts'
import { isSatisfied, scopesToAskFor } from '../lib/policy/scopes.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * For what only a handler can know: refuses the request unless its access token covers all of these scopes.
     *
     * @throws MissingTokenError when the request has no access token
     * @throws InsufficientScopeError
     */
    requireScopes (...scopes: readonly string[]): void
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('requireScopes')) {
    app.decorateRequest('requireScopes', function (this: FastifyRequest, ...scopes: readonly string[]) {
      const refusal = refuse(this, { alternatives: [scopes] })
      if (refusal !== undefined) throw refusal
    })
  }
  app.addHook('onRequest', (request, _reply, next) => {
    if (isPreflight(request.method, request.headers)) return next()
    const { scopes } = request.oauthRule
    next(scopes === null ? undefined : refuse(request, scopes))
  })
  done()
}

function refuse (request: FastifyRequest, required: ScopeRequirement): Error | undefined {
  const { accessToken, server: { oauthConfig: { scopeImplies } } } = request
  if (accessToken === null) return withoutStackTrace(() => new MissingTokenError())
  if (isSatisfied(required, accessToken.scopes, scopeImplies)) return undefined
  return withoutStackTrace(() => new InsufficientScopeError(scopesToAskFor(required)))
}

/** Holds the access token of a request against what its route asks for: `config.oauth`. */
export const authorize: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/authorize',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/authenticate']
})
