import type { FastifyContextConfig, FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { systemClock } from '../lib/clock.ts'
import { errorTable } from '../lib/errors/error-table.ts'
import { OptionError } from '../lib/errors/errors.ts'
import type { ImpersonationGuard, AuditedDecision } from '../lib/impersonation/guard.ts'
import { createImpersonationGuard } from '../lib/impersonation/guard.ts'
import type { GrantDecision, GrantStep } from '../lib/impersonation/check-grant.ts'
import type { GuardedRouteOptions, ImpersonationGuardOptions } from '../lib/impersonation/options.ts'
import { checkGuardOptions, checkGuardedRoute } from '../lib/impersonation/options.ts'
import type { RefusalRedirect } from '../lib/impersonation/refusal.ts'
import { refusalLocation } from '../lib/impersonation/refusal.ts'
import { ownOptions } from '../lib/options/check-options.ts'
import { standaloneAudit } from '../lib/audit/audit.ts'
import type { EventContext } from '../lib/audit/events.ts'
import { grantDecisionEvent } from '../lib/audit/grant-events.ts'
import type { GrantAccess } from '../lib/stores/organizations/organization-directory.ts'

type GuardOptions = ImpersonationGuardOptions<FastifyRequest>
type GuardedRoute = GuardedRouteOptions<FastifyRequest>
type GuardableRoute = Pick<FastifyRequest['routeOptions'], 'method' | 'url'> & { config?: FastifyContextConfig }
type Guard = ImpersonationGuard<FastifyRequest>

/** The guard, for code that has no request: each decision is told to the audit. */
export type AppImpersonationGuard = Pick<Guard, 'judgeGrant' | 'judgeReuse' | 'stampOf' | 'isSameImpersonator' | 'narrowGrant'>

/** How a refused grant is answered: by default with 403 and `access_denied`. */
export type GrantRefusalOptions =
  /** A redirect back to the client. Give it only when the redirect URI is one that the client registered. */
  | RefusalRedirect
  /** `invalid_grant`: 400, what clients know of a token endpoint (RFC 6749 section 5.2). */
  | { readonly error: 'access_denied' | 'invalid_grant' }

declare module 'fastify' {
  interface FastifyInstance {
    /** Decides about impersonated grants and says what to save with them, for code that has no request. */
    readonly impersonationGuard: AppImpersonationGuard
    /** @internal */
    readonly impersonationGuardOfScope: Guard
  }
  interface FastifyRequest {
    /**
     * Decides whether the grant that this request is about to make may be made, for handlers that only then know its
     * reach. The decision is told to the audit. It never throws.
     *
     * @param reach default: what the guard's options say of this request
     */
    judgeGrant (reach?: GrantAccess | null, path?: GrantStep): Promise<AuditedDecision>
    /**
     * Decides whether a grant that is there may be used again for this request: by what it reaches itself, and only in the same
     * state of impersonation. The decision is told to the audit. It never throws.
     *
     * @param stamp what was saved with the grant: `null` for a customer's own; undefined was not found, and is refused
     * @param path `exchange` and `refresh` go by the stamp alone, as there is no session. Default: `automatic-approval`
     */
    judgeReuse (stamp: unknown, path?: GrantStep): Promise<AuditedDecision>
  }
  interface FastifyReply {
    /**
     * Answers a grant that may not be made: 403 with `access_denied` (RFC 6749 section 4.1.2.1), or what the options say. It
     * names no organization.
     *
     * @throws TypeError for a redirect URI that is none
     */
    refuseGrant (options?: GrantRefusalOptions): FastifyReply
  }
  interface FastifyContextConfig {
    /** Set it on every route that makes grants: authorization, consent, exchange. See `GuardedRouteOptions`. */
    impersonationGuard?: boolean | GuardedRoute
  }
}

// Async, as what a plugin of the other kind throws is not caught.
const plugin: FastifyPluginAsync<Partial<GuardOptions>> = async (app, given) => {
  const options = checkGuardOptions<FastifyRequest>(optionsOf(app, given))
  const guard = createImpersonationGuard(options, app.hasDecorator('oauthConfig') ? app.oauthConfig.clock : systemClock)
  app.decorate('impersonationGuardOfScope', guard)
  app.decorate('impersonationGuard', withAudit(app, guard))
  if (!app.hasRequestDecorator('judgeGrant')) {
    app.decorateRequest('judgeGrant', async function (this: FastifyRequest, ...[reach, path]: [reach?: GrantAccess | null, path?: GrantStep]) {
      const { judgeNewOf } = this.server.impersonationGuardOfScope
      return tellOf(this, await judgeNewOf(this, reach === undefined ? undefined : () => reach, path))
    })
    app.decorateRequest('judgeReuse', async function (this: FastifyRequest, stamp: unknown, path: GrantStep = 'automatic-approval') {
      return tellOf(this, await this.server.impersonationGuardOfScope.judgeReuseOf(this, stamp, path))
    })
    app.decorateReply('refuseGrant', refuseGrant)
  }
  // Of one method and URL there may be several routes, by version or host: all of them have to be guarded.
  const guarded = new Set<string>()
  const unguarded = new Set<string>()
  app.addHook('onRoute', route => {
    const routes = guardedRoute(route) === null ? unguarded : guarded
    for (const method of [route.method].flat()) routes.add(`${method} ${route.url}`)
  })
  app.addHook('onReady', async () => {
    for (const route of options.grantRoutes ?? []) {
      if (!guarded.has(route) || unguarded.has(route)) {
        throw new OptionError(`grantRoutes: ${route} is not guarded; it needs config.impersonationGuard, and to be there after the guard`)
      }
    }
  })
  // Not earlier: what a consent form says is in its body.
  app.addHook('preHandler', async (request, reply) => {
    const route = guardedRoute(request.routeOptions)
    if (route === null) return
    const { accessToken = null, impersonation = null } = request as Partial<Pick<FastifyRequest, 'accessToken' | 'impersonation'>>
    const token = accessToken && { actor: accessToken.actor, principalType: accessToken.principalType, impersonated: impersonation !== null }
    const decision = await request.server.impersonationGuardOfScope.judgeRoute(request, route, token)
    if (decision === null) return
    if (!tellOf(request, decision).allowed) return await refuseRoute(request, reply, route, decision)
    if (decision.error !== null) request.log.error({ err: decision.error }, 'when or path of a guarded route failed')
  })
}

function guardedRoute ({ config, method, url }: GuardableRoute): GuardedRoute | null {
  return checkGuardedRoute<FastifyRequest>(config?.impersonationGuard, `${String(method)} ${String(url)}`)
}

/** Whatever the functions of the route do, it stays refused. */
async function refuseRoute (
  request: FastifyRequest, reply: FastifyReply, { onRefused, redirectOf, refuseWith = 'access_denied' }: GuardedRoute, decision: GrantDecision
): Promise<FastifyReply> {
  try {
    await onRefused?.(request, decision)
  } catch (error) {
    request.log.error({ err: error }, 'onRefused of a guarded route failed')
  }
  try {
    const redirect = await redirectOf?.(request) ?? null
    if (redirect !== null) return reply.refuseGrant(redirect)
  } catch (error) {
    request.log.error({ err: error }, 'a refusal could not be sent back to the client')
  }
  return reply.refuseGrant({ error: refuseWith })
}

/** The answer names no organization; why it was given is in the log of the host. */
function refuseGrant (this: FastifyReply, options: GrantRefusalOptions = { error: 'access_denied' }): FastifyReply {
  const { statusCode, oauthError, message } = errorTable.FST_OAUTH_ACCESS_DENIED
  this.header('cache-control', 'no-store')
  // Never a redirect that sends the body on (RFC 9700 section 4.12).
  if ('redirectUri' in options) return this.redirect(refusalLocation(options, oauthError!, message), 303)
  const { error } = options
  return this.code(error === 'invalid_grant' ? 400 : statusCode).send({ error, error_description: message })
}

function withAudit (app: FastifyInstance, guard: Guard): AppImpersonationGuard {
  const { stampOf, isSameImpersonator, narrowGrant } = guard
  const tell = async (deciding: Promise<AuditedDecision>): Promise<AuditedDecision> =>
    tellAudit(app, app.log, await deciding, { accessToken: null, route: null, time: guard.clock.now() })
  return Object.freeze({
    stampOf,
    isSameImpersonator,
    narrowGrant,
    judgeGrant: grant => tell(guard.judgeGrant(grant)),
    judgeReuse: grant => tell(guard.judgeReuse(grant))
  } satisfies AppImpersonationGuard)
}

function tellOf (request: FastifyRequest, decision: AuditedDecision): AuditedDecision {
  const { server, log, method, routeOptions: { url } } = request
  return tellAudit(server, log, decision, {
    accessToken: request.accessToken ?? null, route: url === undefined ? null : `${method} ${url}`, time: server.impersonationGuardOfScope.clock.now()
  })
}

function tellAudit (server: FastifyInstance, log: FastifyRequest['log'], decision: AuditedDecision, circumstances: EventContext): AuditedDecision {
  if (decision.reason === 'not_impersonating') return decision
  const audit = server.hasDecorator('oauthAudit') ? server.oauthAudit : standaloneAudit
  audit.record(grantDecisionEvent(decision, decision, circumstances), log, decision.error)
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
 * `request.judgeGrant` and `request.judgeReuse`, all other code by `app.impersonationGuard`.
 */
export const impersonationGuard: FastifyPluginAsync<Partial<GuardOptions>> = fp(plugin, {
  name: 'fastify-oauth-resource-server/impersonation-guard',
  fastify: '5.x'
})
