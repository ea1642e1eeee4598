import diagnosticsChannel from 'node:diagnostics_channel'
import { LRUCache } from 'lru-cache'
import type { RefusalDetail } from '../errors/detail.ts'
import type { ErrorCode } from '../errors/error-table.ts'
import type { OAuthResourceError } from '../errors/errors.ts'
import type { McpError, McpErrorCode, McpReason } from '../errors/mcp-errors.ts'
import { reasonTable } from '../errors/reason-table.ts'
import type { Reason } from '../errors/reasons.ts'
import type { GrantReason } from '../impersonation/check-grant.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { CredentialScheme } from '../token/credentials.ts'
import type { TokenCache } from '../token/token-cache.ts'
import type { Attribution, EventContext, GrantDecisionEvent, RefusalEvent, SecurityEvent, SignalEvent } from './events.ts'

/** The `diagnostics_channel` on which events are published, as objects. */
export const channelName = 'fastify-oauth-resource-server'

export type AuditLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface AuditSettings {
  /**
   * The level of refusals and of allowed grants. A blocked grant is a warning and a check that could not be completed is
   * an error, whatever this level is. `silent`: nothing is written, the channel and the counters still have everything.
   */
  readonly level: AuditLevel
}

export const defaultAuditSettings: AuditSettings = Object.freeze({ level: 'info' })

/** What entries are written with, from the host. */
export type AuditWriter = Readonly<Record<Exclude<AuditLevel, 'silent'>, (entry: object, message: string) => void>>

/** Records events in the counters, on the diagnostics channel and in the log. */
export interface Audit {
  /** Whether it writes to the log. */
  readonly writes: boolean
  /** @param error what failed, when no other entry of the log has it */
  record (event: SecurityEvent, log: AuditWriter, error?: unknown): void
}

const channel = diagnosticsChannel.channel(channelName)

/** @param counters `null` for a server that is no protected resource */
export function createAudit ({ level }: AuditSettings, counters: Counters | null): Audit {
  const repetitions = createRepetitions()
  return {
    writes: level !== 'silent',
    record (event, log, error = null) {
      counters?.record(event)
      if (channel.hasSubscribers) channel.publish(event)
      if (level === 'silent') return
      const leftOut = event.kind === 'unavailable' ? repetitions.leftOutBefore(event) : 0
      if (leftOut === null) return
      log[levelOf(event) ?? level]({ audit: event, ...error !== null && { err: error }, ...leftOut > 0 && { leftOut } }, messageOf(event))
    }
  }
}

/** Of checks that fail for one reason and at one party, one entry is written in this time, in milliseconds. */
const repetitionMs = 10_000
/** As many reasons and parties are distinguished. */
const maxRepetitions = 1000

/** Keeps an outage from flooding the log: every request that needs this party fails for the same reason then. */
function createRepetitions (): { leftOutBefore (event: RefusalEvent): number | null } {
  const written = new LRUCache<string, { readonly time: number, leftOut: number }>({ max: maxRepetitions })
  return {
    /** How many entries like this one were left out before it; `null` when it is left out, too. */
    leftOutBefore ({ reason, detail, time }) {
      // What was expected names the issuer, the list, the rule or the store that failed.
      const key = JSON.stringify([reason, detail?.expected])
      const last = written.get(key)
      if (last !== undefined && Math.abs(time - last.time) < repetitionMs) {
        last.leftOut++
        return null
      }
      written.set(key, { time, leftOut: 0 })
      return last?.leftOut ?? 0
    }
  }
}

/** For a server that is no protected resource and has no audit of its own. */
export const standaloneAudit: Audit = createAudit(defaultAuditSettings, null)

const audited: unique symbol = Symbol('fastify-oauth-resource-server.audited')

/** Marks a refusal that another entry already records with more than the refusal says. */
export function markAudited (refusal: Error & { [audited]?: boolean }): void {
  Object.defineProperty(refusal, audited, { value: true })
}

export function isAudited (refusal: Error & { [audited]?: boolean }): boolean {
  return refusal[audited] === true
}

const unattributed: Attribution = Object.freeze({ issuer: null, subject: null, actor: null, clientId: null, tokenId: null })

export function attributionOf (accessToken: AccessToken | null): Attribution {
  if (accessToken === null) return unattributed
  const { issuer, subject, actor, clientId, tokenId } = accessToken
  return { issuer, subject, actor, clientId, tokenId }
}

export function refusalEvent (refusal: OAuthResourceError | McpError, { accessToken, route, scheme = null, time }: EventContext): RefusalEvent {
  const { reason, code, statusCode } = refusal
  const kind = code === 'FST_OAUTH_UNAVAILABLE' ? 'unavailable' : 'refusal'
  return Object.freeze({ kind, reason, code, statusCode, detail: detailOf(refusal), route, ...attributionOf(accessToken), scheme, time })
}

/** An error of another installed copy of the package may know neither the detail nor the reason. */
function detailOf ({ reason, detail = null }: { readonly reason: string, readonly detail?: RefusalDetail | null }): RefusalDetail | null {
  if (detail?.fix !== undefined) return detail
  const { fix } = (reasonTable as Partial<Record<string, { readonly fix: string }>>)[reason] ?? {}
  return fix === undefined ? detail : { ...detail, fix }
}

function levelOf (event: SecurityEvent): 'warn' | 'error' | null {
  if (event.kind === 'unavailable') return 'error'
  // It would have revoked tokens.
  if (event.kind === 'signal') return ['unresolved', 'discarded'].includes(event.outcome) ? 'warn' : null
  return event.kind === 'grant-decision' && !event.allowed ? 'warn' : null
}

function messageOf (event: SecurityEvent): string {
  switch (event.kind) {
    case 'refusal': return `request refused: ${event.reason}`
    case 'unavailable': return `request could not be checked: ${event.reason}`
    case 'signal': return event.type === null ? `shared signal refused: ${event.reason}` : `shared signal ${event.outcome}: ${event.type}`
    case 'grant-decision': return `${event.step === 'use' ? 'use of an impersonated token' : 'grant by an impersonator'} ${event.allowed ? 'allowed' : 'refused'}`
  }
}

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
  /** Requests by the scheme of their credentials. The sums are smaller than those above: some requests have no scheme, or several. */
  readonly schemes: Readonly<Record<CredentialScheme, SchemeCount>>
  /** Requests that were accepted with a token that is bound to a certificate. */
  readonly certificateBound: number
  /** Events of transmitters of shared signals, and security event tokens that were refused. */
  readonly signals: ReadonlyArray<{ readonly transmitter: string, readonly outcome: SignalEvent['outcome'], readonly count: number }>
  /** Tokens found in the cache of verified tokens, and tokens that had to be verified. */
  readonly cache: { readonly hits: number, readonly misses: number }
}

export interface RefusalCount {
  readonly code: ErrorCode | McpErrorCode
  readonly reason: Reason | McpReason
  readonly count: number
}

/** What became of the requests of one scheme, in the words of {@link OAuthCounters}. */
export interface SchemeCount {
  readonly accepted: number
  readonly refused: number
  readonly unavailable: number
}

/** Counts what happens at one resource. */
export interface Counters {
  /** Counts a response to a request with a verified token that this package did not refuse, by the status that left the server. */
  answered (statusCode: number, accessToken: AccessToken): void
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
  let certificateBound = 0
  const schemes = { Bearer: { accepted: 0, refused: 0, unavailable: 0 }, DPoP: { accepted: 0, refused: 0, unavailable: 0 } }
  const refused = new Map<string, RefusalCount>()
  const unavailable = new Map<string, RefusalCount>()
  const grants = new Map<GrantReason, number>()
  const signals = new Map<string, OAuthCounters['signals'][number]>()

  /** The decision about a token that is used is the outcome of a request. */
  const countDecision = ({ allowed, step, reason, code, scheme }: GrantDecisionEvent): void => {
    if (step !== 'use') grants.set(reason as GrantReason, (grants.get(reason as GrantReason) ?? 0) + 1)
    else if (!allowed) count(code === 'FST_OAUTH_UNAVAILABLE' ? 'unavailable' : 'refused', { code: code!, reason: reason as Reason, scheme })
  }
  const count = (outcome: 'refused' | 'unavailable', { code, reason, scheme }: Pick<RefusalEvent, 'code' | 'reason' | 'scheme'>): void => {
    const counts = outcome === 'refused' ? refused : unavailable
    counts.set(reason, { code, reason, count: (counts.get(reason)?.count ?? 0) + 1 })
    if (scheme !== null) schemes[scheme][outcome]++
  }
  return {
    answered (statusCode, { confirmation }) {
      if (statusCode === 401 || statusCode === 403) {
        refusedElsewhere++
        return
      }
      accepted++
      // A token that is bound to a key is accepted under the DPoP scheme alone.
      schemes[confirmation === null || confirmation.keyThumbprint === null ? 'Bearer' : 'DPoP'].accepted++
      if (confirmation !== null && confirmation.certificateThumbprint !== null) certificateBound++
    },
    record (event) {
      switch (event.kind) {
        case 'refusal': return count('refused', event)
        case 'unavailable': return count('unavailable', event)
        case 'grant-decision': return countDecision(event)
        case 'signal': {
          const { transmitter, outcome } = event
          const key = JSON.stringify([transmitter, outcome])
          signals.set(key, { transmitter, outcome, count: (signals.get(key)?.count ?? 0) + 1 })
        }
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
      schemes: { Bearer: { ...schemes.Bearer }, DPoP: { ...schemes.DPoP } },
      certificateBound,
      signals: [...signals.values()],
      cache: { hits, misses }
    })
  }
}
