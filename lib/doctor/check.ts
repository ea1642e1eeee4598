import type { Evidence } from './evidence.ts'
import { evidenceOf } from './evidence.ts'
import type { Exchange } from './exchange.ts'
import type { Subject } from './subject.ts'

/**
 * What a check found out. `unknown`: the check could not be completed, for the reason in the message. `not_applicable`: there
 * is nothing to check, as the server does not have the feature.
 */
export type CheckOutcome = 'holds' | 'fails' | 'unknown' | 'not_applicable'

export interface CheckResult {
  readonly outcome: CheckOutcome
  /** What came, and what was expected of it, in one sentence. */
  readonly message: string
  readonly evidence: readonly Evidence[]
  /** How to fix what was found, where it is not what the check says in general. */
  readonly fix?: string
}

/** The parts of the report, in its order. */
export type CheckGroup =
  'Server' | 'Request without a token' | 'Invalid tokens' | 'Your token' | 'Metadata document' | 'Addresses and paths' | 'Browsers' |
  'Authorization server' | 'DPoP' | 'MCP'

/** One check of a live server. */
export interface Check {
  readonly id: string
  readonly group: CheckGroup
  /** The behaviour that is checked, as a statement that holds or does not. */
  readonly title: string
  /** `required`: clients or tokens are at risk without it. `recommended`: a standard or practice recommends it. */
  readonly level: 'required' | 'recommended'
  /** The section of the standard. */
  readonly rfc: string
  /** What goes wrong when it does not hold. */
  readonly why: string
  /** How to fix it. */
  readonly fix: string
  /** It throws `Unchecked`, or the error of a request, when the check cannot be completed. */
  run (subject: Subject): Promise<CheckResult> | CheckResult
}

export function holds (message: string, ...exchanges: readonly Exchange[]): CheckResult {
  return { outcome: 'holds', message, evidence: exchanges.map(evidenceOf) }
}

export function fails (message: string, exchanges: readonly Exchange[]): CheckResult {
  return { outcome: 'fails', message, evidence: exchanges.map(evidenceOf) }
}

export function notApplicable (message: string): CheckResult {
  return { outcome: 'not_applicable', message, evidence: [] }
}

/** Fails with a message, or holds where there is none. */
export function failsWith (fault: string | null, holdsMessage: string, ...exchanges: readonly Exchange[]): CheckResult {
  return fault === null ? holds(holdsMessage, ...exchanges) : fails(fault, exchanges)
}
