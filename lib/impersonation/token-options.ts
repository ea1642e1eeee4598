import { OptionError } from '../errors/errors.ts'
import type { GrantAccess, OrganizationDirectory } from '../stores/organizations/organization-directory.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { ImpersonationMarker, TokenImpersonation } from './token-impersonation.ts'
import { createTokenClassifier } from './token-impersonation.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'

type MaybePromise<T> = T | Promise<T>

/** What is asked of impersonated tokens each time they are used. */
export interface ImpersonatedTokenOptions {
  /** Knows the organizations and their approvals. Default: that of `impersonationGuard`. */
  directory?: OrganizationDirectory
  /**
   * What marks an impersonated token beside the claim `impersonation`, which `impersonationClaims` writes and which is always one.
   * Who acts by `act` alone is a delegate. Default: nothing else.
   */
  markers?: readonly ImpersonationMarker[]
  /** In place of every marker: who impersonates whom by this token, `null` for nobody. Undefined is no answer, and a no. */
  impersonationOf?: (accessToken: AccessToken) => MaybePromise<TokenImpersonation | null>
  /**
   * What the token reaches. Default: the organizations, or the teams, that it is bound to; everything of the customer when it
   * is bound to none, or to both.
   */
  reachOf?: (accessToken: AccessToken) => MaybePromise<GrantAccess | null | undefined>
  /**
   * Whether the session that the token was made in still goes on: only `true` is a yes. A token whose session is over is dead.
   * Default: it goes on until `endsAt`, and nobody knows of an end before that but the revocation store.
   */
  isAlive?: (impersonation: TokenImpersonation, accessToken: AccessToken) => MaybePromise<boolean>
  /** How long each look-up may take, in milliseconds. Default: 2000. */
  timeoutMs?: number
  /** Which decisions the audit is told: `refused` (default), or `all`, which is an entry for each request with such a token. */
  audit?: 'refused' | 'all'
}

/** The same with the defaults filled in. */
export interface ImpersonatedTokenSettings {
  readonly directory: OrganizationDirectory
  readonly impersonationOf: (accessToken: AccessToken) => MaybePromise<TokenImpersonation | null>
  readonly reachOf: (accessToken: AccessToken) => MaybePromise<GrantAccess | null | undefined>
  readonly isAlive: NonNullable<ImpersonatedTokenOptions['isAlive']> | null
  readonly timeoutMs: number
  readonly audit: 'refused' | 'all'
}

const anyFunction = Type.Function([], Type.Unknown())
const text = Type.String({ minLength: 1 })
const closed = { additionalProperties: false }
const optionsSchema = Type.Object({
  directory: Type.Optional(Type.Object({ report: anyFunction })),
  markers: Type.Optional(Type.Array(Type.Object({
    claim: Type.Optional(Type.Union([text, Type.Array(text, { minItems: 1 })])),
    actorIssuer: Type.Optional(text),
    actorSubject: Type.Optional(Type.Object({ source: Type.String(), flags: Type.String() }))
  }, { ...closed, minProperties: 1, maxProperties: 1 }), { minItems: 1 })),
  impersonationOf: Type.Optional(anyFunction),
  reachOf: Type.Optional(anyFunction),
  isAlive: Type.Optional(anyFunction),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })),
  audit: Type.Optional(Type.Enum(['refused', 'all']))
}, closed)

/**
 * @param directory of the guard, for options that do not name one; `null` when there is none
 * @throws OptionError
 */
export function resolveTokenOptions (given: unknown, directory: OrganizationDirectory | null): ImpersonatedTokenSettings {
  checkOptions('impersonatedTokens', optionsSchema, given)
  const options = given as ImpersonatedTokenOptions
  const known = options.directory ?? directory
  if (known === null) throw new OptionError('impersonatedTokens.directory must be given where there is no impersonationGuard')
  if (options.markers !== undefined && options.impersonationOf !== undefined) {
    throw new OptionError(`impersonatedTokens.markers ${show(options.markers)} and impersonatedTokens.impersonationOf contradict each other`)
  }
  return Object.freeze({
    directory: known,
    impersonationOf: options.impersonationOf ?? createTokenClassifier(options.markers),
    reachOf: options.reachOf ?? boundReachOf,
    isAlive: options.isAlive ?? null,
    timeoutMs: options.timeoutMs ?? 2000,
    audit: options.audit ?? 'refused'
  })
}

/** What a token is bound to is held against every request; what it is not bound to, nobody holds it to. */
export function boundReachOf ({ organizations, teams }: Pick<AccessToken, 'organizations' | 'teams'>): GrantAccess {
  // Of a token that is bound to both, some route may look at the one and some at the other.
  if (organizations !== null && teams === null) return { level: 'organization', organizations }
  if (teams !== null && organizations === null) return { level: 'team', teams }
  return { level: 'all' }
}
