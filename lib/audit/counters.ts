import type { ErrorCode } from '../errors/error-table.ts'
import type { Reason } from '../errors/reasons.ts'
import type { GrantReason } from '../impersonation/check-grant.ts'
import type { McpErrorCode, McpReason } from '../errors/mcp-errors.ts'
import type { TokenCache } from '../token/token-cache.ts'
import type { GrantDecisionEvent, SecurityEvent } from './events.ts'

/** What was counted since the server started: plain numbers that only grow. */
export interface OAuthCounters {
  /** Requests that came in with a verified access token. */
  readonly accepted: number
  /** Requests that were refused; a reason that has not occurred is not listed. */
  readonly refused: readonly RefusalCount[]
  /** Requests of which it could not be found out whether they may come in. */
  readonly unavailable: readonly RefusalCount[]
  /** Decisions about grants by impersonators. */
  readonly grants: ReadonlyArray<{ readonly allowed: boolean, readonly reason: GrantReason, readonly count: number }>
  /** Tokens that were known already, and that had to be verified. */
  readonly cache: { readonly hits: number, readonly misses: number }
}

export interface RefusalCount {
  readonly code: ErrorCode | McpErrorCode
  readonly reason: Reason | McpReason
  readonly count: number
}

/** Counts what happens at one resource. */
export interface Counting {
  accept (): void
  count (event: SecurityEvent): void
  /** A cache that does the same and is counted. */
  counted (cache: TokenCache): TokenCache
  snapshot (): OAuthCounters
}

export function createCounting (): Counting {
  let accepted = 0
  let hits = 0
  let misses = 0
  const refused = new Map<string, RefusalCount>()
  const unavailable = new Map<string, RefusalCount>()
  const grants = new Map<GrantReason, number>()

  /** What becomes of a token that is used becomes of a request. */
  const countDecision = ({ allowed, path, reason, code }: GrantDecisionEvent): void => {
    if (path !== 'use') grants.set(reason as GrantReason, (grants.get(reason as GrantReason) ?? 0) + 1)
    else if (!allowed) countRefusal(code === 'FST_OAUTH_UNAVAILABLE' ? unavailable : refused, { code: code!, reason: reason as Reason })
  }
  return {
    accept () { accepted++ },
    count (event) {
      switch (event.kind) {
        case 'refusal': return countRefusal(refused, event)
        case 'unavailable': return countRefusal(unavailable, event)
        case 'grant-decision': return countDecision(event)
      }
    },
    counted: cache => ({
      ...cache,
      find (digest) {
        const found = cache.find(digest)
        if (found === null) misses++
        else hits++
        return found
      }
    }),
    snapshot: () => ({
      accepted,
      refused: [...refused.values()],
      unavailable: [...unavailable.values()],
      grants: [...grants].map(([reason, count]) => ({ allowed: reason === 'approved', reason, count })),
      cache: { hits, misses }
    })
  }
}

const countings = new WeakMap<object, Counting>()

/** The counting of a resource, by its configuration: whoever asks gets the same. */
export function countingOf (config: object): Counting {
  let counting = countings.get(config)
  if (counting === undefined) {
    counting = createCounting()
    countings.set(config, counting)
  }
  return counting
}

function countRefusal (counts: Map<string, RefusalCount>, { code, reason }: Omit<RefusalCount, 'count'>): void {
  counts.set(reason, { code, reason, count: (counts.get(reason)?.count ?? 0) + 1 })
}
