import { OptionError } from '../errors/errors.ts'
import type { GrantAccess, OrganizationDirectory } from '../stores/organizations/organization-directory.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { MaybePromise } from './options.ts'
import type { ImpersonationMarker, TokenImpersonation } from './token-impersonation.ts'
import { createTokenClassifier } from './token-impersonation.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'

/** How impersonated access tokens are checked, each time they are used. */
export interface ImpersonatedTokenOptions {
  /** Knows the organizations and their approvals. Default: that of `impersonationGuard`. */
  directory?: OrganizationDirectory
  /**
   * What marks an impersonated token beside the claim `impersonation`, which `impersonationClaims` writes and which always
   * marks one. An actor in `act` alone is a delegate. Default: nothing else.
   */
  markers?: readonly ImpersonationMarker[]
  /**
   * In place of every marker: who impersonates whom by this token; `null` for a token that is not impersonated. `undefined` is
   * no answer, and the response is 503.
   */
  impersonationOf?: (accessToken: AccessToken) => MaybePromise<TokenImpersonation | null>
  /**
   * What the token gives access to. Default: the organizations, or the teams, that it is bound to; everything of the customer
   * when it is bound to neither, or to both.
   */
  accessOf?: (accessToken: AccessToken) => MaybePromise<GrantAccess | null | undefined>
  /**
   * Whether the session that the token was issued in still goes on; only `true` continues. After its end the token is refused
   * with 401. Default: the session goes on until `endsAt`, and only the revocation store ends it earlier.
   */
  sessionIsActive?: (impersonation: TokenImpersonation, accessToken: AccessToken) => MaybePromise<boolean>
  /** How long each look-up may take, in milliseconds; after it the response is 503. Default: 2000. */
  timeoutMs?: number
  /** Which decisions are audited: `refused` (default), or `all`, which is an entry for each request with such a token. */
  audit?: 'refused' | 'all'
}

/** The options with the defaults filled in. */
export interface ImpersonatedTokenSettings {
  readonly directory: OrganizationDirectory
  readonly impersonationOf: (accessToken: AccessToken) => MaybePromise<TokenImpersonation | null>
  readonly accessOf: (accessToken: AccessToken) => MaybePromise<GrantAccess | null | undefined>
  readonly sessionIsActive: NonNullable<ImpersonatedTokenOptions['sessionIsActive']> | null
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
  accessOf: Type.Optional(anyFunction),
  sessionIsActive: Type.Optional(anyFunction),
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
  if (known === null) throw new OptionError('impersonatedTokens.directory is required where no impersonationGuard has one')
  if (options.markers !== undefined && options.impersonationOf !== undefined) {
    throw new OptionError(`impersonatedTokens.markers ${show(options.markers)} and impersonatedTokens.impersonationOf contradict each other`)
  }
  return Object.freeze({
    directory: known,
    impersonationOf: options.impersonationOf ?? createTokenClassifier(options.markers),
    accessOf: options.accessOf ?? boundAccessOf,
    sessionIsActive: options.sessionIsActive ?? null,
    timeoutMs: options.timeoutMs ?? 2000,
    audit: options.audit ?? 'refused'
  })
}

/** The organizations or teams that a token is bound to: the routes refuse it for any other. */
export function boundAccessOf ({ organizations, teams }: Pick<AccessToken, 'organizations' | 'teams'>): GrantAccess {
  // Of a token that is bound to both, one route may check the organization and another one the team.
  if (organizations !== null && teams === null) return { level: 'organization', organizations }
  if (teams !== null && organizations === null) return { level: 'team', teams }
  return { level: 'all' }
}
