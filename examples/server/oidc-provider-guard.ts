/**
 * The guard on impersonated grants for oidc-provider: everything that is needed beside the pages, to be taken as it is.
 *
 * A grant of oidc-provider carries in itself what the guard has to know of it, whatever store it is kept in: what it
 * reaches, and who made it for whom. It is decided about before it is made (the host's pages ask `request.judgeGrant`,
 * then call `saveGrant`), when it is used again without a question, when its code is exchanged, and on every refresh.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { decodeJwt } from 'jose'
import type Provider from 'oidc-provider'
import type { Account, Client, Configuration, Context, Grant, Interaction, Token } from 'oidc-provider'
import { errors, interactionPolicy } from 'oidc-provider'
import type { GrantAccess, ImpersonationRecord, Impersonation } from '../../plugins/entry-points/impersonation.ts'
import type { AppImpersonationGuard } from '../../plugins/entry-points/impersonation.ts'
import { impersonationClaims } from '../../plugins/entry-points/impersonation.ts'

/** A grant, and whatever the host has to know to find it again. */
export interface SavedGrant {
  readonly id: string
  readonly account: string
  readonly client: string
  readonly reach: GrantAccess
  /** `null` for the customer's own. */
  readonly stamp: ImpersonationRecord | null
}

export interface OidcProviderGuardOptions {
  /** `app.impersonationGuard`. Its option `isAlive` says whether the impersonation that a grant was made in still goes on. */
  guard: AppImpersonationGuard
  /** Whom the browser that sent a request is signed in as, by the host's own session: the customer, also for who impersonates. */
  accountOf (request: IncomingMessage): Promise<string | null>
  /** Who impersonates whom in that session; `null` for nobody. */
  impersonationOf (request: IncomingMessage): Promise<Impersonation | null>
  /** Remembers a grant, so that those of an impersonation are found when it ends. Called before a code can be made of it. */
  remember (grant: SavedGrant): Promise<void>
  /** The other way round: the grant is gone. Tokens that are checked without asking us are to be refused from now on. */
  forget (grantId: string): Promise<void>
  /** The configuration's own. */
  findAccount (ctx: Context, subject: string, token?: Token): Promise<Account | undefined>
  issueRefreshToken (ctx: Context, client: Client, token: Token): Promise<boolean>
  /** What access tokens say of their grant, beside the mark of an impersonated one. */
  claimsOf (grant: SavedGrant): Record<string, unknown>
  /** How long access tokens live that nobody impersonates for. */
  accessTokenSeconds: number
}

export interface OidcProviderGuard {
  /** For the configuration of the provider. `ttl.AccessToken` is one of several, so it is given alone. */
  readonly configuration: Required<Pick<Configuration,
    'findAccount' | 'loadExistingGrant' | 'extraTokenClaims' | 'issueRefreshToken' | 'expiresWithSession'>>
  readonly policy: interactionPolicy.DefaultPolicy
  accessTokenTtl (ctx: Context, token: Token): number
  /** To be called once, with the provider that has the configuration. */
  attach (provider: Provider): void
  /**
   * Whether this interaction is there because the client says by an ID token who is to be signed in (`id_token_hint`), and it
   * is not whom the provider knows. Whoever impersonates is to be answered `login_required` then.
   */
  asksForAnother (interaction: Interaction): boolean
  /**
   * Whether this interaction is there because a grant could not be used again without a question, and why: an organization
   * has not approved, it could not be found out, or something else. `null` when that is not why it is there.
   */
  refusalOf (interaction: Interaction): keyof typeof refusals | null
  /**
   * Makes the grant that an interaction has led to, or adds to it, once it has been decided about.
   *
   * @returns its id, for the result of the interaction
   */
  saveGrant (interaction: Interaction, made: { account: string, reach: GrantAccess, impersonation: Impersonation | null }): Promise<string>
  /** Takes back a grant, and every code and token of it. */
  revokeGrant (grantId: string): Promise<void>
  /** Has the provider forget whom it took the browser for: at each sign-in, sign-out, and change of impersonation. */
  forgetBrowser (request: IncomingMessage, response: ServerResponse): Promise<void>
}

const carrier = 'urn:example:guarded-grant'
/** Reasons of an interaction: which of them it is says what is known. */
const refusals = { not_approved: 'impersonation_not_approved', refused: 'impersonation_guard', unknown: 'impersonation_unknown' } as const
const anotherSubject = 'another_subject'

export function createOidcProviderGuard (options: OidcProviderGuardOptions): OidcProviderGuard {
  let attached: Provider | undefined
  const provider = (): Provider => {
    if (attached === undefined) throw new Error('the guard is not attached to a provider')
    return attached
  }
  /** Authorization requests whose grant may not be used again. */
  const refused = new WeakMap<Context, keyof typeof refusals>()

  /** How long an access token made of a grant now may live: 0 when there is none to be made any more. */
  const lifetime = ({ stamp }: SavedGrant): number => options.guard.narrowGrant(
    { expiresInSeconds: options.accessTokenSeconds, scopes: [], refreshToken: false }, stamp).expiresInSeconds

  /** The automatic approval: what was granted before is granted again, by the same person and as far as it may be now. */
  const loadExistingGrant = async (ctx: Context): Promise<Grant | undefined> => {
    const { client, session, result } = ctx.oidc
    const id = result?.consent?.grantId ?? session!.grantIdFor(client!.clientId)
    const grant = id === undefined ? undefined : await provider().Grant.find(id)
    // One that does not say whose it is, of before there was a guard, is not used again.
    const saved = grant === undefined ? null : read(grant)
    if (saved === null) return undefined
    const { stamp } = saved
    const impersonation = await options.impersonationOf(ctx.req)
    const { allowed, reason } = await options.guard.judgeReuse({ stamp, impersonation, client: saved.client, path: 'automatic-approval' })
    if (allowed) return grant
    // What somebody else was granted is none of their business: they are asked. And an approval that was given anew is good
    // for a new grant, which somebody has to say that there should be.
    if (reason !== 'grant_foreign' && reason !== 'approval_younger') {
      refused.set(ctx, reason === 'lookup_failed' ? 'unknown' : reason === 'not_approved' ? reason : 'refused')
    }
    return undefined
  }

  /** The exchange and the refresh: by now the code is used up, whatever comes of it. */
  const findAccount = async (ctx: Context, subject: string, token?: Token): Promise<Account | undefined> => {
    if (token?.grantId !== undefined) {
      const grant = ctx.oidc.grant ?? await provider().Grant.find(token.grantId)
      const saved = grant === undefined ? null : read(grant)
      if (saved === null) throw new errors.InvalidGrant('there is no grant that says whose it is')
      // Of an impersonation without a second left there is no token: it is over, and the audit is to say so.
      const stamp = saved.stamp !== null && lifetime(saved) < 1 ? { ...saved.stamp, endsAt: 0 } : saved.stamp
      const { allowed } = await options.guard.judgeReuse({ stamp, client: saved.client, path: token.kind === 'RefreshToken' ? 'refresh' : 'exchange' })
      if (!allowed) {
        await revokeGrant(token.grantId)
        throw new errors.InvalidGrant('the grant is not allowed any more')
      }
    }
    return await options.findAccount(ctx, subject, token)
  }

  const revokeGrant = async (grantId: string): Promise<void> => {
    const { AccessToken, AuthorizationCode, RefreshToken, Grant } = provider()
    // The grant first: without it nothing is made of a code any more.
    await (await Grant.find(grantId, { ignoreExpiration: true }))?.destroy()
    await Promise.all([AuthorizationCode, RefreshToken, AccessToken].map(model => model.revokeByGrantId(grantId)))
    await options.forget(grantId)
  }

  const policy = interactionPolicy.base()
  policy.get('login').checks.add(new interactionPolicy.Check(
    'host_session', 'somebody else is signed in', 'login_required',
    async ctx => ctx.oidc.session!.accountId !== (await options.accountOf(ctx.req) ?? undefined)))
  // The provider holds its hint against who is signed in once, and not again when the request goes on after the answer.
  policy.get('login').checks.add(new interactionPolicy.Check(
    anotherSubject, 'the client asks for somebody else', 'login_required', ({ oidc: { params, session } }) =>
      typeof params?.id_token_hint === 'string' && session!.accountId !== undefined && decodeJwt(params.id_token_hint).sub !== session!.accountId))
  // The first of the reasons is the one a client is told that must not lead to a question (`prompt=none`).
  for (const [why, reason] of Object.entries(refusals)) {
    const [error, description] = why === 'unknown'
      ? ['temporarily_unavailable', 'whether the grant is allowed could not be found out']
      : ['access_denied', 'the grant is not allowed any more']
    policy.get('consent').checks.add(new interactionPolicy.Check(reason, description!, error!, ctx => refused.get(ctx) === why), 0)
  }

  return {
    policy,
    revokeGrant,
    configuration: {
      loadExistingGrant,
      findAccount,
      async extraTokenClaims ({ oidc: { grant } }) {
        if (grant === undefined) return undefined
        const saved = checked(grant)
        return { ...options.claimsOf(saved), ...impersonationClaims(saved.stamp) }
      },
      // There is nothing to refresh with: what an impersonator granted ends with the token.
      issueRefreshToken: async (ctx, client, token) =>
        ctx.oidc.grant !== undefined && checked(ctx.oidc.grant).stamp === null && await options.issueRefreshToken(ctx, client, token),
      // A customer who signs out takes nothing back by that.
      expiresWithSession: async () => false
    },
    accessTokenTtl ({ oidc: { grant } }) {
      if (grant === undefined) return options.accessTokenSeconds
      const seconds = lifetime(checked(grant))
      if (seconds < 1) throw new errors.InvalidGrant('the impersonation is over')
      return seconds
    },
    attach (one) {
      attached = one
      one.on('grant.revoked', (ctx, grantId) => { options.forget(grantId).catch((error: Error) => one.emit('server_error', ctx, error)) })
      // Whom the provider remembers is of no account when the host knows better. The path is that of `routes.authorization`.
      one.use(async (ctx, next) => {
        if (/^\/auth(\/|$)/.test(ctx.path)) {
          const session = await one.Session.get(ctx)
          if (session.accountId !== undefined && session.accountId !== await options.accountOf(ctx.req)) await session.destroy()
        }
        await next()
      })
    },
    asksForAnother: ({ prompt }) => prompt.reasons.includes(anotherSubject),
    refusalOf: ({ prompt: { reasons } }) =>
      (Object.keys(refusals) as Array<keyof typeof refusals>).find(why => reasons.includes(refusals[why])) ?? null,
    async saveGrant ({ prompt: { details }, grantId: earlierId, params }, { account, reach, impersonation }) {
      const { Grant } = provider()
      const client = String(params.client_id)
      const stamp = options.guard.stampOf(impersonation, { reach, client })
      const found = earlierId === undefined ? undefined : await Grant.find(earlierId)
      const before = found === undefined ? null : read(found)
      // A client that comes back for more adds to what it was granted before, by the same person.
      const earlier = before !== null && options.guard.isSameImpersonator(before.stamp, impersonation) ? found : undefined
      // What is to reach something else is another grant. It has what was asked about this time, and nothing that was granted
      // as far as something else reached.
      const grant = earlier !== undefined && isDeepStrictEqual(before!.reach, reach)
        ? earlier
        : anew(new Grant({ accountId: account, clientId: client }), { reach, stamp }, earlier, params)
      // An ID token would say that the customer has signed in, to whom knows no mark: an impersonator has none.
      const narrowed = (scopes: readonly string[]): Set<string> => new Set(options.guard.narrowGrant(
        { expiresInSeconds: 0, scopes, refreshToken: false }, stamp).scopes.filter(scope => stamp === null || scope !== 'openid'))
      const asked = details.missingOIDCScope ?? []
      const given = narrowed(asked)
      // What is not given is rejected: it would be asked for again and again.
      for (const scope of asked) given.has(scope) ? grant.addOIDCScope(scope) : grant.rejectOIDCScope(scope)
      for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
        const givenHere = narrowed(scopes)
        for (const scope of scopes) givenHere.has(scope) ? grant.addResourceScope(resource, scope) : grant.rejectResourceScope(resource, scope)
      }
      const id = await grant.save()
      await options.remember({ id, account, client, reach, stamp })
      return id
    },
    async forgetBrowser (request, response) {
      const session = await provider().Session.get(provider().createContext(request, response))
      if (session.accountId !== undefined) await session.destroy()
    }
  }
}

function checked (grant: Grant): SavedGrant {
  const saved = read(grant)
  if (saved === null) throw new errors.InvalidGrant('the grant does not say whose it is')
  return saved
}

/**
 * Says of a grant what it is, and answers for it what was answered before, as far as this request asks for it again: the
 * provider names only what is missing from the earlier one.
 */
function anew (
  grant: Grant, detail: Pick<SavedGrant, 'reach' | 'stamp'>, earlier: Grant | undefined, params: Interaction['params']
): Grant {
  grant.addRar({ type: carrier, ...detail })
  const asked = new Set(String(params.scope ?? '').split(' '))
  const again = (scope: string | undefined): string[] => scope?.split(' ').filter(one => asked.has(one)) ?? []
  for (const scope of again(earlier?.openid?.scope)) grant.addOIDCScope(scope)
  for (const scope of again(earlier?.rejected?.openid?.scope)) grant.rejectOIDCScope(scope)
  for (const resource of [params.resource].flat().map(String)) {
    for (const scope of again(earlier?.resources?.[resource])) grant.addResourceScope(resource, scope)
    for (const scope of again(earlier?.rejected?.resources?.[resource])) grant.rejectResourceScope(resource, scope)
  }
  return grant
}

/**
 * What a grant says of itself; `null` when it does not: it was not decided about, and nobody knows whose it is. A customer's
 * own says so, by a stamp of `null`: one that has lost its stamp is not a customer's.
 */
function read (grant: Grant): SavedGrant | null {
  const { reach, stamp } = (grant.rar?.find(({ type }) => type === carrier) ?? {}) as Partial<Pick<SavedGrant, 'reach' | 'stamp'>>
  if (reach === undefined || stamp === undefined) return null
  return { id: grant.jti!, account: grant.accountId, client: grant.clientId, reach, stamp }
}
