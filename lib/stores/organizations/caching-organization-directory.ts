import { LRUCache } from 'lru-cache'
import type { Clock } from '../../clock.ts'
import { systemClock } from '../../clock.ts'
import type { GrantAccess, OrganizationDirectory, AccessReport } from './organization-directory.ts'

export interface CachingDirectoryOptions {
  /**
   * How long an answer may be used after it was asked for, in milliseconds: a withdrawal is seen after this time at the
   * latest. Default: 0, the directory is asked each time.
   */
  readonly maxAgeMs?: number
  /**
   * How long requests with the same question wait for an answer on its way, in milliseconds, and never longer than `maxAgeMs`;
   * then the question is asked again. Default: 2000.
   */
  readonly maxWaitMs?: number
  /** The least recently used answers beyond that are deleted. Default: 1000. */
  readonly maxEntries?: number
  readonly clock?: Clock
}

export interface CachingOrganizationDirectory extends OrganizationDirectory {
  /** Deletes all answers, also those on their way: for when an approval was withdrawn. */
  clear (): void
}

interface Entry {
  readonly report: Promise<AccessReport>
  /** When the question was asked, in milliseconds since the epoch: the age counts from here. */
  readonly askedAt: number
  isPending: boolean
}

/**
 * Caches the reports of a directory for a short time, and asks once for requests with the same question. Only approvals are cached:
 * a new approval is seen at once, and a failed look-up is repeated.
 */
export function cacheDirectory (directory: OrganizationDirectory, options: CachingDirectoryOptions = {}): CachingOrganizationDirectory {
  const { maxAgeMs = 0, maxWaitMs = 2000, maxEntries = 1000, clock = systemClock } = options
  for (const [name, value] of Object.entries({ maxAgeMs, maxWaitMs })) {
    if (!Number.isFinite(value) || value < 0) throw new TypeError(`${name} must be a number of milliseconds, got ${value}`)
  }
  const entries = new LRUCache<string, Entry>({ max: maxEntries })

  const ask = (key: string, ...question: Parameters<OrganizationDirectory['report']>): Promise<AccessReport> => {
    const askedAt = clock.now()
    const entry: Entry = { report: Promise.resolve(directory.report(...question)).then(frozen), askedAt, isPending: true }
    const forget = (): void => { if (entries.peek(key) === entry) entries.delete(key) }
    entries.set(key, entry)
    entry.report.then(report => {
      entry.isPending = false
      if (!isApproval(report)) forget()
    }, forget)
    return entry.report
  }
  return {
    clear () { entries.clear() },
    report (customer, access, issuer) {
      if (maxAgeMs === 0) return directory.report(customer, access, issuer)
      const key = keyOf(customer, access, issuer)
      const entry = entries.get(key)
      if (entry === undefined) return ask(key, customer, access, issuer)
      const age = clock.now() - entry.askedAt
      const limit = entry.isPending ? Math.min(maxAgeMs, maxWaitMs) : maxAgeMs
      // A clock that was set back says nothing about an age.
      return age >= 0 && age < limit ? entry.report : ask(key, customer, access, issuer)
    }
  }
}

/** Independent of order and repetition. JSON, as identifiers may contain any character. */
function keyOf (customer: string, access: GrantAccess, issuer: string | undefined): string {
  const listed = access.level === 'organization' ? access.organizations : access.level === 'team' ? access.teams : []
  return JSON.stringify([issuer ?? null, customer, access.level, ...new Set([...listed].sort())])
}

function isApproval ({ organizations, complete, withoutApproval }: AccessReport): boolean {
  return complete === true && organizations > 0 && withoutApproval.length === 0
}

/** All requests get the same object. */
function frozen (report: AccessReport): AccessReport {
  return Object.freeze({ ...report, withoutApproval: Object.freeze([...report.withoutApproval]) })
}
