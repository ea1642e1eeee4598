import type { Clock } from '../clock.ts'
import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import { callHost } from '../time-limit.ts'
import type { ExistingGrantStep, GrantDecision, GrantStep, NewGrantStep } from './check-grant.ts'
import {
  checkGrant, decision, existingGrantSteps, hasEnded, isExistingGrantStep, isNewGrantStep, newGrantSteps
} from './check-grant.ts'
import type { Impersonation } from './impersonation.ts'
import { checkImpersonation } from './impersonation.ts'
import type { GrantTerms } from './narrow.ts'
import { narrowGrant } from './narrow.ts'
import type { AccessOf, ImpersonationGuardOptions } from './options.ts'
import type { ImpersonationRecord } from './record.ts'
import { checkAccess, createImpersonationRecord, isSameImpersonator, parseImpersonationRecord } from './record.ts'

/** A grant that is about to be made, for code that has no request. */
export interface NewGrant {
  /** The step that makes it. */
  readonly step: NewGrantStep
  /** Who impersonates whom, from the session that the server itself keeps; `null` for a customer who acts for themselves. */
  readonly impersonation: Impersonation | null
  /** What the grant gives access to. Default: everything of the customer. */
  readonly access?: GrantAccess | null
  /** The client that the grant is for, for the audit and the record. Default: it is not said. */
  readonly client?: string | null
}

/**
 * A grant that exists and is about to be used again: by the exchange of its code, by a refresh, or by an approval that is
 * given without a question because it was given before.
 */
export type ExistingGrant = {
  /** What was saved with the grant: `null` for a customer's own. `undefined` was not found, and is refused. */
  readonly storedRecord: unknown
  /** The client of the grant, for the audit. Default: what the record says. */
  readonly client?: string | null
} & (
  // There is a client and no session: the record says who made the grant.
  | { readonly step: 'exchange' | 'refresh', readonly impersonation?: undefined }
  // `null` for a customer: only what was made in the same state of impersonation is used again.
  | { readonly step: 'automatic-approval', readonly impersonation: Impersonation | null }
)

/** A decision with what the audit says beside it. */
export interface AuditedDecision extends GrantDecision {
  /** The client that the grant is for; `null` when it is not known. */
  readonly client: string | null
  /** The step at which the grant was checked; `null` when it is not one of the five. */
  readonly step: GrantStep | null
}

/** A grant that a request is about to make. */
export interface NewGrantOfRequest<Request> {
  readonly step: NewGrantStep
  /** What the grant gives access to. Default: what `accessOf` says. */
  readonly access?: GrantAccess | null | undefined
  /** Default: `accessOf` of the guard's options; without one, everything of the customer. It is not called for customers. */
  readonly accessOf?: AccessOf<Request> | undefined
  /** The client that the grant is for. Default: what `clientOf` of the guard's options says. */
  readonly client?: string | undefined
}

/** A grant that a request is about to use again. */
export interface ExistingGrantOfRequest {
  readonly step: ExistingGrantStep
  /** What was saved with the grant: `null` for a customer's own. `undefined` was not found, and is refused. */
  readonly storedRecord: unknown
}

/** The guard, for code that has no request. Each decision is audited. */
export interface AppImpersonationGuard extends Pick<ImpersonationGuard<never>, 'checkNewGrant' | 'isSameImpersonator' | 'narrowGrant'> {
  /**
   * Decides about a grant that is used again: by what it gives access to, who made it, and when. It never throws.
   *
   * @param audit which decisions are audited: `all` (default), or `refused`, for a grant whose decision was audited a moment ago
   */
  checkExistingGrant (grant: ExistingGrant, audit?: 'all' | 'refused'): Promise<AuditedDecision>
}

/** Decides about the grants of one authorization server. No check throws: what fails is a refusal. */
export interface ImpersonationGuard<Request> {
  /** Where it takes the time from. */
  readonly clock: Clock
  /** How long each look-up may take, in milliseconds. */
  readonly timeoutMs: number
  /** Decides about a new grant. */
  checkNewGrant (grant: NewGrant): Promise<AuditedDecision>
  /** Decides about a grant that is used again: by what it gives access to, who made it, and when. */
  checkExistingGrant (grant: ExistingGrant): Promise<AuditedDecision>
  /** Decides about a new grant of this request, by the session of the request. */
  checkNewGrantOf (request: Request, grant: NewGrantOfRequest<Request>): Promise<AuditedDecision>
  /** Decides about a grant that this request uses again. */
  checkExistingGrantOf (request: Request, grant: ExistingGrantOfRequest): Promise<AuditedDecision>
  /** The client that a request is about to make a grant for; `null` when that is not known. It never throws. */
  clientOf (request: Request): Promise<string | null>
  /** See `isSameImpersonator`. */
  isSameImpersonator (storedRecord: unknown, impersonation: Impersonation | null): boolean
  /**
   * What an impersonator gets of it now; see `narrowGrant`.
   *
   * @param impersonation or the record of the grant
   * @throws TypeError for what is neither null nor an impersonation
   */
  narrowGrant (terms: GrantTerms, impersonation: Impersonation | null): GrantTerms
}

export function createImpersonationGuard<Request> (options: ImpersonationGuardOptions<Request>, clockOfServer: Clock): ImpersonationGuard<Request> {
  const { clock = clockOfServer, directory, impersonationOf, recordIsActive, readOnlyScopes = [], timeoutMs = 2000 } = options

  const checkNew = async ({ step, impersonation, access, accessOf, client }: NewGrantQuestion): Promise<AuditedDecision> => {
    if (!isNewGrantStep(step)) return stepRefused('a new grant', step, newGrantSteps)
    let known: Impersonation | null = null
    try {
      known = checkImpersonation(await callHost(timeoutMs, impersonation))
      // No further check applies to customers.
      if (known === null) return describe(decision('not_impersonating', { impersonation: null, access: accessOf === undefined ? checkAccess(access) : null }), null, step)
      // Read before the directory is asked: an approval that is withdrawn and given again meanwhile is younger than the grant.
      const now = clock.now()
      const decided = await checkGrant(known, accessOf === undefined ? access : await callHost(timeoutMs, accessOf), directory, { now, timeoutMs })
      const grantedTo = await client()
      const record = decided.allowed ? createImpersonationRecord(known, { access: decided.access, client: grantedTo, grantedAt: now }) : null
      return describe({ ...decided, record }, grantedTo, step)
    } catch (error) {
      return describe(decision('lookup_failed', { impersonation: known, error }), await client(), step)
    }
  }
  const checkExisting = async ({ step, storedRecord, impersonation, client }: ExistingGrantQuestion): Promise<AuditedDecision> => {
    if (!isExistingGrantStep(step)) return stepRefused('an existing grant', step, existingGrantSteps)
    let record: ImpersonationRecord | null
    try {
      record = parseImpersonationRecord(storedRecord)
    } catch (error) {
      return describe(decision('record_malformed', { impersonation: null, error }), await client(), step)
    }
    const decided = await decideExisting(step, record, impersonation)
    const customersOwn = decided.reason === 'not_impersonating'
    return describe({ ...decided, record: customersOwn ? null : record }, customersOwn ? null : await client() ?? record?.client ?? null, step)
  }
  /** @param session the impersonation in the current session; it is not read on the back channel, which has no session */
  const decideExisting = async (step: ExistingGrantStep, record: ImpersonationRecord | null, session: () => unknown): Promise<GrantDecision> => {
    const access = record?.access ?? null
    try {
      if (step === 'automatic-approval') {
        const impersonation = checkImpersonation(await callHost(timeoutMs, session))
        if (!isSameImpersonator(record, impersonation)) return decision('grant_foreign', { impersonation: impersonation ?? record, access })
      } else if (record !== null && recordIsActive !== undefined && !hasEnded(record, clock.now())) {
        if (await callHost(timeoutMs, () => recordIsActive(record)) !== true) return decision('impersonation_ended', { impersonation: record, access })
      }
    } catch (error) {
      return decision('lookup_failed', { impersonation: record, access, error })
    }
    if (record === null) return decision('not_impersonating', { impersonation: null })
    return await checkGrant(record, access, directory, { now: clock.now(), timeoutMs, grantedAt: record.grantedAt })
  }
  const clientOf = async (request: Request): Promise<string | null> => {
    try {
      const client: unknown = await callHost(timeoutMs, () => options.clientOf?.(request))
      return typeof client === 'string' ? client : null
    } catch {
      // The decision does not depend on it.
      return null
    }
  }

  return {
    clock,
    timeoutMs,
    clientOf,
    checkNewGrant: ({ step, impersonation, access, client = null }) =>
      checkNew({ step, access, impersonation: () => impersonation, client: async () => client }),
    checkExistingGrant: ({ step, storedRecord, impersonation, client = null }) =>
      checkExisting({ step, storedRecord, impersonation: () => impersonation, client: async () => client }),
    checkNewGrantOf (request, { step, access, client, accessOf = access === undefined ? options.accessOf : undefined }) {
      return checkNew({
        step,
        access,
        accessOf: accessOf && (() => accessOf(request)),
        impersonation: () => impersonationOf(request),
        client: async () => client ?? await clientOf(request)
      })
    },
    checkExistingGrantOf: (request, { step, storedRecord }) =>
      checkExisting({ step, storedRecord, impersonation: () => impersonationOf(request), client: () => clientOf(request) }),
    isSameImpersonator,
    narrowGrant: (terms, impersonation) => narrowGrant(terms, impersonation, { now: clock.now(), readOnlyScopes })
  }
}

interface NewGrantQuestion {
  readonly step: unknown
  readonly impersonation: () => unknown
  readonly access: unknown
  readonly accessOf?: (() => unknown) | undefined
  readonly client: () => Promise<string | null>
}

interface ExistingGrantQuestion {
  readonly step: unknown
  readonly storedRecord: unknown
  readonly impersonation: () => unknown
  readonly client: () => Promise<string | null>
}

/** Adds what the audit says beside the decision. */
export function describe (decided: GrantDecision, client: string | null, step: GrantStep | null): AuditedDecision {
  return Object.freeze({ ...decided, client, step })
}

/** The step determines whether the session or the record decides. With a wrong step, an impersonator would count as a customer. */
function stepRefused (what: string, step: unknown, steps: readonly GrantStep[]): AuditedDecision {
  const error = new TypeError(`the step of ${what} must be one of ${steps.map(one => JSON.stringify(one)).join(', ')}, got ${String(JSON.stringify(step))}`)
  return describe(decision('step_refused', { impersonation: null, error }), null, isNewGrantStep(step) || isExistingGrantStep(step) ? step : null)
}
