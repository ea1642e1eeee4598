import type { ErrorCode } from '../errors/error-table.ts'
import type { McpErrorCode, McpReason } from '../errors/mcp-errors.ts'
import type { Reason } from '../errors/reasons.ts'
import type { GrantReason } from '../impersonation/check-grant.ts'
import type { TokenCache } from '../token/token-cache.ts'
import type { GrantDecisionEvent, SecurityEvent } from './events.ts'

/** What was counted since the server started: plain numbers that only grow. */
export interface OAuthCounters {
  /** Requests with a verified access token that were answered, and not with a refusal. */
  readonly accepted: number
  /** Requests that this package refused; a reason that has not occurred is not listed. */
  readonly refused: readonly RefusalCount[]
  /** Requests with a verified access token that the application itself answered with 401 or 403. */
  readonly refusedElsewhere: number
  /** Requests whose check could not be completed. */
  readonly unavailable: readonly RefusalCount[]
  /** Decisions about grants by impersonators. */
  readonly grants: ReadonlyArray<{ readonly allowed: boolean, readonly reason: GrantReason, readonly count: number }>
  /** Tokens found in the cache of verified tokens, and tokens that had to be verified. */
  readonly cache: { readonly hits: number, readonly misses: number }
}

export interface RefusalCount {
  readonly code: ErrorCode | McpErrorCode
  readonly reason: Reason | McpReason
  readonly count: number
}

/** Counts what happens at one resource. */
export interface Counters {
  /** Counts a response to a request with a verified token that this package did not refuse, by the status that left the server. */
  answered (statusCode: number): void
  record (event: SecurityEvent): void
  /** The same cache, with its hits and misses counted. */
  counted (cache: TokenCache): TokenCache
  snapshot (): OAuthCounters
}

export function createCounters (): Counters {
  let accepted = 0
  let refusedElsewhere = 0
  let hits = 0
  let misses = 0
  const refused = new Map<string, RefusalCount>()
  const unavailable = new Map<string, RefusalCount>()
  const grants = new Map<GrantReason, number>()

  /** The decision about a token that is used is the outcome of a request. */
  const countDecision = ({ allowed, step, reason, code }: GrantDecisionEvent): void => {
    if (step !== 'use') grants.set(reason as GrantReason, (grants.get(reason as GrantReason) ?? 0) + 1)
    else if (!allowed) countRefusal(code === 'FST_OAUTH_UNAVAILABLE' ? unavailable : refused, { code: code!, reason: reason as Reason })
  }
  return {
    answered (statusCode) {
      if (statusCode === 401 || statusCode === 403) refusedElsewhere++
      else accepted++
    },
    record (event) {
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
      refusedElsewhere,
      unavailable: [...unavailable.values()],
      grants: [...grants].map(([reason, count]) => ({ allowed: reason === 'approved', reason, count })),
      cache: { hits, misses }
    })
  }
}

function countRefusal (counts: Map<string, RefusalCount>, { code, reason }: Omit<RefusalCount, 'count'>): void {
  counts.set(reason, { code, reason, count: (counts.get(reason)?.count ?? 0) + 1 })
}
