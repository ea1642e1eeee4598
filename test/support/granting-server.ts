import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest, LightMyRequestResponse } from 'fastify'
import type { MemoryRevocationStore, SecurityEvent } from '../../plugins/index.ts'
import type {
  AuditedDecision, EndedImpersonation, ImpersonationRecord, Impersonation, MemoryOrganizationDirectory
} from '../../plugins/entry-points/impersonation.ts'
import { createMemoryRevocationStore } from '../../plugins/index.ts'
import {
  impersonationClaims, createMemoryOrganizationDirectory, endImpersonation, impersonationGuard, isOfImpersonation
} from '../../plugins/entry-points/impersonation.ts'
import { bearer, createApp, optionsFor } from './app.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'
import type { FakeIssuer } from './issuer.ts'
import { createFakeIssuer } from './issuer.ts'

/** What the server keeps of whoever is signed in. */
interface Session { readonly id: string, readonly customer: string, readonly impersonation: Impersonation | null }

/** What it keeps of a grant: codes, grants and refresh tokens are the same rows here. */
interface Grant { readonly customer: string, readonly client: string, readonly organizations: string[] | null, readonly scopes: string[], readonly record: ImpersonationRecord | null }

/** The least authorization server that makes grants on every path, as a host would write it, and the API beside it. */
export interface GrantingServer {
  readonly clock: TestClock
  readonly issuer: FakeIssuer
  readonly directory: MemoryOrganizationDirectory
  readonly revocations: MemoryRevocationStore
  readonly grants: Set<Grant>
  readonly codes: Map<string, Grant>
  readonly refreshTokens: Map<string, Grant>
  readonly audit: SecurityEvent[]
  /** A session of the customer, or of a member of staff who acts as the customer. */
  signIn (customer: string, staff?: string, session?: Partial<Impersonation>): string
  signOut (session: string): Promise<void>
  /** The account of a member of staff is deleted. */
  removeStaff (staff: string): Promise<void>
  authorize (session: string, query: Record<string, string>): Promise<LightMyRequestResponse>
  consent (session: string, body: Record<string, unknown>): Promise<LightMyRequestResponse>
  exchange (code: string, more?: Record<string, string>): Promise<LightMyRequestResponse>
  refresh (token: string, more?: Record<string, string>): Promise<LightMyRequestResponse>
  /** The API, with an access token. */
  use (token: string): Promise<LightMyRequestResponse>
  /** Everything from the consent to the token. */
  connect (session: string, body?: Record<string, unknown>): Promise<{ access_token: string, refresh_token?: string, expires_in: number, scope: string }>
}

const redirectUri = 'https://client.example.com/cb'
const idleTimeoutSeconds = 900
const totalMs = 3_600_000

export async function createGrantingServer (t: { teardown (close: () => unknown): unknown }): Promise<GrantingServer> {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const revocations = createMemoryRevocationStore({ clock })
  const directory = createMemoryOrganizationDirectory({
    organizations: [{ id: 'open', aiApproved: true }, { id: 'closed' }],
    memberships: ['ann', 'bob'].flatMap(customer => ['open', 'closed'].map(organization => ({ customer, organization })))
  }, { clock })
  const sessions = new Map<string, Session & { usedAt: number }>()
  const grants = new Set<Grant>()
  const codes = new Map<string, Grant>()
  const refreshTokens = new Map<string, Grant>()
  const audit: SecurityEvent[] = []
  let serial = 0

  const liveSession = (id: unknown): Session | null => {
    const session = sessions.get(String(id))
    if (session === undefined) return null
    const { impersonation } = session
    if (impersonation !== null && (clock.now() - session.usedAt >= idleTimeoutSeconds * 1000 || clock.now() >= impersonation.endsAt!)) return null
    return session
  }
  const sessionOf = (request: FastifyRequest): Session | null => {
    const session = liveSession(request.headers.session)
    if (session !== null) sessions.get(session.id)!.usedAt = clock.now()
    return session
  }
  const isActive = ({ sessionId }: { readonly sessionId?: string | null }): boolean => liveSession(sessionId) !== null

  const logger = { level: 'info', stream: { write (line: string) { audit.push(...[(JSON.parse(line) as { audit?: SecurityEvent }).audit ?? []].flat()) } } }
  const app = Fastify({ logger }) as unknown as FastifyInstance
  t.teardown(() => app.close())
  await app.register(impersonationGuard, {
    directory, clock, recordIsActive: isActive, readOnlyScopes: ['read'], impersonationOf: request => sessionOf(request)?.impersonation ?? null,
    clientOf: ({ body }) => (body as { client?: string } | undefined)?.client ?? 'client'
  })
  const guard = app.impersonationGuard

  /** What the customer limits a grant to, from what was asked for and not from what anybody claims. */
  const accessOf = (organizations: string[] | null) => organizations === null ? null : { level: 'organization' as const, organizations }
  const listOf = (text: unknown): string[] | null => typeof text === 'string' && text !== '' ? text.split(' ') : null

  const issue = (session: Session, client: string, organizations: string[] | null, scopes: string[], record: ImpersonationRecord | null): Grant =>
    ({ customer: session.customer, client, organizations, scopes, record })
  const sendCode = (reply: FastifyReply, grant: Grant): FastifyReply => {
    const code = `code-${++serial}`
    grants.add(grant)
    codes.set(code, grant)
    return reply.redirect(`${redirectUri}?code=${code}`, 303)
  }
  const refuse = (reply: FastifyReply, decision: AuditedDecision, query: Record<string, string>): FastifyReply =>
    reply.refuseGrant(decision, query.redirect_uri === redirectUri ? { redirectUri, state: query.state ?? null, issuer: issuer.issuer } : undefined)

  app.get('/authorize', async (request, reply) => {
    const session = sessionOf(request)
    if (session === null) return await reply.code(401).send()
    const query = request.query as Record<string, string>
    const client = query.client_id!
    const scopes = listOf(query.scope) ?? []
    const organizations = listOf(query.organizations)
    if (client === 'first-party') {
      const decision = await request.checkNewGrant({ step: 'first-party', client, access: accessOf(organizations) })
      return decision.allowed ? sendCode(reply, issue(session, client, organizations, scopes, decision.record)) : refuse(reply, decision, query)
    }
    for (const grant of grants) {
      const same = grant.customer === session.customer && grant.client === client && scopes.every(scope => grant.scopes.includes(scope))
      if (!same || !guard.isSameImpersonator(grant.record, session.impersonation)) continue
      const decision = await request.checkExistingGrant({ step: 'automatic-approval', storedRecord: grant.record })
      return decision.allowed ? sendCode(reply, grant) : refuse(reply, decision, query)
    }
    return await reply.type('text/html').send('<h1>Allow?</h1>')
  })
  app.post('/consent', {
    config: {
      impersonationGuard: {
        step: 'consent',
        when: ({ body }) => (body as { allow: boolean }).allow,
        accessOf: ({ body }) => accessOf(listOf((body as { organizations?: string }).organizations))
      }
    }
  }, async (request, reply) => {
    const session = sessionOf(request)!
    const { allow, client = 'client', organizations, scope } = request.body as Record<string, string> & { allow: boolean }
    if (!allow) return await reply.redirect(`${redirectUri}?error=access_denied`, 303)
    return sendCode(reply, issue(session, client, listOf(organizations), listOf(scope) ?? ['read', 'write', 'offline_access'], request.grantDecision!.record))
  })

  const grantOf = ({ body }: FastifyRequest): Grant | undefined => {
    const { code, refresh_token: token } = body as Record<string, string>
    return code === undefined ? refreshTokens.get(token!) : codes.get(code)
  }
  app.post('/token', {
    config: {
      impersonationGuard: {
        step: ({ body }) => (body as Record<string, string>).code === undefined ? 'refresh' : 'exchange',
        when: request => grantOf(request) !== undefined,
        storedRecord: request => grantOf(request)!.record,
        onRefused: ({ body }) => { codes.delete((body as Record<string, string>).code!) },
        refuseWith: 'invalid_grant'
      }
    }
  }, async (request, reply) => {
    const grant = grantOf(request)
    if (grant === undefined) return await reply.code(400).send({ error: 'invalid_grant' })
    codes.delete((request.body as Record<string, string>).code!)
    const { customer, client, organizations, scopes: granted, record } = grant
    const ordinary = { expiresInSeconds: 3600, scopes: granted, refreshToken: granted.includes('offline_access') }
    const { expiresInSeconds, scopes, refreshToken } = guard.narrowGrant(ordinary, record)
    const refresh = `refresh-${++serial}`
    if (refreshToken) refreshTokens.set(refresh, grant)
    const accessToken = await issuer.token({
      sub: customer, client_id: client, scope: scopes.join(' '), exp: Math.floor(clock.now() / 1000) + expiresInSeconds,
      ...organizations !== null && { organizations }, ...impersonationClaims(record)
    })
    return {
      access_token: accessToken, token_type: 'Bearer', expires_in: expiresInSeconds, scope: scopes.join(' '), ...refreshToken && { refresh_token: refresh }
    }
  })

  const deleteGrants = (ended: EndedImpersonation): void => {
    for (const rows of [codes, refreshTokens]) for (const [key, { record }] of rows) if (isOfImpersonation(record, ended)) rows.delete(key)
    for (const grant of grants) if (isOfImpersonation(grant.record, ended)) grants.delete(grant)
  }
  const end = async (ended: EndedImpersonation | null): Promise<void> => {
    await endImpersonation(ended, { issuer: issuer.issuer, revocations, deleteGrants })
  }

  const api = await createApp(t, optionsFor(issuer, {
    clock,
    revocations,
    authorizationServers: [{ issuer: issuer.issuer, claims: { organizations: 'organizations' } }],
    organizationOf: () => 'open',
    impersonatedTokens: { directory, sessionIsActive: isActive }
  }))
  api.get('/', async request => ({ subject: request.accessToken!.subject }))

  const server: GrantingServer = {
    clock,
    issuer,
    directory,
    revocations,
    grants,
    codes,
    refreshTokens,
    audit,
    signIn (customer, staff, more = {}) {
      const id = `session-${++serial}`
      const impersonation = staff === undefined ? null : { staff, customer, sessionId: id, idleTimeoutSeconds, endsAt: clock.now() + totalMs, ...more }
      sessions.set(id, { id, customer, impersonation, usedAt: clock.now() })
      return id
    },
    async signOut (id) {
      const session = sessions.get(id)!
      sessions.delete(id)
      await end(session.impersonation)
    },
    async removeStaff (staff) {
      for (const [id, { impersonation }] of sessions) if (impersonation?.staff === staff) sessions.delete(id)
      await end({ staff })
    },
    authorize: (session, query) => app.inject({ url: '/authorize', query: { client_id: 'client', redirect_uri: redirectUri, ...query }, headers: { session } }),
    consent: (session, body) => app.inject({ method: 'POST', url: '/consent', payload: { allow: true, ...body }, headers: { session } }),
    exchange: (code, more = {}) => app.inject({ method: 'POST', url: '/token', payload: { ...more, code } }),
    refresh: (token, more = {}) => app.inject({ method: 'POST', url: '/token', payload: { ...more, refresh_token: token } }),
    use: token => api.inject({ url: '/', headers: bearer(token) }),
    async connect (session, body = {}) {
      const { headers } = await server.consent(session, { organizations: 'open', ...body })
      return (await server.exchange(codeOf(headers.location))).json()
    }
  }
  return server
}

/** The code of a redirect; it throws when there is none. */
export function codeOf (location: unknown): string {
  const code = new URL(String(location)).searchParams.get('code')
  if (code === null) throw new Error(`no code: ${String(location)}`)
  return code
}
