import { LRUCache } from 'lru-cache'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { GrantReach, OrganizationDirectory, ReachReport } from './organization-directory.ts'

export interface CachingDirectoryOptions {
  /**
   * How long an answer may be used after it was asked for, in milliseconds: a withdrawal is seen after this time at the
   * latest. Default: 0, the directory is asked each time.
   */
  readonly maxAgeMs?: number
  /** Answers beyond that are forgotten, those that were not used for the longest time first. Default: 1000. */
  readonly maxEntries?: number
  readonly clock?: Clock
}

export interface CachingOrganizationDirectory extends OrganizationDirectory {
  /** Forgets every answer, those that are on their way among them: for when an approval was withdrawn. */
  clear (): void
}

interface Entry {
  readonly report: Promise<ReachReport>
  /** When it was asked for: what it says may have changed from then on. Milliseconds since the epoch. */
  readonly askedAt: number
}

/**
 * Keeps what a directory said for a short time, and asks once for all who ask the same meanwhile. Only a clear yes is kept:
 * an approval that is given is seen at once, and what failed is asked again.
 */
export function cacheDirectory (directory: OrganizationDirectory, options: CachingDirectoryOptions = {}): CachingOrganizationDirectory {
  const { maxAgeMs = 0, maxEntries = 1000, clock = systemClock } = options
  if (!Number.isFinite(maxAgeMs) || maxAgeMs < 0) throw new TypeError(`maxAgeMs must be a number of milliseconds, and is ${maxAgeMs}`)
  const entries = new LRUCache<string, Entry>({ max: maxEntries })

  const ask = (key: string, customer: string, reach: GrantReach): Promise<ReachReport> => {
    const askedAt = clock.now()
    const entry: Entry = { report: Promise.resolve(directory.report(customer, reach)).then(frozen), askedAt }
    const forget = (): void => { if (entries.peek(key) === entry) entries.delete(key) }
    entries.set(key, entry)
    entry.report.then(report => { if (!isYes(report)) forget() }, forget)
    return entry.report
  }
  return {
    clear () { entries.clear() },
    report (customer, reach) {
      if (maxAgeMs === 0) return directory.report(customer, reach)
      const key = keyOf(customer, reach)
      const entry = entries.get(key)
      const age = entry === undefined ? Infinity : clock.now() - entry.askedAt
      // A clock that was put back says nothing about an age.
      return age >= 0 && age < maxAgeMs ? entry!.report : ask(key, customer, reach)
    }
  }
}

/** In any order, and however often something is listed. Encoded and not joined: identifiers may hold any character. */
function keyOf (customer: string, reach: GrantReach): string {
  const listed = reach.level === 'organization' ? reach.organizations : reach.level === 'team' ? reach.teams : []
  return JSON.stringify([customer, reach.level, ...new Set([...listed].sort())])
}

function isYes ({ organizations, complete, withoutApproval }: ReachReport): boolean {
  return complete === true && organizations > 0 && withoutApproval.length === 0
}

/** Whoever asks gets the same. */
function frozen (report: ReachReport): ReachReport {
  return Object.freeze({ ...report, withoutApproval: Object.freeze([...report.withoutApproval]) })
}
