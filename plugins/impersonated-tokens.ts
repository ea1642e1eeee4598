import type { FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthConfig } from '../lib/config/resolve.ts'
import type { TokenImpersonation } from '../lib/impersonation/token-impersonation.ts'
import type { JudgeUse, UseVerdict } from '../lib/impersonation/use.ts'
import { createJudgeUse } from '../lib/impersonation/use.ts'
import { markTold, standaloneAudit } from '../lib/signals/audit.ts'
import { useDecisionEvent } from '../lib/signals/event.ts'
import type { AccessToken } from '../lib/token/access-token.ts'

type Done = (error?: Error) => void

const judged: unique symbol = Symbol('fastify-oauth-resource-server.impersonated-token')

declare module 'fastify' {
  interface FastifyInstance {
    /** @internal For tokens that are asked for later than the hooks of the plugin. */
    readonly judgeImpersonatedToken?: (request: FastifyRequest, done: Done) => void
  }
  interface FastifyRequest {
    /** Who impersonates the subject of the access token; `null` when nobody does, or when there is no token. */
    impersonation: TokenImpersonation | null
    /** @internal The token that was judged: a scope within a scope has these hooks twice, and look-ups are made once. */
    [judged]?: AccessToken | null
  }
}

const judges = new WeakMap<OAuthConfig, JudgeUse>()

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
  const { accessToken, server: { oauthConfig: config } } = request
  // A request without a token has nothing to judge: unrouted ones and preflights among them.
  if (!accessToken || accessToken === request[judged] || config.impersonatedTokens === null) return next()
  request[judged] = accessToken
  const verdict = judgeOf(config)(accessToken)
  if (verdict instanceof Promise) verdict.then(late => next(refusalOf(request, accessToken, late)), next)
  else next(refusalOf(request, accessToken, verdict))
}

/** `undefined` for a token that may be used. */
function refusalOf (request: FastifyRequest, accessToken: AccessToken, verdict: UseVerdict | null): Error | undefined {
  if (verdict === null) return undefined
  const { server, log, method, routeOptions: { url } } = request
  const { impersonation, refusal } = verdict
  request.impersonation = impersonation
  if (refusal !== null || server.oauthConfig.impersonatedTokens!.audit === 'all') {
    const route = url === undefined ? null : `${method} ${url}`
    const event = useDecisionEvent(verdict.decision, refusal, { accessToken, route, time: server.oauthConfig.clock.now() })
    const audit = server.hasDecorator('oauthAudit') ? server.oauthAudit : standaloneAudit
    audit.record(event, log, verdict.decision.error)
  }
  if (refusal === null) return undefined
  markTold(refusal)
  return refusal
}

function judgeOf (config: OAuthConfig): JudgeUse {
  let judge = judges.get(config)
  if (judge === undefined) {
    judge = createJudgeUse(config.impersonatedTokens!, config.clock)
    judges.set(config, judge)
  }
  return judge
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
