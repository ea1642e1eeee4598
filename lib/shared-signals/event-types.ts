import type { RevocationTime } from '../stores/revocations/revocation.ts'
import { isTime } from './security-event-token.ts'
import type { SecurityEventToken } from './security-event-token.ts'

const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
const risc = 'https://schemas.openid.net/secevent/risc/event-type/'
const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/'

export const verificationEvent: string = `${ssf}verification`
export const streamUpdatedEvent: string = `${ssf}stream-updated`

/** Events that revoke access tokens, by the last part of their URI: those of CAEP 1.0 and of RISC 1.0. */
export type RevokingEventName =
  | 'session-revoked' | 'token-claims-change' | 'credential-change' | 'assurance-level-change' | 'device-compliance-change'
  | 'account-disabled' | 'account-purged' | 'sessions-revoked' | 'credential-compromise'

type Payload = Readonly<Record<string, unknown>>

interface RevokingEvent {
  readonly type: string
  /**
   * Which tokens stop working. `authenticatedAt`: all of the sign-ins before the event, as the user must sign in again.
   * `issuedAt`: those that were issued before it, as what they say may be wrong now; a refresh yields a new one.
   */
  readonly by: NonNullable<RevocationTime['by']>
  /** Whether the event takes something away; one that gives something revokes nothing. */
  readonly applies: (payload: Payload) => boolean
}

const always = (): boolean => true

const revokingEvents: Readonly<Record<RevokingEventName, RevokingEvent>> = {
  'session-revoked': { type: `${caep}session-revoked`, by: 'authenticatedAt', applies: always },
  'token-claims-change': { type: `${caep}token-claims-change`, by: 'issuedAt', applies: always },
  'credential-change': { type: `${caep}credential-change`, by: 'issuedAt', applies: ({ change_type: change }) => change !== 'create' },
  'assurance-level-change': { type: `${caep}assurance-level-change`, by: 'issuedAt', applies: ({ change_direction: direction }) => direction !== 'increase' },
  'device-compliance-change': { type: `${caep}device-compliance-change`, by: 'issuedAt', applies: ({ current_status: status }) => status !== 'compliant' },
  'account-disabled': { type: `${risc}account-disabled`, by: 'authenticatedAt', applies: always },
  'account-purged': { type: `${risc}account-purged`, by: 'authenticatedAt', applies: always },
  'sessions-revoked': { type: `${risc}sessions-revoked`, by: 'authenticatedAt', applies: always },
  'credential-compromise': { type: `${risc}credential-compromise`, by: 'authenticatedAt', applies: always }
}

export const revokingEventNames: readonly RevokingEventName[] = Object.keys(revokingEvents) as RevokingEventName[]

/** How tokens are compared with an event that revokes them; `null` for an event that revokes none. */
export function revocationBy (type: string, payload: Payload, revokeOn: readonly RevokingEventName[]): RevokingEvent['by'] | null {
  const event = revokeOn.map(name => revokingEvents[name]).find(one => one.type === type)
  return event?.applies(payload) === true ? event.by : null
}

/** Whether an opaque identifier alone is that of a session. */
export function isAboutSession (type: string): boolean {
  return type === revokingEvents['session-revoked'].type
}

/** Later than any time in seconds: earlier drafts of CAEP had milliseconds. */
const leastMilliseconds = 100_000_000_000

/** When an event happened, in seconds since the epoch: `event_timestamp` of CAEP 1.0 section 2, else `toe`, else `iat`. */
export function timeOfEvent ({ event_timestamp: timestamp }: Payload, { happenedAt, issuedAt }: SecurityEventToken): number {
  if (!isTime(timestamp)) return happenedAt ?? issuedAt
  return timestamp >= leastMilliseconds ? timestamp / 1000 : timestamp
}
