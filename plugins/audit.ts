import type { FastifyBaseLogger, FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Audit } from '../lib/audit/audit.ts'
import { attributionOf, isAudited, refusalEvent } from '../lib/audit/audit.ts'
import type { OAuthCounters } from '../lib/audit/audit.ts'
import type { Attribution } from '../lib/audit/events.ts'
import type { OAuthResourceError } from '../lib/errors/errors.ts'
import { McpError } from '../lib/errors/mcp-errors.ts'
import type { CredentialScheme } from '../lib/token/credentials.ts'
import { schemeOf, verifiedToken } from './shared/request-state.ts'

const listening: unique symbol = Symbol('fastify-oauth-resource-server.listening')
const refused: unique symbol = Symbol('fastify-oauth-resource-server.refused')

declare module 'fastify' {
  interface FastifyInstance {
    /** What happened at this scope's resource, counted since the server started: a snapshot. */
    readonly oauthCounters: OAuthCounters
    /** Where the events of this scope's resource go. */
    readonly oauthAudit: Audit
    /** @internal */
    readonly [listening]?: boolean
  }
  interface FastifyRequest {
    /** @internal Whether this package refused it. */
    [refused]?: boolean
  }
}

const plugin: FastifyPluginCallback = (app, _options, done) => {
  // A second registration in one scope would record everything twice.
  if (Object.hasOwn(app, listening)) return done()
  app.decorate(listening, true)

  if (!app.hasDecorator('oauthCounters')) {
    // Of the nearest scope: a child with a resource of its own inherits the getters and not what they return.
    app.decorate('oauthCounters', { getter (this: FastifyInstance) { return this.oauthResource.counters.snapshot() } })
    app.decorate('oauthAudit', { getter (this: FastifyInstance) { return this.oauthResource.audit } })
    app.decorateRequest(refused, false)
  }
  const { oauthResource: resource } = app
  const { counters, config: { clock } } = resource
  // A scope within a scope runs the hooks of both: only those of the nearest resource record.
  app.addHook('onError', (request, reply, error, next) => {
    const refusal = request.oauthRefusal ?? (error instanceof McpError ? error : null)
    // An invalid option is a fault of the server, not a refusal.
    if (refusal !== null && refusal.statusCode !== 500 && request.server.oauthResource === resource) {
      request[refused] = true
      const audit = request.server.oauthAudit
      if (!isAudited(refusal)) {
        const event = refusalEvent(refusal, {
          accessToken: verifiedToken(request), route: routeOf(request), scheme: schemeOf(request), time: clock.now()
        })
        audit.record(event, request.log, event.kind === 'unavailable' ? refusal : null)
      }
      // What an application throws around a refusal says more than the refusal: Fastify logs that.
      if (audit.writes && error === refusal) reply.log = withoutEntryFor(refusal, reply.log)
    }
    next()
  })
  // Counted by the final status: the application, or a plugin that runs later, may refuse a request that this plugin accepted.
  app.addHook('onResponse', (request, reply, next) => {
    const accessToken = verifiedToken(request)
    if (request[refused] !== true && request.server.oauthResource === resource && accessToken !== null) counters.answered(reply.statusCode, accessToken)
    next()
  })
  done()
}

/**
 * Fastify's default error handler logs the error that it answers. The entry of the audit has all of it and more, so the
 * logger of this one reply leaves that entry out. The logger of the host and its error handler stay what they are.
 */
function withoutEntryFor (refusal: OAuthResourceError | McpError, log: FastifyBaseLogger): FastifyBaseLogger {
  const write = (level: 'info' | 'error') => (entry: unknown, ...rest: unknown[]): void => {
    if ((entry as { err?: unknown } | null | undefined)?.err !== refusal) (log[level] as (...entry: unknown[]) => void)(entry, ...rest)
  }
  return Object.create(log, { info: { value: write('info') }, error: { value: write('error') } }) as FastifyBaseLogger
}

function routeOf ({ method, routeOptions: { url } }: FastifyRequest): string | null {
  return url === undefined ? null : `${method} ${url}`
}

/** What an entry of your own audit log says about a request. */
export interface AuditEntry extends Attribution {
  /** Method and pattern of the route; `null` outside of any route. */
  readonly route: string | null
  /** The staff member who impersonates the subject; `null` when nobody does, or when the token does not name them. */
  readonly staff: string | null
  /** Whether the subject is impersonated: then the subject is not the person who acts. */
  readonly impersonated: boolean
  /** `DPoP` for a token that is bound to a key of the client and came with a proof; `null` without a verified token. */
  readonly scheme: CredentialScheme | null
}

/**
 * The accounts that an action is recorded for: for your own audit log, or as the bindings of a child logger. What is done
 * with a delegated or impersonated token is recorded for the subject and the actor.
 */
export function auditEntry (request: FastifyRequest): AuditEntry {
  const { impersonation = null } = request as Partial<Pick<FastifyRequest, 'impersonation'>>
  const accessToken = verifiedToken(request)
  return {
    route: routeOf(request),
    ...attributionOf(accessToken),
    staff: impersonation?.staff ?? null,
    impersonated: impersonation !== null,
    scheme: accessToken === null ? null : schemeOf(request)
  }
}

/**
 * Records every refusal: one entry in the log of the host, on the diagnostics channel `fastify-oauth-resource-server`, and
 * in `app.oauthCounters`. The entry takes the place of the one that Fastify's default error handler writes.
 */
export const audit: FastifyPluginCallback = fp(plugin, {
  name: 'fastify-oauth-resource-server/audit',
  fastify: '5.x',
  dependencies: ['fastify-oauth-resource-server/config']
})
