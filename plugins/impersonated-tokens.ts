import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { markAudited } from '../lib/audit/audit.ts'
import { useDecisionEvent } from '../lib/audit/grant-events.ts'
import type { CheckToken, TokenDecision } from '../lib/impersonation/check-token.ts'
import type { TokenImpersonation } from '../lib/impersonation/token-impersonation.ts'
import type { AccessToken } from '../lib/token/access-token.ts'
import { schemeOf, setVerifiedToken, verifiedToken } from './shared/request-state.ts'

type Done = (error?: Error) => void

/** The access token that was checked in this request, with the result. */
interface Checked {
  readonly accessToken: AccessToken
  /** `null` when the token may be used. */
  readonly result: TokenDecision | null | Promise<TokenDecision | null>
}

const checked: unique symbol = Symbol('fastify-oauth-resource-server.impersonated-token')

/** `request.impersonation`: `null` when nobody impersonates the subject of the access token, or when there is no token. */
export type RequestImpersonation = TokenImpersonation | null

declare module 'fastify' {
  interface FastifyInstance {
    /** @internal For tokens that are verified later than the hooks of the plugin. */
    readonly checkImpersonatedToken?: (request: FastifyRequest, done: Done) => void
  }
  interface FastifyRequest {
    /** Who impersonates the subject of the access token; `null` when nobody does, and when there is no token, or it was refused. */
    impersonation: RequestImpersonation
    /** @internal The result for the token of this request: look-ups are made once, however often it is asked for. */
    [checked]?: Checked | null
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('impersonation')) {
    app.decorateRequest('impersonation', null)
    app.decorateRequest(checked, null)
  }
  if (!app.hasDecorator('checkImpersonatedToken')) app.decorate('checkImpersonatedToken', check)
  app.addHook('onRequest', (request, _reply, next) => { check(request, next) })
  done()
}

function check (request: FastifyRequest, next: Done): void {
  const { checkToken } = request.server.oauthResource
  const accessToken = verifiedToken(request)
  // Requests without a token are not checked: unrouted ones and preflights among them.
  if (accessToken === null || checkToken === null) return next()
  const conclude = (result: TokenDecision | null): void => {
    if (result === null || result.refusal === null) {
      request.impersonation = result?.impersonation ?? null
      return next()
    }
    withhold(request)
    next(result.refusal)
  }
  const earlier = request[checked]
  // A cache of verified tokens returns the same object again: asking twice does not change the result within a request.
  const result = earlier?.accessToken === accessToken ? earlier.result : audited(request, accessToken, checkToken(accessToken))
  request[checked] = { accessToken, result }
  if (!(result instanceof Promise)) return conclude(result)
  result.then(conclude, (error: Error) => {
    withhold(request)
    next(error)
  })
}

/** A request that is let in by other means does not act in the name of a refused token. */
function withhold (request: FastifyRequest): void {
  setVerifiedToken(request, null)
  request.impersonation = null
}

function audited (request: FastifyRequest, accessToken: AccessToken, result: ReturnType<CheckToken>): ReturnType<CheckToken> {
  if (result instanceof Promise) return result.then(late => audit(request, accessToken, late))
  return audit(request, accessToken, result)
}

function audit (request: FastifyRequest, accessToken: AccessToken, result: TokenDecision | null): TokenDecision | null {
  if (result === null) return null
  const { server, log, method, routeOptions: { url } } = request
  const { decision, refusal } = result
  if (refusal !== null || server.oauthConfig.impersonatedTokens!.audit === 'all') {
    const route = url === undefined ? null : `${method} ${url}`
    const event = useDecisionEvent(decision, refusal, { accessToken, route, scheme: schemeOf(request), time: server.oauthConfig.clock.now() })
    const recorder = server.hasDecorator('oauthAudit') ? server.oauthAudit : server.oauthResource.audit
    recorder.record(event, log, decision.error)
  }
  if (refusal !== null) markAudited(refusal)
  return result
}

/**
 * Checks impersonated access tokens each time they are used: every organization that the token gives access to must have
 * approved AI processing, now and without a break since the grant was made. All other tokens pass without a look-up.
 */
export const impersonatedTokens: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/impersonated-tokens',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/authenticate']
})
