import diagnosticsChannel from 'node:diagnostics_channel'
import type { RefusalDetail } from '../errors/detail.ts'
import type { OAuthResourceError } from '../errors/errors.ts'
import type { McpError } from '../errors/mcp-errors.ts'
import { reasonTable } from '../errors/reason-table.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { Counters } from './counters.ts'
import type { Attribution, EventContext, RefusalEvent, SecurityEvent } from './events.ts'

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
  return {
    writes: level !== 'silent',
    record (event, log, error = null) {
      counters?.record(event)
      if (channel.hasSubscribers) channel.publish(event)
      if (level !== 'silent') log[levelOf(event) ?? level](error === null ? { audit: event } : { audit: event, err: error }, messageOf(event))
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

export function refusalEvent (refusal: OAuthResourceError | McpError, { accessToken, route, time }: EventContext): RefusalEvent {
  const { reason, code, statusCode } = refusal
  const kind = code === 'FST_OAUTH_UNAVAILABLE' ? 'unavailable' : 'refusal'
  return Object.freeze({ kind, reason, code, statusCode, detail: detailOf(refusal), route, ...attributionOf(accessToken), time })
}

/** An error of another installed copy of the package may know neither the detail nor the reason. */
function detailOf ({ reason, detail = null }: { readonly reason: string, readonly detail?: RefusalDetail | null }): RefusalDetail | null {
  if (detail?.fix !== undefined) return detail
  const { fix } = (reasonTable as Partial<Record<string, { readonly fix: string }>>)[reason] ?? {}
  return fix === undefined ? detail : { ...detail, fix }
}

function levelOf (event: SecurityEvent): 'warn' | 'error' | null {
  if (event.kind === 'unavailable') return 'error'
  return event.kind === 'grant-decision' && !event.allowed ? 'warn' : null
}

function messageOf (event: SecurityEvent): string {
  switch (event.kind) {
    case 'refusal': return `request refused: ${event.reason}`
    case 'unavailable': return `request could not be checked: ${event.reason}`
    case 'grant-decision': return `${event.step === 'use' ? 'use of an impersonated token' : 'grant by an impersonator'} ${event.allowed ? 'allowed' : 'refused'}`
  }
}
