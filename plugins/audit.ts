import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthConfig } from '../lib/config/resolve.ts'
import { findOAuthResourceError } from '../lib/errors/errors.ts'
import { McpError } from '../lib/errors/mcp-errors.ts'
import { routeLabel } from '../lib/policy/route-label.ts'
import type { Audit } from '../lib/audit/audit.ts'
import { createAudit, isAudited } from '../lib/audit/audit.ts'
import type { OAuthCounters } from '../lib/audit/counters.ts'
import { countingOf } from '../lib/audit/counters.ts'
import type { Attribution } from '../lib/audit/events.ts'
import { attributionOf, refusalEvent } from '../lib/audit/events.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** What happened at this scope's resource, counted since the server started: a snapshot. */
    readonly oauthCounters: OAuthCounters
    /** Where the events of this scope's resource go. */
    readonly oauthAudit: Audit
  }
}

const audits = new WeakMap<OAuthConfig, Audit>()
const listening = new WeakSet<OAuthConfig>()

const plugin: FastifyPluginCallback = (app, _options, done) => {
  const { oauthConfig } = app
  // Whoever registers the same thing again is not told everything twice.
  if (listening.has(oauthConfig)) return done()
  listening.add(oauthConfig)

  if (!app.hasDecorator('oauthCounters')) {
    // Of the nearest scope: a child with a configuration of its own inherits the getters and not what they give.
    app.decorate('oauthCounters', { getter (this: FastifyInstance) { return countingOf(this.oauthConfig).snapshot() } })
    app.decorate('oauthAudit', { getter (this: FastifyInstance) { return auditOf(this.oauthConfig) } })
  }
  const counting = countingOf(oauthConfig)
  app.addHook('onRequest', (request, _reply, next) => {
    // A scope within a scope has the hooks of both.
    if (request.accessToken && request.server.oauthConfig === oauthConfig) counting.accept()
    next()
  })
  app.addHook('onError', (request, _reply, error, next) => {
    const refusal = findOAuthResourceError(error) ?? (error instanceof McpError ? error : null)
    // What is wrong with the options is no refusal, it is a fault of the server.
    if (refusal !== null && refusal.statusCode !== 500 && !isAudited(refusal) && request.server.oauthConfig === oauthConfig) {
      const { accessToken = null, log, server } = request
      server.oauthAudit.record(refusalEvent(refusal, { accessToken, route: routeOf(request), time: oauthConfig.clock.now() }), log)
    }
    next()
  })
  done()
}

function auditOf (config: OAuthConfig): Audit {
  let audit = audits.get(config)
  if (audit === undefined) {
    audit = createAudit(config.audit, countingOf(config))
    audits.set(config, audit)
  }
  return audit
}

function routeOf ({ method, routeOptions: { url } }: FastifyRequest): string | null {
  return url === undefined ? null : routeLabel(method, url)
}

/** What an entry of your own audit says about a request. */
export interface AuditEntry extends Attribution {
  /** Method and pattern of the route; `null` outside of any route. */
  readonly route: string | null
  /** The member of staff who impersonates the subject; `null` when nobody does, or when the token does not say who. */
  readonly staff: string | null
  /** Whether it is impersonated: then the subject is not who sits there. */
  readonly impersonated: boolean
}

/**
 * Whom to put an action down to: for your own audit, or as the bindings of a child logger. What is done with a delegated
 * or impersonated token is put down to the subject and to the actor.
 */
export function auditEntry (request: FastifyRequest): AuditEntry {
  const { accessToken, impersonation = null } = request as Partial<Pick<FastifyRequest, 'accessToken' | 'impersonation'>>
  return { route: routeOf(request), ...attributionOf(accessToken ?? null), staff: impersonation?.staff ?? null, impersonated: impersonation !== null }
}

/**
 * Tells of every refusal: in the log of the host, on the diagnostics channel `fastify-oauth-resource-server`, and in
 * `app.oauthCounters`.
 */
export const audit: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/audit',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
