import formbody from '@fastify/formbody'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Fastify from 'fastify'
import * as oidc from 'oidc-provider'
import type { Client, Context } from 'oidc-provider'
import type { WritableRevocationStore } from '../../plugins/index.ts'
import { endImpersonation, impersonationGuard } from '../../plugins/entry-points/impersonation.ts'
import { createOidcProviderGuard } from '../../plugins/entry-points/oidc-provider.ts'
import { registrationFromPages } from './browser-clients.ts'
import { withDefaultScope } from './default-scope.ts'
import { createDecisions } from './host/decisions.ts'
import type { Host } from './host/host.ts'
import { impersonationIn, isRunning } from './host/impersonation-of-session.ts'
import { interactions } from './interactions.ts'
import { errorPage } from './pages/error.ts'
import type { Projects } from './projects.ts'
import type { OidcGuard } from './provider.ts'
import { lifetimes } from './lifetimes.ts'
import { createProvider } from './provider.ts'
import type { Resource } from './resources.ts'
import { account } from './routes/account.ts'
import { sendPage } from './routes/send.ts'
import { session } from './routes/session.ts'
import { staff } from './routes/staff.ts'
import type { RequestLog } from './request-log.ts'
import { logRequests, serverOptions } from './request-log.ts'
import { claimNames } from './token-claims.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The client that a grant is about to be made for. */
    grantedTo: string | null
  }
}

export interface AuthorizationServerOptions {
  issuer: string
  /** What it grants access to; the first where a client does not say. */
  resources: readonly [Resource, ...Resource[]]
  host: Host
  projects: Projects
  /** What the resources show when they ask about a token. */
  introspectionSecret: string
  /** What the resources ask: their tokens are checked without asking the authorization server. */
  revocations: WritableRevocationStore
  log: RequestLog
  /** Fetches client ID metadata documents. Default: the global `fetch`, kept from special-use addresses. */
  fetch?: typeof fetch
}

/**
 * The authorization server, which in real life is somebody else's: oidc-provider on a Fastify server of its own, and
 * around it the application that knows customers, staff, and who impersonates whom.
 */
export async function createAuthorizationServer (options: AuthorizationServerOptions): Promise<FastifyInstance> {
  const { issuer, resources, host, projects, introspectionSecret, log, fetch } = options
  const app = Fastify(serverOptions(log))
  logRequests(app, 'authorization server', log)
  await app.register(impersonationGuard, {
    directory: host.directory,
    impersonationOf: request => impersonationIn(host, request.browserSession),
    clientOf: request => request.grantedTo,
    recordIsActive: ({ sessionId }) => isRunning(host, sessionId),
    readOnlyScopes: ['projects:read']
  })
  app.decorateRequest('grantedTo', null)

  const guard = guardOf(app, options)
  const provider = createProvider({ issuer, resources, database: host.database, sessions: host.sessions, guard, introspectionSecret, ...fetch !== undefined && { fetch } })
  provider.on('server_error', (_ctx, error) => app.log.error(error))
  for (const request of refusableRequests) {
    provider.on(`${request}.error`, (_ctx, error) => {
      app.log.info([`${request} request refused: ${error.error ?? error.message}`, error.error_description, error.error_detail].filter(Boolean).join(', '))
    })
  }
  host.impersonations.onEnd(ended => endImpersonation(ended, {
    issuer,
    revocations: options.revocations,
    async deleteGrants ({ staff: member, customer }) {
      const deleted = await Promise.allSettled((await host.grants.ofPair(member, customer!)).map(guard.revokeGrant))
      const errors = deleted.flatMap(one => one.status === 'rejected' ? [one.reason as unknown] : [])
      if (errors.length > 0) throw new AggregateError(errors, 'grants of an impersonation that is over are still there')
    }
  }))
  host.impersonations.onFailure(error => app.log.error(error))
  const decisions = createDecisions(host.database, error => app.log.error(error))
  app.addHook('onClose', () => decisions.close())

  const forgetBrowser = (request: FastifyRequest, reply: FastifyReply): Promise<void> => guard.forgetBrowser(request.raw, reply.raw)
  await app.register(async pages => {
    await pages.register(formbody)
    await pages.register(session, { sessions: host.sessions, origin: issuer })
    pages.setErrorHandler<Error & { statusCode?: number }>((error, request, reply) => {
      const status = error.statusCode ?? 500
      if (status >= 500) request.log.error(error)
      if (status === 503) reply.header('retry-after', '5')
      const path = request.routeOptions.url ?? ''
      if (status === 401 && request.method !== 'POST') return reply.redirect(`/sign-in?${new URLSearchParams({ return_to: path })}`, 303)
      const message = status < 500 || status === 503 ? error.message : 'The authorization server failed.'
      return sendPage(reply.code(status), errorPage({ status, message }, request.browserSession))
    })
    await pages.register(interactions, { provider, guard, resources, host })
    await pages.register(account, {
      host,
      issuer,
      projects,
      forgetBrowser,
      mcpUrl: resources[0].identifier,
      revokeGrant: guard.revokeGrant
    })
    await pages.register(staff, { host, decisions, forgetBrowser })
  })

  const handle = provider.callback()
  await app.register(async scope => {
    // oidc-provider reads bodies itself.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.all('/*', async (request, reply) => {
      const { raw } = request
      raw.url = withDefaultScope(raw.url ?? '/', identifier =>
        (resources.find(one => one.identifier === identifier) ?? resources[0]).initialScopes)
      reply.hijack()
      if (!registrationFromPages(raw, reply.raw)) await handle(raw, reply.raw)
    })
  })
  return app
}

/** The requests of oidc-provider whose refusals are logged. */
const refusableRequests = ['authorization', 'grant', 'registration_create', 'introspection', 'revocation'] as const

function guardOf (app: FastifyInstance, { host, issuer, revocations }: AuthorizationServerOptions): OidcGuard {
  const { accounts, sessions, grants } = host
  return createOidcProviderGuard({
    oidc,
    guard: app.impersonationGuard,
    accountOf: async request => (await sessions.of(request))?.account?.id ?? null,
    impersonationOf: async request => impersonationIn(host, await sessions.of(request)),
    async onGrantSaved ({ id, account: owner, client, access, record }) {
      await grants.add({ id, account: owner, client, access, staff: record?.staff ?? null, impersonation: record?.sessionId ?? null })
    },
    async onGrantRevoked (grantId) {
      await revocations.revoke({ issuer, grantId })
      await grants.remove(grantId)
    },
    async findAccount (_ctx: Context, id: string) {
      const found = await accounts.find(id)
      return found && { accountId: id, claims: async () => ({ sub: id, name: found.name }) }
    },
    // MCP clients rarely ask for offline_access; what they register says whether they can refresh.
    issueRefreshToken: async (_ctx: Context, client: Client) => client.grantTypeAllowed('refresh_token'),
    claimsOf: ({ id, access }) => ({ [claimNames.grant]: id, ...access.level !== 'all' && { [claimNames.access]: access } }),
    accessTokenSeconds: lifetimes.accessToken
  })
}
