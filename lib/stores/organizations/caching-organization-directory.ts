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
   * For how long whoever asks the same waits for an answer that is on its way, in milliseconds, and never for longer than
   * `maxAgeMs`: one that does not come is asked for again. Default: 2000.
   */
  readonly maxWaitMs?: number
  /** Answers beyond that are forgotten, those that were not used for the longest time first. Default: 1000. */
  readonly maxEntries?: number
  readonly clock?: Clock
}

export interface CachingOrganizationDirectory extends OrganizationDirectory {
  /** Forgets every answer, those that are on their way among them: for when an approval was withdrawn. */
  clear (): void
}

interface Entry {
  readonly report: Promise<AccessReport>
  /** When it was asked for: what it says may have changed from then on. Milliseconds since the epoch. */
  readonly askedAt: number
  isPending: boolean
}

/**
 * Keeps what a directory said for a short time, and asks once for all who ask the same meanwhile. Only a clear yes is kept:
 * an approval that is given is seen at once, and what failed is asked again.
 */
export function cacheDirectory (directory: OrganizationDirectory, options: CachingDirectoryOptions = {}): CachingOrganizationDirectory {
  const { maxAgeMs = 0, maxWaitMs = 2000, maxEntries = 1000, clock = systemClock } = options
  for (const [name, value] of Object.entries({ maxAgeMs, maxWaitMs })) {
    if (!Number.isFinite(value) || value < 0) throw new TypeError(`${name} must be a number of milliseconds, and is ${value}`)
  }
  const entries = new LRUCache<string, Entry>({ max: maxEntries })

  const ask = (key: string, ...question: Parameters<OrganizationDirectory['report']>): Promise<AccessReport> => {
    const askedAt = clock.now()
    const entry: Entry = { report: Promise.resolve(directory.report(...question)).then(frozen), askedAt, isPending: true }
    const forget = (): void => { if (entries.peek(key) === entry) entries.delete(key) }
    entries.set(key, entry)
    entry.report.then(report => {
      entry.isPending = false
      if (!isYes(report)) forget()
    }, forget)
    return entry.report
  }
  return {
    clear () { entries.clear() },
    report (customer, reach, issuer) {
      if (maxAgeMs === 0) return directory.report(customer, reach, issuer)
      const key = keyOf(customer, reach, issuer)
      const entry = entries.get(key)
      if (entry === undefined) return ask(key, customer, reach, issuer)
      const age = clock.now() - entry.askedAt
      const limit = entry.isPending ? Math.min(maxAgeMs, maxWaitMs) : maxAgeMs
      // A clock that was put back says nothing about an age.
      return age >= 0 && age < limit ? entry.report : ask(key, customer, reach, issuer)
    }
  }
}

/** In any order, and however often something is listed. Encoded and not joined: identifiers may hold any character. */
function keyOf (customer: string, reach: GrantAccess, issuer: string | undefined): string {
  const listed = reach.level === 'organization' ? reach.organizations : reach.level === 'team' ? reach.teams : []
  return JSON.stringify([issuer ?? null, customer, reach.level, ...new Set([...listed].sort())])
}

function isYes ({ organizations, complete, withoutApproval }: AccessReport): boolean {
  return complete === true && organizations > 0 && withoutApproval.length === 0
}

/** Whoever asks gets the same. */
function frozen (report: AccessReport): AccessReport {
  return Object.freeze({ ...report, withoutApproval: Object.freeze([...report.withoutApproval]) })
}
