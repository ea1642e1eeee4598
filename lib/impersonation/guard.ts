import type { Clock } from '../clock.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import { askWithin } from '../time-limit.ts'
import type { Impersonation } from './impersonation.ts'
import { checkImpersonation } from './impersonation.ts'
import type { GrantDecision, GrantStep, CheckGrantSettings } from './check-grant.ts'
import { decision, hasEnded, isBackChannel, checkGrant, lookupFailed } from './check-grant.ts'
import type { GrantTerms } from './narrow.ts'
import { narrowGrant } from './narrow.ts'
import type { GuardedRouteOptions, ImpersonationGuardOptions, AccessOf } from './options.ts'
import type { ImpersonationRecord } from './record.ts'
import { isSameImpersonator, parseImpersonationRecord, createImpersonationRecord } from './record.ts'

/** A grant that is about to be made, for code that has no request. */
export interface NewGrant {
  /** Who impersonates whom, from the session that the server itself keeps; `null` for nobody. */
  readonly impersonation: Impersonation | null
  /** Default: everything of the customer. */
  readonly reach?: GrantAccess | null
  /** Whom the grant is for, for the audit. Default: it is not said. */
  readonly client?: string | null
  /** How it comes about, for the audit. Default: it is not said. */
  readonly path?: GrantStep | null
}

/**
 * A grant that is there and about to be used again: by the exchange of its code, by a refresh, or by an approval that is not
 * asked for as it was given before.
 */
export type ReusedGrant = {
  /** What was saved with it: `null` for a customer's own. Undefined was not found, and is refused. */
  readonly stamp: unknown
  /** For the audit. Default: what the stamp says. */
  readonly client?: string | null
} & (
  // There is a client and no session of anybody's: the stamp says who it is.
  | { readonly path: 'exchange' | 'refresh', readonly impersonation?: undefined }
  // `null` for nobody: whoever sits there uses what was made in the same state.
  | { readonly path: 'automatic-approval', readonly impersonation: Impersonation | null }
)

/** A decision with what the audit says beside it. */
export interface AuditedDecision extends GrantDecision {
  readonly client: string | null
  readonly path: GrantStep | null
}

/** Decides about the grants of one authorization server. What decides never throws: what fails is a no. */
export interface ImpersonationGuard<Request> {
  /** Where it takes the time from. */
  readonly clock: Clock
  /** Decides about a new grant. */
  judgeGrant (grant: NewGrant): Promise<AuditedDecision>
  /** Decides about a grant that is used again: by what it reaches itself, who made it, and when. */
  judgeReuse (grant: ReusedGrant): Promise<AuditedDecision>
  /** A new grant of this request. */
  judgeNewOf (request: Request, reachOf?: AccessOf<Request>, path?: GrantStep | null): Promise<AuditedDecision>
  /** A grant that this request uses again. */
  judgeReuseOf (request: Request, stamp: unknown, path?: GrantStep | null): Promise<AuditedDecision>
  /**
   * A request whose `when` or `path` failed is taken for one that makes a grant: a customer's proceeds, with the error, and
   * an impersonator's is refused.
   *
   * @returns `null` when the request would make no grant
   */
  judgeRoute (request: Request, route: GuardedRouteOptions<Request>, accessToken: MakingToken | null): Promise<AuditedDecision | null>
  /**
   * What to save with a grant that is made now; `null` when nobody impersonates.
   *
   * @throws TypeError for what is neither null nor an impersonation
   */
  stampOf (impersonation: Impersonation | null, grant?: { readonly reach?: GrantAccess | null, readonly client?: string | null }): ImpersonationRecord | null
  /** See `isSameImpersonator`. */
  isSameImpersonator (stamp: unknown, impersonation: Impersonation | null): boolean
  /**
   * What an impersonator gets of it now; see `narrowGrant`.
   *
   * @param impersonation or the stamp of the grant
   * @throws TypeError for what is neither null nor an impersonation
   */
  narrowGrant (terms: GrantTerms, impersonation: Impersonation | null): GrantTerms
}

/** The access token of a request that would make a grant, as far as that matters. */
export type MakingToken = Pick<AccessToken, 'actor' | 'principalType'> & { readonly impersonated: boolean }

export function createImpersonationGuard<Request> (options: ImpersonationGuardOptions<Request>, clockOfServer: Clock): ImpersonationGuard<Request> {
  const { clock = clockOfServer, directory, impersonationOf, isAlive, readOnlyScopes = [], timeoutMs = 2000 } = options

  const rules = (grantedAt?: number): CheckGrantSettings => ({ now: clock.now(), timeoutMs, ...grantedAt !== undefined && { grantedAt } })

  const judgeNew = async (impersonation: unknown, reach: () => unknown): Promise<GrantDecision> => {
    let known: Impersonation | null = null
    try {
      known = checkImpersonation(impersonation)
      // Customers who act for themselves are not even looked up.
      return await checkGrant(known, known === null ? null : await askWithin(timeoutMs, reach), directory, rules())
    } catch (error) {
      return decision('lookup_failed', { impersonation: known, error })
    }
  }
  /** @param by who would use it, by the session at hand; `null` where there is none */
  const judgeOld = async (given: unknown, by: { readonly impersonation: unknown } | null): Promise<GrantDecision> => {
    let stamp: ImpersonationRecord | null
    try {
      stamp = parseImpersonationRecord(given)
    } catch (error) {
      return decision('record_malformed', { impersonation: null, error })
    }
    try {
      if (by !== null && !isSameImpersonator(stamp, checkImpersonation(by.impersonation))) {
        return decision('grant_foreign', { impersonation: checkImpersonation(by.impersonation) ?? stamp, reach: stamp?.reach ?? null })
      }
      if (stamp !== null && by === null && isAlive !== undefined && !hasEnded(stamp, clock.now())) {
        if (await askWithin(timeoutMs, () => isAlive(stamp)) !== true) return decision('impersonation_ended', { impersonation: stamp, reach: stamp.reach })
      }
    } catch (error) {
      return decision('lookup_failed', { impersonation: stamp, reach: stamp?.reach ?? null, error })
    }
    return await checkGrant(stamp, stamp?.reach, directory, rules(stamp?.grantedAt))
  }
  const clientOf = async (request: Request): Promise<string | null> => {
    try {
      const client: unknown = await askWithin(timeoutMs, () => options.clientOf?.(request))
      return typeof client === 'string' ? client : null
    } catch {
      // What was decided stands, and is told with what is known.
      return null
    }
  }
  const asSaid = async (deciding: Promise<GrantDecision>, client: string | null, path: GrantStep | null): Promise<AuditedDecision> =>
    Object.freeze({ ...await deciding, client, path })
  /** With the client of the request, where somebody hears of it. */
  const told = async (deciding: GrantDecision | Promise<GrantDecision>, request: Request, path: GrantStep | null): Promise<AuditedDecision> => {
    const decided = await deciding
    const client = decided.reason === 'not_impersonating' ? null : await clientOf(request) ?? clientOfStamp(decided.impersonation)
    return Object.freeze({ ...decided, client, path })
  }
  const failing = async (judge: () => Promise<GrantDecision>): Promise<GrantDecision> => {
    try {
      return await judge()
    } catch (error) {
      return lookupFailed(error)
    }
  }

  const guard: ImpersonationGuard<Request> = {
    clock,
    judgeGrant: ({ impersonation, reach, client = null, path = null }) => asSaid(judgeNew(impersonation, () => reach), client, path),
    judgeReuse: ({ stamp, impersonation, client, path }) =>
      asSaid(judgeOld(stamp, isBackChannel(path) ? null : { impersonation }), client ?? clientOfStamp(stamp), path),
    judgeNewOf: (request, reachOf = options.reachOf, path = null) => told(failing(async () =>
      await judgeNew(await askWithin(timeoutMs, () => impersonationOf(request)), () => reachOf?.(request))), request, path),
    judgeReuseOf: (request, stamp, path = null) => told(failing(async () =>
      await judgeOld(stamp, isBackChannel(path) ? null : { impersonation: await askWithin(timeoutMs, () => impersonationOf(request)) })), request, path),
    async judgeRoute (request, { reachOf, when, stampOf, path: pathOf = null, tokens }, accessToken) {
      const unclear: Array<{ readonly error: unknown }> = []
      const said = async <T, U>(ask: () => T | Promise<T>, otherwise: U): Promise<T | U> => {
        try {
          return await askWithin(timeoutMs, ask)
        } catch (error) {
          unclear.push({ error })
          return otherwise
        }
      }
      if (when !== undefined && await said(() => when(request), true) === false) return null
      const path = typeof pathOf === 'function' ? await said(() => pathOf(request), null) : pathOf
      if (tokens !== 'any' && accessToken !== null && !isDirect(accessToken)) {
        return await told(decision('token_not_direct', { impersonation: null }), request, path)
      }
      const judge = async (): Promise<AuditedDecision> => {
        if (stampOf !== undefined) return await guard.judgeReuseOf(request, await askWithin(timeoutMs, () => stampOf(request)), path)
        if (isBackChannel(path)) throw new TypeError(`a grant is judged by its stamp on the path ${path!}: stampOf is missing`)
        return await guard.judgeNewOf(request, reachOf, path)
      }
      try {
        const decided = await judge()
        if (unclear.length === 0) return decided
        // What the route could not say of the request is held against impersonators alone.
        return Object.freeze({ ...decided, ...unclear[0], ...decided.reason !== 'not_impersonating' && { allowed: false, reason: 'lookup_failed' } })
      } catch (error) {
        return await told(lookupFailed(error), request, path)
      }
    },
    stampOf: (impersonation, grant = {}) => createImpersonationRecord(impersonation, { ...grant, grantedAt: clock.now() }),
    isSameImpersonator,
    narrowGrant: (terms, impersonation) => narrowGrant(terms, impersonation, { now: clock.now(), readOnlyScopes })
  }
  return guard
}

/** Of a user who acts for themselves: whoever acts for them, or is nobody, gives away what is not theirs. */
function isDirect ({ actor, principalType, impersonated }: MakingToken): boolean {
  return actor === null && principalType === 'user' && !impersonated
}

function clientOfStamp (stamp: unknown): string | null {
  const client = (stamp as Partial<ImpersonationRecord> | null | undefined)?.client
  return typeof client === 'string' ? client : null
}
