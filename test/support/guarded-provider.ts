import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as oidc from 'oidc-provider'
import type { Interaction } from 'oidc-provider'
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js'
import { exportJWK, generateKeyPair } from 'jose'
import type { AuditedDecision, ImpersonationGuard } from '../../lib/impersonation/guard.ts'
import { createImpersonationGuard } from '../../lib/impersonation/guard.ts'
import type { Impersonation } from '../../lib/impersonation/impersonation.ts'
import type { OidcProviderGuard, OidcProviderGuardOptions } from '../../lib/oidc-provider/guard.ts'
import { createOidcProviderGuard } from '../../lib/oidc-provider/guard.ts'
import type { SavedGrant } from '../../lib/oidc-provider/saved-grant.ts'
import type { MemoryOrganizationDirectory } from '../../lib/stores/organizations/memory-organization-directory.ts'
import { createMemoryOrganizationDirectory } from '../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantAccess } from '../../lib/stores/organizations/organization-directory.ts'
import type { TestClock } from './clock.ts'

/** Who uses the browser, by the host's own session. */
export interface HostSession { account: string | null, impersonation: Impersonation | null }

type OidcProvider = InstanceType<typeof oidc.default>
const { default: Provider } = oidc
type Options = Partial<Omit<OidcProviderGuardOptions, 'oidc' | 'guard'>>

/** The real oidc-provider with the guard, and the least application around it, which consents to everything. */
export interface GuardedProvider {
  readonly issuer: string
  readonly provider: OidcProvider
  readonly guard: OidcProviderGuard<oidc.interactionPolicy.DefaultPolicy>
  readonly directory: MemoryOrganizationDirectory
  readonly clock: TestClock
  /** Change it to sign in, to sign out, and to impersonate. */
  readonly session: HostSession
  readonly saved: SavedGrant[]
  readonly revoked: string[]
  /** What was decided, with what the guard was asked to audit. */
  readonly decisions: Array<{ step: string | null, reason: string, audit: string }>
  readonly errors: Error[]
  /** The interactions that the user had: the name of the prompt and its reasons. */
  readonly interactions: Array<{ name: string, reasons: readonly string[] }>
  /** The access that the user picks at a consent. */
  access: GrantAccess
  browser (): Browser
  token (parameters: Record<string, string>): Promise<{ status: number, headers: Headers, body: Record<string, unknown> }>
}

export interface AuthorizationRequest { readonly verifier: string, readonly url: URL }

export interface Browser {
  request (more?: Record<string, string>): AuthorizationRequest
  /** Follows the redirects to the client, or to a response that is none. */
  open (url: URL | string): Promise<{ status: number, headers: Headers, location: URL, text: string }>
  /** From the authorization request to the token response. */
  connect (more?: Record<string, string>): Promise<{ status: number, headers: Headers, body: Record<string, unknown> }>
  exchange (request: AuthorizationRequest, callback: URL): Promise<{ status: number, headers: Headers, body: Record<string, unknown> }>
  readonly cookies: Map<string, string>
}

const redirectUri = 'https://client.example/cb'
const resource = 'https://api.example.com'

/** The real time, and more: oidc-provider has a clock of its own. */
function createRunningClock (): TestClock {
  let ahead = 0
  return { now: () => Date.now() + ahead, advance (seconds) { ahead += seconds * 1000 } } as TestClock
}

export async function createGuardedProvider (
  t: { teardown (close: () => unknown): unknown }, options: Options & { recordIsActive?: () => boolean, report?: () => never } = {}
): Promise<GuardedProvider> {
  const { recordIsActive, report, ...guardOptions } = options
  const clock = createRunningClock()
  const directory = createMemoryOrganizationDirectory({
    organizations: [{ id: 'open', aiApproved: true }, { id: 'closed' }], memberships: [{ customer: 'ann', organization: 'open' }]
  }, { clock })
  const session: HostSession = { account: 'ann', impersonation: null }
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.closeAllConnections(); return server.close() })
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const decisions: GuardedProvider['decisions'] = []
  const inner: ImpersonationGuard<never> = createImpersonationGuard<never>({
    directory: report === undefined ? directory : { report },
    impersonationOf: () => null,
    readOnlyScopes: ['read'],
    ...recordIsActive !== undefined && { recordIsActive }
  }, clock)
  const saved: SavedGrant[] = []
  const revoked: string[] = []
  const guard = createOidcProviderGuard({
    oidc,
    guard: {
      ...inner,
      async checkExistingGrant (grant, audit = 'all') {
        const decision = await inner.checkExistingGrant(grant)
        decisions.push({ step: decision.step, reason: decision.reason, audit })
        return decision
      }
    },
    accountOf: async () => session.account,
    impersonationOf: async () => session.impersonation,
    async onGrantSaved (grant) { saved.push(grant) },
    async onGrantRevoked (grantId) { revoked.push(grantId) },
    findAccount: async (_ctx: unknown, accountId: string) => ({ accountId, claims: async () => ({ sub: accountId }) }),
    issueRefreshToken: async () => true,
    accessTokenSeconds: 900,
    ...guardOptions
  })
  const key = { ...await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey), alg: 'ES256', use: 'sig', kid: 'k' }
  const client = (id: string): Record<string, unknown> => ({
    client_id: id, redirect_uris: [redirectUri], token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code']
  })
  const provider = new Provider(issuer, {
    ...guard.configuration,
    adapter: createMemoryAdapter(),
    clients: [client('client'), client('other')],
    cookies: { keys: ['k'] },
    jwks: { keys: [key] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], userinfoSigningAlgValues: ['ES256'], authorizationSigningAlgValues: ['ES256'] },
    scopes: ['openid', 'offline_access', 'read', 'write'],
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async () => resource,
        useGrantedResource: async () => true,
        getResourceServerInfo: async () => ({ scope: 'read write', audience: resource, accessTokenFormat: 'opaque' })
      }
    },
    ttl: { AccessToken: guard.accessTokenTtl, AuthorizationCode: 60, IdToken: 60, RefreshToken: 3600, Grant: 3600, Interaction: 600, Session: 3600 },
    interactions: { policy: guard.policy, url: (_ctx, { uid }) => `/interaction/${uid}` }
  })
  const errors: Error[] = []
  provider.on('server_error', (_ctx, error) => { errors.push(error) })
  guard.attach(provider)
  const interactions: GuardedProvider['interactions'] = []
  const handle = provider.callback()

  const answer = async (interaction: Interaction): Promise<Parameters<OidcProvider['interactionResult']>[2]> => {
    const { name, reasons } = interaction.prompt
    interactions.push({ name, reasons })
    const { account } = session
    if (account === null) return { error: 'login_required', error_description: 'nobody is signed in' }
    if (name === 'login') {
      if (guard.asksForAnother(interaction)) return { error: 'login_required', error_description: 'another account' }
      // As the request began with another account, whose session has ended.
      if (interaction.session !== undefined && interaction.session.accountId !== account) {
        delete interaction.session
        await interaction.persist()
      }
      return { login: { accountId: account } }
    }
    const refusal = guard.refusalOf(interaction)
    if (refusal !== null) return { error: refusal === 'unavailable' ? 'temporarily_unavailable' : 'access_denied', error_description: refusal }
    const decision: AuditedDecision = await inner.checkNewGrant({ step: 'consent', impersonation: session.impersonation, access: guarded.access, client: 'client' })
    if (!decision.allowed) return { error: 'access_denied', error_description: decision.reason }
    return { consent: { grantId: await guard.saveGrant(interaction, { account, decision }) } }
  }
  const interact = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const result = await answer(await provider.interactionDetails(request, response))
    const location = await provider.interactionResult(request, response, result, { mergeWithLastSubmission: !('login' in result) })
    response.writeHead(303, { location }).end()
  }
  server.on('request', (request, response) => {
    const handled = request.url!.startsWith('/interaction/') ? interact(request, response) : handle(request, response)
    handled.catch((error: Error) => { errors.push(error); response.writeHead(500).end(error.message) })
  })

  const token: GuardedProvider['token'] = async parameters => {
    const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ client_id: 'client', ...parameters }) })
    return { status: response.status, headers: response.headers, body: await response.json() as Record<string, unknown> }
  }
  const browser = (): Browser => {
    const cookies = new Map<string, string>()
    const one: Browser = {
      cookies,
      request (more = {}) {
        const verifier = randomBytes(32).toString('base64url')
        const url = new URL(`${issuer}/auth`)
        url.search = new URLSearchParams({
          client_id: 'client', redirect_uri: redirectUri, response_type: 'code', scope: 'read write', state: 's',
          code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...more
        }).toString()
        return { verifier, url }
      },
      async open (url) {
        for (let at = new URL(url); ;) {
          const response = await fetch(at, { redirect: 'manual', headers: { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') } })
          for (const line of response.headers.getSetCookie()) {
            const [pair = ''] = line.split(';')
            const index = pair.indexOf('=')
            if (/expires=Thu, 01 Jan 1970/i.test(line)) cookies.delete(pair.slice(0, index))
            else cookies.set(pair.slice(0, index), pair.slice(index + 1))
          }
          const location = response.headers.get('location')
          const text = await response.text()
          if (location === null) return { status: response.status, headers: response.headers, location: at, text }
          at = new URL(location, at)
          if (at.origin !== issuer) return { status: response.status, headers: response.headers, location: at, text }
        }
      },
      exchange: async ({ verifier }, callback) => await token({
        grant_type: 'authorization_code', code: callback.searchParams.get('code') ?? '', code_verifier: verifier, redirect_uri: redirectUri
      }),
      async connect (more) {
        const request = one.request(more)
        return await one.exchange(request, (await one.open(request.url)).location)
      }
    }
    return one
  }
  const guarded: GuardedProvider = {
    issuer, provider, guard, directory, clock, session, saved, revoked, decisions, errors, interactions, browser, token,
    access: { level: 'organization', organizations: ['open'] }
  }
  return guarded
}
