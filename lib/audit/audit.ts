import diagnosticsChannel from 'node:diagnostics_channel'
import type { Counting } from './counters.ts'
import type { SecurityEvent } from './events.ts'

/** The `diagnostics_channel` on which events are published, as objects. */
export const channelName = 'fastify-oauth-resource-server'

export type AuditLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent'

export interface AuditSettings {
  /** Of every entry but one: a grant that was blocked is a warning. `silent`: nothing is written. */
  readonly level: AuditLevel
}

export const defaultAuditSettings: AuditSettings = Object.freeze({ level: 'info' })

/** What entries are written with, from the host. */
export type AuditWriter = Readonly<Record<Exclude<AuditLevel, 'silent'>, (entry: object, message: string) => void>>

/** Tells everybody who wants to know: counters, subscribers of the channel, and the log. */
export interface Audit {
  /** @param error what failed, for an event of which nobody else logs it */
  record (event: SecurityEvent, log: AuditWriter, error?: unknown): void
}

const channel = diagnosticsChannel.channel(channelName)

/** @param counting `null` for a server that is no protected resource */
export function createAudit ({ level }: AuditSettings, counting: Counting | null): Audit {
  return {
    record (event, log, error = null) {
      counting?.count(event)
      if (channel.hasSubscribers) channel.publish(event)
      if (level === 'silent') return
      log[isBlockedGrant(event) ? 'warn' : level](error === null ? { audit: event } : { audit: event, err: error }, messageOf(event))
    }
  }
}

/** For a server that is no protected resource and has no audit of its own. */
export const standaloneAudit: Audit = createAudit(defaultAuditSettings, null)

const told = new WeakSet<Error>()

/** Of a refusal that was told already, by an entry that says more. */
export function markAudited (refusal: Error): void {
  told.add(refusal)
}

export function isAudited (refusal: Error): boolean {
  return told.has(refusal)
}

function isBlockedGrant (event: SecurityEvent): boolean {
  return event.kind === 'grant-decision' && !event.allowed
}

function messageOf (event: SecurityEvent): string {
  switch (event.kind) {
    case 'refusal': return 'request refused'
    case 'unavailable': return 'request could not be judged'
    case 'grant-decision': return `${event.path === 'use' ? 'use of an impersonated token' : 'grant by an impersonator'} ${event.allowed ? 'allowed' : 'refused'}`
  }
}
