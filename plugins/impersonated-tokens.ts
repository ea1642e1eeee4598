import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { TokenImpersonation } from '../lib/impersonation/token-impersonation.ts'
import type { CheckUse, UseDecision } from '../lib/impersonation/check-use.ts'
import { markAudited } from '../lib/audit/audit.ts'
import { useDecisionEvent } from '../lib/audit/grant-events.ts'
import type { AccessToken } from '../lib/token/access-token.ts'
import { setVerifiedToken, verifiedToken } from './shared/request-state.ts'

type Done = (error?: Error) => void

/** What became of an access token in this request. */
interface Judged {
  readonly accessToken: AccessToken
  /** `null` when it may be used. */
  readonly verdict: UseDecision | null | Promise<UseDecision | null>
}

const judged: unique symbol = Symbol('fastify-oauth-resource-server.impersonated-token')

/** `request.impersonation`: `null` when nobody impersonates the subject of the access token, or when there is no token. */
export type RequestImpersonation = TokenImpersonation | null

declare module 'fastify' {
  interface FastifyInstance {
    /** @internal For tokens that are asked for later than the hooks of the plugin. */
    readonly judgeImpersonatedToken?: (request: FastifyRequest, done: Done) => void
  }
  interface FastifyRequest {
    /** Who impersonates the subject of the access token; `null` when nobody does, or when there is no token, or none any more. */
    impersonation: RequestImpersonation
    /** @internal The token that was judged, with the verdict: however often it is asked for, look-ups are made once. */
    [judged]?: Judged | null
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  if (!app.hasRequestDecorator('impersonation')) {
    app.decorateRequest('impersonation', null)
    app.decorateRequest(judged, null)
  }
  if (!app.hasDecorator('judgeImpersonatedToken')) app.decorate('judgeImpersonatedToken', judge)
  app.addHook('onRequest', (request, _reply, next) => { judge(request, next) })
  done()
}

function judge (request: FastifyRequest, next: Done): void {
  const { checkUse } = request.server.oauthResource
  const accessToken = verifiedToken(request)
  // A request without a token has nothing to judge: unrouted ones and preflights among them.
  if (accessToken === null || checkUse === null) return next()
  const conclude = (verdict: UseDecision | null): void => {
    if (verdict === null || verdict.refusal === null) {
      request.impersonation = verdict?.impersonation ?? null
      return next()
    }
    withhold(request)
    next(verdict.refusal)
  }
  const earlier = request[judged]
  const verdict = earlier?.accessToken === accessToken ? earlier.verdict : told(request, accessToken, checkUse(accessToken))
  // A verdict is one for every hook of this request: the same token, which a cache gives again, is no better for being asked for twice.
  request[judged] = { accessToken, verdict }
  if (!(verdict instanceof Promise)) return conclude(verdict)
  verdict.then(conclude, (error: Error) => {
    withhold(request)
    next(error)
  })
}

/** Whoever lets the request in by other means does not do it in the name of this token. */
function withhold (request: FastifyRequest): void {
  setVerifiedToken(request, null)
  request.impersonation = null
}

function told (request: FastifyRequest, accessToken: AccessToken, verdict: ReturnType<CheckUse>): ReturnType<CheckUse> {
  if (verdict instanceof Promise) return verdict.then(late => tell(request, accessToken, late))
  return tell(request, accessToken, verdict)
}

function tell (request: FastifyRequest, accessToken: AccessToken, verdict: UseDecision | null): UseDecision | null {
  if (verdict === null) return null
  const { server, log, method, routeOptions: { url } } = request
  const { decision, refusal } = verdict
  if (refusal !== null || server.oauthConfig.impersonatedTokens!.audit === 'all') {
    const route = url === undefined ? null : `${method} ${url}`
    const event = useDecisionEvent(decision, refusal, { accessToken, route, time: server.oauthConfig.clock.now() })
    const audit = server.hasDecorator('oauthAudit') ? server.oauthAudit : server.oauthResource.audit
    audit.record(event, log, decision.error)
  }
  if (refusal !== null) markAudited(refusal)
  return verdict
}

/**
 * Judges impersonated access tokens each time they are used: what they reach has to have said yes to AI processing, then and
 * now. Every other token passes without a look-up.
 */
export const impersonatedTokens: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/impersonated-tokens',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/authenticate']
})
