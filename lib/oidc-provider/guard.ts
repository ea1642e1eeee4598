import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type { GrantDecision } from '../impersonation/check-grant.ts'
import type { AppImpersonationGuard } from '../impersonation/guard.ts'
import type { Impersonation } from '../impersonation/impersonation.ts'
import { impersonationClaims } from '../impersonation/token-impersonation.ts'
import { callHost } from '../time-limit.ts'
import type { AutomaticRefusal } from './policy.ts'
import { asksForAnother, automaticRefusal, createGuardPolicy, refusalOfInteraction } from './policy.ts'
import type { SavedGrant } from './saved-grant.ts'
import { addAskedScopes, fillGrant, readSavedGrant } from './saved-grant.ts'
import type {
  GuardedProvider, OidcAccount, OidcClient, OidcContext, OidcGrant, OidcInteraction, OidcPolicy, OidcProvider, OidcProviderModule, OidcToken
} from './types.ts'

/** The guard on impersonated grants for oidc-provider. */
export interface OidcProviderGuardOptions<Policy extends OidcPolicy = OidcPolicy> {
  /** `import * as oidc from 'oidc-provider'`. */
  oidc: OidcProviderModule<Policy>
  /** `app.impersonationGuard`. Its option `recordIsActive` says whether the impersonation that a grant was made in still goes on. */
  guard: Pick<AppImpersonationGuard, 'checkExistingGrant' | 'isSameImpersonator' | 'narrowGrant'>
  /** The account that the browser is signed in to, by the host's own session: the customer's, also for an impersonator. */
  accountOf (request: IncomingMessage): Promise<string | null>
  /** Who impersonates whom in that session; `null` for a customer who acts for themselves. */
  impersonationOf (request: IncomingMessage): Promise<Impersonation | null>
  /** Is called with a grant before a code can be issued for it, so that the host finds those of an impersonation when it ends. */
  onGrantSaved (grant: SavedGrant): Promise<void>
  /** Is called when a grant is gone: access tokens that the resource servers validate themselves are to be revoked. */
  onGrantRevoked (grantId: string): Promise<void>
  /** `findAccount` of the configuration. */
  findAccount (ctx: never, subject: string, token?: never): Promise<OidcAccount | undefined>
  /** `issueRefreshToken` of the configuration; it is not called for impersonators, who get none. */
  issueRefreshToken (ctx: never, client: never, token: never): Promise<boolean>
  /** Claims of access tokens about their grant, beside the mark of an impersonated one. Default: none. */
  claimsOf? (grant: SavedGrant): Record<string, unknown>
  /** The lifetime of customers' access tokens. */
  accessTokenSeconds: number
  /** The path of the authorization endpoint (`routes.authorization`). Default: `/auth`. */
  authorizationPath?: string
  /** How long `accountOf` and `impersonationOf` may take, in milliseconds. Default: 2000. */
  timeoutMs?: number
}

/** The guard, in the places where oidc-provider calls it. */
export interface OidcProviderGuard<Policy extends OidcPolicy = OidcPolicy> {
  /** Spread it into the configuration of the provider. */
  readonly configuration: {
    findAccount (ctx: unknown, subject: string, token?: unknown): Promise<never>
    loadExistingGrant (ctx: unknown): Promise<never>
    extraTokenClaims (ctx: unknown): Promise<Record<string, unknown> | undefined>
    issueRefreshToken (ctx: unknown, client: unknown, token: unknown): Promise<boolean>
    expiresWithSession (): Promise<boolean>
  }
  /** `interactions.policy` of the configuration. Further checks may be added to it. */
  readonly policy: Policy
  /** `ttl.AccessToken` of the configuration. */
  accessTokenTtl (ctx: unknown): number
  /** Call it once, with the provider that has the configuration, and before `provider.callback()`. */
  attach (provider: OidcProvider): void
  /**
   * Whether this interaction asks for another account than the one that is signed in (`id_token_hint`). An impersonator cannot
   * sign in to it: answer `login_required`.
   */
  asksForAnother (interaction: Pick<OidcInteraction, 'prompt'>): boolean
  /** Why a grant was not used again without a question; `null` when the interaction has another reason. */
  refusalOf (interaction: Pick<OidcInteraction, 'prompt'>): AutomaticRefusal | null
  /**
   * Makes the grant of an interaction, or adds to the earlier one, once `request.checkNewGrant` has allowed it.
   *
   * @param decision of `request.checkNewGrant`, which was called with `access`
   * @returns the id of the grant, for the result of the interaction
   * @throws TypeError for a decision that does not allow a grant, or does not say its access
   */
  saveGrant (interaction: OidcInteraction, made: { account: string, decision: GrantDecision }): Promise<string>
  /** Revokes a grant with every code and token of it. It may be repeated. */
  revokeGrant (grantId: string): Promise<void>
  /** Ends the provider's own session of the browser. Call it at each sign-in, sign-out, and start or end of an impersonation. */
  forgetBrowser (request: IncomingMessage, response: ServerResponse): Promise<void>
}

const retryAfterSeconds = 5

export function createOidcProviderGuard<Policy extends OidcPolicy> (options: OidcProviderGuardOptions<Policy>): OidcProviderGuard<Policy> {
  const { oidc: { errors }, guard, accessTokenSeconds, authorizationPath = '/auth', timeoutMs = 2000 } = options
  let attached: GuardedProvider | undefined
  const provider = (): GuardedProvider => {
    if (attached === undefined) throw new Error('call attach(provider) before the first request')
    return attached
  }
  const accountOf = (ctx: OidcContext): Promise<string | null> => callHost(timeoutMs, () => options.accountOf(ctx.req))
  /** Authorization requests whose grant was not used again. */
  const refusals = new WeakMap<OidcContext, AutomaticRefusal>()

  const checked = (grant: OidcGrant | undefined): SavedGrant => {
    const saved = readSavedGrant(grant)
    if (saved === null) throw new errors.InvalidGrant('the grant is gone, or was not made by the guard')
    return saved
  }
  /** The lifetime of an access token of the grant: 0 when none is to be issued any more. */
  const lifetime = ({ record }: SavedGrant): number =>
    guard.narrowGrant({ expiresInSeconds: accessTokenSeconds, scopes: [], refreshToken: false }, record).expiresInSeconds

  /** The automatic approval. A grant that was made without the guard is not used again. */
  const loadExistingGrant = async (ctx: OidcContext): Promise<OidcGrant | undefined> => {
    const { client, session, result } = ctx.oidc
    const consented = result?.consent?.grantId
    const id = consented ?? session!.grantIdFor(client!.clientId)
    const grant = id === undefined ? undefined : await provider().Grant.find(id)
    const saved = readSavedGrant(grant)
    if (saved === null) return undefined
    let impersonation: Impersonation | null
    try {
      impersonation = await callHost(timeoutMs, () => options.impersonationOf(ctx.req))
    } catch (error) {
      refusals.set(ctx, 'unavailable')
      provider().emit('server_error', ctx, error)
      return undefined
    }
    // A grant that was consented to a moment ago was audited then.
    const { allowed, reason } = await guard.checkExistingGrant(
      { step: 'automatic-approval', storedRecord: saved.record, impersonation, client: saved.client }, consented === undefined ? 'all' : 'refused')
    if (allowed) return grant
    const refusal = automaticRefusal(reason)
    if (refusal !== null) refusals.set(ctx, refusal)
    return undefined
  }

  /** The exchange and the refresh: oidc-provider calls it before it issues tokens, and before it rotates a refresh token. */
  const findAccount = async (ctx: OidcContext, subject: string, token?: OidcToken): Promise<OidcAccount | undefined> => {
    if (token?.grantId !== undefined) {
      const saved = checked(ctx.oidc.grant ?? await provider().Grant.find(token.grantId))
      // With less than a second left no token is issued: the impersonation counts as over, and the audit says so.
      const storedRecord = saved.record !== null && lifetime(saved) < 1 ? { ...saved.record, endsAt: 0 } : saved.record
      const { allowed, reason } = await guard.checkExistingGrant({ step: token.kind === 'RefreshToken' ? 'refresh' : 'exchange', storedRecord, client: saved.client })
      if (reason === 'lookup_failed') throw unavailable(ctx)
      if (!allowed) {
        await revokeGrant(token.grantId)
        throw new errors.InvalidGrant('the grant is not allowed any more')
      }
    }
    return await options.findAccount(ctx as never, subject, token as never)
  }
  const unavailable = (ctx: OidcContext, error?: unknown): Error => {
    if (error !== undefined) provider().emit('server_error', ctx, error)
    ctx.set({ 'retry-after': String(retryAfterSeconds) })
    return Object.assign(new errors.TemporarilyUnavailable('whether the grant is allowed could not be checked'), { status: 503, statusCode: 503 })
  }

  const revokeGrant = async (grantId: string): Promise<void> => {
    const { AccessToken, AuthorizationCode, RefreshToken, Grant } = provider()
    // The grant first: without it no code can be exchanged any more.
    await (await Grant.find(grantId, { ignoreExpiration: true }))?.destroy()
    await Promise.all([AuthorizationCode, RefreshToken, AccessToken].map(model => model.revokeByGrantId(grantId)))
    await options.onGrantRevoked(grantId)
  }

  /** The host's session overrides the provider's. */
  const endForeignSession = async (ctx: OidcContext, next: () => Promise<void>): Promise<void> => {
    if (ctx.path !== authorizationPath && !ctx.path.startsWith(`${authorizationPath}/`)) return await next()
    const session = await provider().Session.get(ctx)
    if (session.accountId !== undefined) {
      let account: string | null
      try {
        account = await accountOf(ctx)
      } catch (error) {
        // Outside of the provider's own routes nothing turns an error into a response.
        const { message } = unavailable(ctx, error)
        ctx.status = 503
        ctx.set({ 'cache-control': 'no-store' })
        ctx.body = { error: 'temporarily_unavailable', error_description: message }
        return
      }
      if (session.accountId !== account) await session.destroy()
    }
    await next()
  }

  const policy = createGuardPolicy(options.oidc, {
    refusalOf: ctx => refusals.get(ctx),
    async accountOf (ctx) {
      try {
        return await accountOf(ctx)
      } catch (error) {
        throw unavailable(ctx, error)
      }
    }
  })

  return {
    policy,
    revokeGrant,
    asksForAnother,
    refusalOf: refusalOfInteraction,
    configuration: {
      loadExistingGrant: loadExistingGrant as never,
      findAccount: findAccount as never,
      async extraTokenClaims ({ oidc: { grant } }: OidcContext) {
        if (grant === undefined) return undefined
        const saved = checked(grant)
        return { ...options.claimsOf?.(saved), ...impersonationClaims(saved.record) }
      },
      // The access of an impersonator ends with the access token.
      issueRefreshToken: async (ctx: OidcContext, client: OidcClient, token: OidcToken) =>
        ctx.oidc.grant !== undefined && checked(ctx.oidc.grant).record === null && await options.issueRefreshToken(ctx as never, client as never, token as never),
      // A customer who signs out does not revoke the clients that they connected.
      expiresWithSession: async () => false
    },
    accessTokenTtl ({ oidc: { grant } }: OidcContext) {
      if (grant === undefined) return accessTokenSeconds
      const seconds = lifetime(checked(grant))
      if (seconds < 1) throw new errors.InvalidGrant('the impersonation is over')
      return seconds
    },
    attach (given) {
      const one = given as unknown as GuardedProvider
      attached = one
      one.on('grant.revoked', (ctx, grantId) => {
        options.onGrantRevoked(grantId).catch((error: unknown) => one.emit('server_error', ctx, error))
      })
      one.use(endForeignSession)
    },
    async saveGrant ({ prompt: { details }, grantId: earlierId, params }, { account, decision: { allowed, access, record } }) {
      if (!allowed || access === null) throw new TypeError('saveGrant needs a decision of checkNewGrant that allows the grant and was made with its access')
      const { Grant } = provider()
      const client = String(params.client_id)
      const found = earlierId === undefined ? undefined : await Grant.find(earlierId)
      const before = readSavedGrant(found)
      // A client that comes back for more adds to the grant of the same person.
      const earlier = before !== null && guard.isSameImpersonator(before.record, record) ? found : undefined
      // Another access is another grant. It has the scopes that were asked about this time, and none of a wider access.
      const grant = earlier !== undefined && isDeepStrictEqual(before!.access, access)
        ? earlier
        : fillGrant(new Grant({ accountId: account, clientId: client }), { access, record }, earlier, params)
      // An impersonator gets no ID token: it would say that the customer has signed in, to clients that know no mark.
      addAskedScopes(grant, details, scopes => guard.narrowGrant({ expiresInSeconds: 0, scopes, refreshToken: false }, record).scopes
        .filter(scope => record === null || scope !== 'openid'))
      const id = await grant.save()
      await options.onGrantSaved({ id, account, client, access, record })
      return id
    },
    async forgetBrowser (request, response) {
      const session = await provider().Session.get(provider().createContext(request, response))
      if (session.accountId !== undefined) await session.destroy()
    }
  }
}
