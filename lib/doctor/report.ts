import type { Check, CheckGroup, CheckOutcome, CheckResult } from './check.ts'
import type { Evidence } from './evidence.ts'
import { printable } from '../errors/detail.ts'
import { longestLine } from './evidence.ts'
import { describeFailure } from './exchange.ts'
import { resourceOf } from './document.ts'
import { usableIssuers } from './issuers.ts'
import type { Registration } from './registration.ts'
import { registrationOf } from './registration.ts'
import type { Subject } from './subject.ts'
import { Unchecked } from './subject.ts'

/** One check in a report. */
export interface ReportedCheck {
  /** Stable: scripts may depend on it. */
  readonly id: string
  readonly group: CheckGroup
  readonly title: string
  readonly level: 'required' | 'recommended'
  /** The section of the standard. */
  readonly rfc: string
  readonly outcome: CheckOutcome
  /** What was found, in a sentence. */
  readonly message: string
  /** Why it matters; of a check that does not hold. */
  readonly why?: string
  /** How to fix it; of a check that does not hold. */
  readonly fix?: string
  /** What was sent and what came, shortened. */
  readonly evidence: readonly Evidence[]
}

/** The result of the doctor. It contains no token. */
export interface DoctorReport {
  /** The version of this format. */
  readonly version: 1
  /** The URL that was checked. */
  readonly url: string
  /** The resource identifier of the document; `null` where it has none that can be used. */
  readonly resource: string | null
  /** When, by RFC 3339. */
  readonly checkedAt: string
  readonly durationMs: number
  /** Whether every required check holds, does not apply, or could not be completed. */
  readonly ok: boolean
  /** How many checks have each outcome. */
  readonly counts: Readonly<Record<CheckOutcome, number>>
  /** How clients can register with the authorization servers; empty where these have no usable metadata. */
  readonly registration: readonly Registration[]
  readonly checks: readonly ReportedCheck[]
}

/** How far the doctor has come. */
export interface DoctorProgress {
  /** From 1 on. */
  readonly number: number
  readonly total: number
  readonly group: CheckGroup
  readonly title: string
}

export interface RunOptions {
  readonly checks: readonly Check[]
  readonly onProgress: (progress: DoctorProgress) => void
  /** When no further check begins, in milliseconds from the start. */
  readonly totalTimeoutMs: number
}

/** Runs the checks one after the other. A check that throws could not be completed. */
export async function runChecks (subject: Subject, { checks, onProgress, totalTimeoutMs }: RunOptions): Promise<DoctorReport> {
  const started = performance.now()
  const reported: ReportedCheck[] = []
  for (const [index, check] of checks.entries()) {
    onProgress({ number: index + 1, total: checks.length, group: check.group, title: check.title })
    const isLate = performance.now() - started > totalTimeoutMs
    reported.push(report(check, isLate ? unknown(`the time limit of ${totalTimeoutMs} ms was over`) : await resultOf(check, subject)))
  }
  const counts: Record<CheckOutcome, number> = { holds: 0, fails: 0, unknown: 0, not_applicable: 0 }
  for (const { outcome } of reported) counts[outcome]++
  return {
    version: 1,
    url: subject.options.url,
    resource: await resourceOf(subject).catch(() => null),
    checkedAt: new Date().toISOString(),
    durationMs: Math.round(performance.now() - started),
    ok: !reported.some(({ outcome, level }) => outcome === 'fails' && level === 'required'),
    counts,
    registration: registrationOf(await usableIssuers(subject).catch(() => [])),
    checks: reported
  }
}

async function resultOf (check: Check, subject: Subject): Promise<CheckResult> {
  try {
    return await check.run(subject)
  } catch (error) {
    return unknown(error instanceof Unchecked ? error.message : describeFailure(error))
  }
}

function unknown (message: string): CheckResult {
  return { outcome: 'unknown', message, evidence: [] }
}

function report ({ id, group, title, level, rfc, why, fix }: Check, { outcome, message, evidence, fix: ownFix = fix }: CheckResult): ReportedCheck {
  return { id, group, title, level, rfc, outcome, message: printable(message, longestLine), ...outcome === 'fails' && { why, fix: ownFix }, evidence }
}
