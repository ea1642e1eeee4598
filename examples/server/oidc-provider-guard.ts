/**
 * The guard on impersonated grants for oidc-provider: everything that is needed beside the pages, to be taken as it is.
 *
 * A grant of oidc-provider carries in itself what the guard has to know of it, whatever store it is kept in: what it
 * reaches, and who made it for whom. It is decided about before it is made (the host's pages ask `request.judgeGrant`,
 * then call `saveGrant`), when it is used again without a question, when its code is exchanged, and on every refresh.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type Provider from 'oidc-provider'
import type { Account, Client, Configuration, Context, Grant, Interaction, Token } from 'oidc-provider'
import { errors, interactionPolicy } from 'oidc-provider'
import type { GrantDecision, GrantReach } from '../../plugins/index.ts'
import type { GrantStamp, Impersonation } from './stamp.ts'
import { lifetime, mayReuse, stampOf } from './stamp.ts'

/** A decision that is asked for outside of a route of Fastify. */
export interface GrantInQuestion {
  readonly impersonation: Impersonation
  readonly reach: GrantReach
  readonly client: string
  /** Where it is decided, for the audit. */
  readonly path: string
}

/** A grant, and whatever the host has to know to find it again. */
export interface SavedGrant {
  readonly id: string
  readonly account: string
  readonly client: string
  readonly reach: GrantReach
  readonly stamp: GrantStamp | null
}

export interface OidcProviderGuardOptions {
  /** `app.impersonationGuard.judgeGrant` */
  judge (grant: GrantInQuestion): Promise<GrantDecision>
  /** Whom the browser that sent a request is signed in as, by the host's own session: the customer, also for who impersonates. */
  accountOf (request: IncomingMessage): Promise<string | null>
  /** Who impersonates whom in that session; `null` for nobody. */
  impersonationOf (request: IncomingMessage): Promise<Impersonation | null>
  /** Whether the impersonation that a grant was made in still goes on. */
  isRunning (stamp: GrantStamp): Promise<boolean>
  /** Remembers a grant, so that those of an impersonation are found when it ends. Called before a code can be made of it. */
  remember (grant: SavedGrant): Promise<void>
  /** The other way round: the grant is gone. Tokens that are checked without asking us are to be refused from now on. */
  forget (grantId: string): Promise<void>
  /** The configuration's own. */
  findAccount (ctx: Context, subject: string, token?: Token): Promise<Account | undefined>
  issueRefreshToken (ctx: Context, client: Client, token: Token): Promise<boolean>
  /** What every access token of a grant says of it. Of an impersonated one this is where the mark is put. */
  claimsOf (grant: SavedGrant): Record<string, unknown>
  /** The scopes that an impersonation may have that is read-only. */
  readOnlyScopes: readonly string[]
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
  /** Whether this interaction is there because a grant could not be used again without a question. */
  wasRefused (interaction: Interaction): boolean
  /**
   * Makes the grant that an interaction has led to, or adds to it, once it has been decided about.
   *
   * @returns its id, for the result of the interaction
   */
  saveGrant (interaction: Interaction, made: { account: string, reach: GrantReach, impersonation: Impersonation | null }): Promise<string>
  /** Takes back a grant, and every code and token of it. */
  revokeGrant (grantId: string): Promise<void>
  /** Has the provider forget whom it took the browser for: at each sign-in, sign-out, and change of impersonation. */
  forgetBrowser (request: IncomingMessage, response: ServerResponse): Promise<void>
}

const carrier = 'urn:example:guarded-grant'
const refusedReuse = 'impersonation_guard'

export function createOidcProviderGuard (options: OidcProviderGuardOptions): OidcProviderGuard {
  let attached: Provider | undefined
  const provider = (): Provider => {
    if (attached === undefined) throw new Error('the guard is not attached to a provider')
    return attached
  }
  /** Authorization requests whose grant may not be used again. */
  const refused = new WeakSet<Context>()

  const decide = async ({ client, reach, stamp }: SavedGrant, path: string): Promise<boolean> =>
    stamp === null || (await options.isRunning(stamp) &&
      (await options.judge({ impersonation: stamp, reach, client, path })).allowed)

  /** The automatic approval: what was granted before is granted again, by the same person and as far as it may be now. */
  const loadExistingGrant = async (ctx: Context): Promise<Grant | undefined> => {
    const { client, session, result } = ctx.oidc
    const id = result?.consent?.grantId ?? session!.grantIdFor(client!.clientId)
    const grant = id === undefined ? undefined : await provider().Grant.find(id)
    if (grant === undefined) return undefined
    const saved = read(grant)
    if (!mayReuse(saved.stamp, await options.impersonationOf(ctx.req))) return undefined
    if (await decide(saved, 'GET /auth')) return grant
    refused.add(ctx)
    return undefined
  }

  /** The exchange and the refresh: by now the code is used up, whatever comes of it. */
  const findAccount = async (ctx: Context, subject: string, token?: Token): Promise<Account | undefined> => {
    if (token?.grantId !== undefined) {
      const grant = ctx.oidc.grant ?? await provider().Grant.find(token.grantId)
      if (grant === undefined) throw new errors.InvalidGrant('grant not found')
      if (!await decide(read(grant), `POST ${ctx.path}`)) {
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
  // The first of the reasons is the one a client is told that must not lead to a question (`prompt=none`).
  policy.get('consent').checks.add(new interactionPolicy.Check(
    refusedReuse, 'the grant is not allowed any more', 'access_denied', ctx => refused.has(ctx)), 0)

  return {
    policy,
    revokeGrant,
    configuration: {
      loadExistingGrant,
      findAccount,
      extraTokenClaims: async ({ oidc: { grant } }) => grant === undefined ? undefined : options.claimsOf(read(grant)),
      // There is nothing to refresh with: what an impersonator granted ends with the token.
      issueRefreshToken: async (ctx, client, token) =>
        ctx.oidc.grant !== undefined && read(ctx.oidc.grant).stamp === null && await options.issueRefreshToken(ctx, client, token),
      // A customer who signs out takes nothing back by that.
      expiresWithSession: async () => false
    },
    accessTokenTtl ({ oidc: { grant } }) {
      const stamp = grant === undefined ? null : read(grant).stamp
      if (stamp === null) return options.accessTokenSeconds
      return lifetime(stamp)
    },
    attach (one) {
      attached = one
      one.on('grant.revoked', (_ctx, grantId) => { void options.forget(grantId) })
      // Whom the provider remembers is of no account when the host knows better.
      one.use(async (ctx, next) => {
        if (/^\/auth(\/|$)/.test(ctx.path)) {
          const session = await one.Session.get(ctx)
          if (session.accountId !== undefined && session.accountId !== await options.accountOf(ctx.req)) await session.destroy()
        }
        await next()
      })
    },
    wasRefused: ({ prompt }) => prompt.reasons.includes(refusedReuse),
    async saveGrant ({ prompt: { details }, grantId: earlierId, params }, { account, reach, impersonation }) {
      const { Grant } = provider()
      const client = String(params.client_id)
      const stamp = impersonation === null ? null : stampOf(impersonation)
      const earlier = earlierId === undefined ? undefined : await Grant.find(earlierId)
      // A client that comes back for more adds to what it was granted before, unless it is not to reach the same.
      const grant = earlier !== undefined && isDeepStrictEqual(read(earlier).reach, reach)
        ? earlier
        : anew(new Grant({ accountId: account, clientId: client, ...stamp !== null && { expiresIn: lifetime(stamp) } }), { reach, stamp }, earlier)
      const mayHave = (scope: string): boolean => stamp === null || !stamp.readOnly || options.readOnlyScopes.includes(scope)
      for (const scope of details.missingOIDCScope ?? []) {
        if (mayHave(scope)) grant.addOIDCScope(scope)
        else grant.rejectOIDCScope(scope)
      }
      for (const [resource, scopes] of Object.entries(details.missingResourceScopes ?? {})) {
        for (const scope of scopes) {
          if (mayHave(scope)) grant.addResourceScope(resource, scope)
          else grant.rejectResourceScope(resource, scope)
        }
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

/** Says of a grant what it is, and gives it what was granted before. */
function anew (grant: Grant, detail: Pick<SavedGrant, 'reach' | 'stamp'>, earlier: Grant | undefined): Grant {
  grant.addRar({ type: carrier, ...detail })
  if (earlier?.openid?.scope !== undefined) grant.addOIDCScope(earlier.openid.scope)
  for (const [resource, scope] of Object.entries(earlier?.resources ?? {})) grant.addResourceScope(resource, scope)
  return grant
}

/** What a grant says of itself. One that says nothing is not one of ours: it was not decided about. */
function read (grant: Grant): SavedGrant {
  const detail = grant.rar?.find(({ type }) => type === carrier)
  if (detail === undefined) throw new errors.InvalidGrant('the grant does not say whose it is')
  const { reach, stamp } = detail as unknown as Pick<SavedGrant, 'reach' | 'stamp'>
  return { id: grant.jti!, account: grant.accountId, client: grant.clientId, reach, stamp }
}
