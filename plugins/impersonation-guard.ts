import type { FastifyContextConfig, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { systemClock } from '../lib/clock.ts'
import { errorTable } from '../lib/error-table.ts'
import { OptionError } from '../lib/errors.ts'
import type { ImpersonationGuard } from '../lib/impersonation/guard.ts'
import { createImpersonationGuard } from '../lib/impersonation/guard.ts'
import type { GrantDecision } from '../lib/impersonation/judge.ts'
import type { GuardedRouteOptions, ImpersonationGuardOptions } from '../lib/impersonation/options.ts'
import { checkGuardOptions, checkGuardedRoute } from '../lib/impersonation/options.ts'
import { ownOptions } from '../lib/options.ts'
import type { Audit } from '../lib/signals/audit.ts'
import { createAudit, defaultAuditRules } from '../lib/signals/audit.ts'
import { grantDecisionEvent } from '../lib/signals/event.ts'
import type { GrantReach } from '../lib/stores/organization-directory.ts'

type GuardOptions = ImpersonationGuardOptions<FastifyRequest>
type GuardedRoute = GuardedRouteOptions<FastifyRequest>
type GuardableRoute = Pick<FastifyRequest['routeOptions'], 'method' | 'url'> & { config?: FastifyContextConfig }

declare module 'fastify' {
  interface FastifyInstance {
    /** Decides about impersonated grants, for code that has no reply to refuse with. It tells nobody. */
    readonly impersonationGuard: ImpersonationGuard<FastifyRequest>
  }
  interface FastifyRequest {
    /**
     * Decides whether the grant that this request is about to make may be made, for handlers that only then know its
     * reach. The decision is told to the audit. It never throws.
     *
     * @param reach default: what the guard's options say of this request
     */
    judgeGrant (reach?: GrantReach | null): Promise<GrantDecision>
  }
  interface FastifyReply {
    /** Answers a grant that may not be made: 403 with `access_denied` (RFC 6749 section 4.1.2.1). It names no organization. */
    refuseGrant (): FastifyReply
  }
  interface FastifyContextConfig {
    /** Set it on every route that makes grants: authorization, consent, exchange. See `GuardedRouteOptions`. */
    impersonationGuard?: boolean | GuardedRoute
  }
}

// Async, as what a plugin of the other kind throws is not caught.
const plugin: FastifyPluginAsync<Partial<GuardOptions>> = async (app, given) => {
  app.decorate('impersonationGuard', createImpersonationGuard(checkGuardOptions<FastifyRequest>(optionsOf(app, given))))
  if (!app.hasRequestDecorator('judgeGrant')) {
    app.decorateRequest('judgeGrant', async function (this: FastifyRequest, ...reach: [reach?: GrantReach | null]) {
      const { judge } = this.server.impersonationGuard
      return await tell(this, reach.length === 0 ? await judge(this) : await judge(this, () => reach[0]))
    })
    app.decorateReply('refuseGrant', refuseGrant)
  }
  app.addHook('onRoute', route => { guardedRoute(route) })
  // Not earlier: what a consent form says is in its body.
  app.addHook('preHandler', async (request, reply) => {
    const route = guardedRoute(request.routeOptions)
    if (route === null) return
    const decision = await request.server.impersonationGuard.judgeRoute(request, route)
    if (decision !== null && !(await tell(request, decision)).allowed) return reply.refuseGrant()
  })
}

function guardedRoute ({ config, method, url }: GuardableRoute): GuardedRoute | null {
  return checkGuardedRoute<FastifyRequest>(config?.impersonationGuard, `${String(method)} ${String(url)}`)
}

/** The answer names no organization; why it was given is in the log of the host. */
function refuseGrant (this: FastifyReply): FastifyReply {
  const { statusCode, oauthError, message } = errorTable.FST_OAUTH_ACCESS_DENIED
  return this.code(statusCode).header('cache-control', 'no-store').send({ error: oauthError, error_description: message })
}

/** A server that is no protected resource has no audit of its own. */
const standalone: Audit = createAudit(defaultAuditRules, null)

async function tell (request: FastifyRequest, decision: GrantDecision): Promise<GrantDecision> {
  if (decision.reason === 'not_impersonating') return decision
  const { server, log, method, routeOptions: { url } } = request
  const shared = server.hasDecorator('oauthAudit')
  const event = grantDecisionEvent(decision, await server.impersonationGuard.clientOf(request), {
    accessToken: request.accessToken ?? null,
    route: url === undefined ? null : `${method} ${url}`,
    time: (shared ? server.oauthConfig.clock : systemClock).now()
  })
  const audit = shared ? server.oauthAudit : standalone
  audit.record(event, log, decision.error)
  return decision
}

/** A server that is no protected resource gives the guard its options; elsewhere they are part of the configuration. */
function optionsOf (app: FastifyInstance, given: Partial<GuardOptions>): unknown {
  const own = ownOptions(given)
  if (Object.keys(own).length > 0) return own
  const shared = app.hasDecorator('oauthConfig') ? app.oauthConfig.impersonationGuard : null
  if (shared === null) throw new OptionError('impersonationGuard is not configured')
  return shared
}

/**
 * Refuses grants that a member of staff would make while impersonating a customer, when any organization in the grant's
 * reach has not said yes to AI processing. Routes ask for it by `config.impersonationGuard`, handlers by
 * `request.judgeGrant`.
 */
export const impersonationGuard: FastifyPluginAsync<Partial<GuardOptions>> = fp(plugin, {
  name: 'fastify-oauth-resource-server/impersonation-guard',
  fastify: '5.x'
})
