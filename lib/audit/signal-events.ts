import type { RefusedSignal, SharedSignal } from '../shared-signals/receiver.ts'
import { attributionOf } from './audit.ts'
import type { SignalEvent } from './events.ts'

/** Where and when a shared signal was received. */
export interface SignalContext {
  /** The status of the response to a push; `null` for an event that was polled for. */
  readonly statusCode: number | null
  readonly route: string | null
  readonly time: number
}

export function signalEvent (signal: SharedSignal | RefusedSignal, { statusCode, route, time }: SignalContext): SignalEvent {
  const common = { ...attributionOf(null), kind: 'signal', route, scheme: null, time, transmitter: signal.transmitter } as const
  if ('err' in signal) {
    return Object.freeze({
      ...common, outcome: 'refused', code: 'FST_OAUTH_SET_REFUSED', statusCode: statusCode === null ? null : 400, type: null, id: null, reason: signal.err, description: signal.description, revoked: 0
    })
  }
  const { type, id, outcome, revocations } = signal
  const { issuer = null, subject = null, tokenId = null } = (revocations[0] ?? {}) as { issuer?: string, subject?: string, tokenId?: string }
  return Object.freeze({
    ...common, outcome, code: null, statusCode, type, id, reason: outcome, description: null, revoked: outcome === 'revoked' ? revocations.length : 0, issuer, subject, tokenId
  })
}
