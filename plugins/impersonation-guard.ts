import type { FastifyContextConfig, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { standaloneAudit } from '../lib/audit/audit.ts'
import { grantDecisionEvent } from '../lib/audit/grant-events.ts'
import { systemClock } from '../lib/clock.ts'
import { OptionError } from '../lib/errors/errors.ts'
import type { ExistingGrantStep, GrantDecision, NewGrantStep } from '../lib/impersonation/check-grant.ts'
import type { AppImpersonationGuard, AuditedDecision, ExistingGrantOfRequest, ImpersonationGuard, NewGrantOfRequest } from '../lib/impersonation/guard.ts'
import { createImpersonationGuard } from '../lib/impersonation/guard.ts'
import type { ImpersonationGuardOptions } from '../lib/impersonation/options.ts'
import { checkGuardOptions } from '../lib/impersonation/options.ts'
import type { GrantRefusal, GrantRefusalOptions } from '../lib/impersonation/refusal.ts'
import { grantRefusal } from '../lib/impersonation/refusal.ts'
import type { GuardedRouteOptions } from '../lib/impersonation/route.ts'
import { checkGuardedRequest, checkGuardedRoute, refuseGuardedRequest } from '../lib/impersonation/route.ts'
import { ownOptions } from '../lib/options/check-options.ts'
import type { GrantAccess } from '../lib/stores/organizations/organization-directory.ts'

type GuardOptions = ImpersonationGuardOptions<FastifyRequest>
type GuardedRoute = GuardedRouteOptions<FastifyRequest>
type GuardableRoute = Pick<FastifyRequest['routeOptions'], 'method' | 'url'> & { config?: FastifyContextConfig }
type Guard = ImpersonationGuard<FastifyRequest>

declare module 'fastify' {
  interface FastifyInstance {
    /** Decides about impersonated grants, for code that has no request. */
    readonly impersonationGuard: AppImpersonationGuard
    /** @internal */
    readonly impersonationGuardOfScope: Guard
  }
  interface FastifyRequest {
    /** What was decided about the grant of this request, on a route with `config.impersonationGuard`; its `record` is to be saved with the grant. */
    grantDecision: AuditedDecision | null
    /**
     * Decides whether this request may make a grant, for handlers that only then know what it gives access to. The decision is
     * audited, and carries the record to save with the grant. It never throws.
     *
     * @param grant its step, its `access` and the `client` that it is for. Default: what `accessOf` and `clientOf` of the guard's
     * options say
     */
    checkNewGrant (grant: { readonly step: NewGrantStep, readonly access?: GrantAccess | null, readonly client?: string }): Promise<AuditedDecision>
    /**
     * Decides whether this request may use a grant again: by what the grant gives access to, and only in the same state of
     * impersonation. The decision is audited. It never throws.
     *
     * @param grant its step, and the record that was saved with it: `null` for a customer's own; `undefined` was not found, and is
     * refused. At the steps `exchange` and `refresh` the record alone decides, as there is no session
     */
    checkExistingGrant (grant: { readonly step: ExistingGrantStep, readonly storedRecord: unknown }): Promise<AuditedDecision>
  }
  interface FastifyReply {
    /**
     * Answers a grant that was refused: 403 with `access_denied` (RFC 6749 section 4.1.2.1), or what the options say; 503 with
     * `temporarily_unavailable` when the check could not be completed. It names no organization.
     *
     * @throws TypeError when `redirectUri` is not an absolute URL
     */
    refuseGrant (decision: Pick<GrantDecision, 'reason'>, options?: GrantRefusalOptions): FastifyReply
  }
  interface FastifyContextConfig {
    /** Set it on every route that makes grants: authorization, consent, exchange. See `GuardedRouteOptions`. */
    impersonationGuard?: false | GuardedRoute
  }
}

// Async: Fastify does not catch what a plugin with a callback throws.
const plugin: FastifyPluginAsync<Partial<GuardOptions>> = async (app, given) => {
  const options = checkGuardOptions<FastifyRequest>(optionsOf(app, given))
  const guard = createImpersonationGuard(options, app.hasDecorator('oauthConfig') ? app.oauthConfig.clock : systemClock)
  app.decorate('impersonationGuardOfScope', guard)
  app.decorate('impersonationGuard', withAudit(app, guard))
  if (!app.hasRequestDecorator('checkNewGrant')) {
    app.decorateRequest('grantDecision', null)
    app.decorateRequest('checkNewGrant', async function (this: FastifyRequest, grant: NewGrantOfRequest<FastifyRequest>) {
      return auditOf(this, await this.server.impersonationGuardOfScope.checkNewGrantOf(this, grant))
    })
    app.decorateRequest('checkExistingGrant', async function (this: FastifyRequest, grant: ExistingGrantOfRequest) {
      return auditOf(this, await this.server.impersonationGuardOfScope.checkExistingGrantOf(this, grant))
    })
    app.decorateReply('refuseGrant', function (this: FastifyReply, decision: GrantDecision, refusal?: GrantRefusalOptions) {
      return send(this, grantRefusal(decision, refusal))
    })
  }
  requireGrantRoutes(app, options.grantRoutes ?? [])
  // Not earlier: the answer of a consent form is in its body.
  app.addHook('preHandler', async (request, reply) => {
    const route = guardedRoute(request.routeOptions)
    // In a scope within a scope the hooks of both run: the guard of the inner one decides, once.
    if (route === null || request.grantDecision) return
    const { accessToken = null, impersonation = null } = request as Partial<Pick<FastifyRequest, 'accessToken' | 'impersonation'>>
    const { impersonationGuardOfScope: guardOfScope } = request.server
    const decision = await checkGuardedRequest(guardOfScope, request, route, accessToken, impersonation !== null)
    if (decision === null) return
    request.grantDecision = auditOf(request, decision)
    if (!decision.allowed) {
      return send(reply, await refuseGuardedRequest(request, route, decision, guardOfScope.timeoutMs, (error, what) => {
        request.log.error({ err: error }, `${what} of a guarded route failed`)
      }))
    }
    if (decision.error !== null) request.log.error({ err: decision.error }, 'when of a guarded route failed')
  })
}

function guardedRoute ({ config, method, url }: GuardableRoute): GuardedRoute | null {
  return checkGuardedRoute<FastifyRequest>(config?.impersonationGuard, `${String(method)} ${String(url)}`)
}

/** One method and URL may have several routes, by version or host: all of them have to be guarded. */
function requireGrantRoutes (app: FastifyInstance, required: readonly string[]): void {
  const guarded = new Set<string>()
  const unguarded = new Set<string>()
  app.addHook('onRoute', route => {
    const routes = guardedRoute(route) === null ? unguarded : guarded
    for (const method of [route.method].flat()) routes.add(`${method} ${route.url}`)
  })
  app.addHook('onReady', async () => {
    for (const route of required) {
      if (!guarded.has(route) || unguarded.has(route)) {
        throw new OptionError(`impersonationGuard.grantRoutes: ${route} is not guarded. Set config.impersonationGuard on the route, and register the route after the guard`)
      }
    }
  })
}

function send (reply: FastifyReply, { statusCode, headers, location, body }: GrantRefusal): FastifyReply {
  reply.headers(headers)
  return location === null ? reply.code(statusCode).send(body) : reply.redirect(location, statusCode)
}

function withAudit (app: FastifyInstance, guard: Guard): AppImpersonationGuard {
  const { isSameImpersonator, narrowGrant } = guard
  const audited = (decision: AuditedDecision): AuditedDecision => audit(app, app.log, decision, null)
  return Object.freeze({
    isSameImpersonator,
    narrowGrant,
    checkNewGrant: async grant => audited(await guard.checkNewGrant(grant)),
    async checkExistingGrant (grant, which = 'all') {
      const decision = await guard.checkExistingGrant(grant)
      return which === 'refused' && decision.allowed ? decision : audited(decision)
    }
  } satisfies AppImpersonationGuard)
}

function auditOf (request: FastifyRequest, decision: AuditedDecision): AuditedDecision {
  return audit(request.server, request.log, decision, request)
}

function audit (server: FastifyInstance, log: FastifyRequest['log'], decision: AuditedDecision, request: FastifyRequest | null): AuditedDecision {
  if (decision.reason === 'not_impersonating') return decision
  const recorder = server.hasDecorator('oauthAudit') ? server.oauthAudit : standaloneAudit
  const url = request?.routeOptions.url
  const event = grantDecisionEvent(decision, decision, {
    accessToken: request?.accessToken ?? null,
    route: request === null || url === undefined ? null : `${request.method} ${url}`,
    time: server.impersonationGuardOfScope.clock.now()
  })
  recorder.record(event, log, decision.error)
  return decision
}

/** A server that is no protected resource gives the guard its options; elsewhere they are part of the configuration. */
function optionsOf (app: FastifyInstance, given: Partial<GuardOptions>): unknown {
  const own = ownOptions(given)
  if (Object.keys(own).length > 0) return own
  const shared = app.hasDecorator('oauthConfig') ? app.oauthConfig.impersonationGuard : null
  if (shared === null) throw new OptionError('impersonationGuard is not configured: register it with directory and impersonationOf, or set the option impersonationGuard')
  return shared
}

/**
 * Refuses grants that a member of staff would make while impersonating a customer, when any organization that the grant covers
 * has not approved AI processing. Routes are guarded by `config.impersonationGuard`, handlers call `request.checkNewGrant` and
 * `request.checkExistingGrant`, all other code `app.impersonationGuard`.
 */
export const impersonationGuard: FastifyPluginAsync<Partial<GuardOptions>> = fp(plugin, {
  name: 'fastify-oauth-resource-server/impersonation-guard',
  fastify: '5.x'
})
