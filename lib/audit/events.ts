import type { RefusalDetail } from '../errors/detail.ts'
import type { ErrorCode } from '../errors/error-table.ts'
import type { McpErrorCode, McpReason } from '../errors/mcp-errors.ts'
import type { Reason } from '../errors/reasons.ts'
import type { GrantReason, GrantStep } from '../impersonation/check-grant.ts'
import type { SetErrorCode } from '../errors/set-error.ts'
import type { SignalOutcome } from '../shared-signals/receiver.ts'
import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import type { AccessToken, Actor } from '../token/access-token.ts'
import type { CredentialScheme } from '../token/credentials.ts'

/** The account that an action is recorded for. When an actor acts for the subject, both are named (RFC 8693 section 4.1). */
export interface Attribution {
  readonly issuer: string | null
  readonly subject: string | null
  readonly actor: Actor | null
  readonly clientId: string | null
  readonly tokenId: string | null
}

/** What every event has. It never holds a token, nor a claim beside these. */
interface AuditEvent extends Attribution {
  /** `null` for a decision that refuses nothing. */
  readonly code: ErrorCode | McpErrorCode | null
  readonly statusCode: number | null
  /** Method and pattern of the route, never the URL of the request; `null` outside of any route. */
  readonly route: string | null
  /** The scheme of the credentials, `DPoP` for a token that comes with a proof; `null` for a request with none, or with several. */
  readonly scheme: CredentialScheme | null
  /** Milliseconds since the epoch. */
  readonly time: number
}

/**
 * A request was refused; `unavailable`: the check could not be completed. The claims of the access token are in the event only if
 * the token was verified: the claims of a rejected token are not trustworthy.
 */
export interface RefusalEvent extends AuditEvent {
  readonly kind: 'refusal' | 'unavailable'
  readonly reason: Reason | McpReason
  readonly code: ErrorCode | McpErrorCode
  readonly statusCode: number
  /** The expected value, the received value (unverified) and how to fix it; `null` when only the reason is known. */
  readonly detail: RefusalDetail | null
}

/** The guard decided about a grant by an impersonator, or about the use of a token of such a grant. */
export interface GrantDecisionEvent extends AuditEvent {
  readonly kind: 'grant-decision'
  readonly reason: GrantReason | Reason
  readonly allowed: boolean
  /** The staff member who impersonates, and the customer who is impersonated; `null` when that could not be determined. */
  readonly staff: string | null
  readonly customer: string | null
  /** The step of the grant, or `use` for a token that is used; `null` when it was not stated. */
  readonly step: GrantStep | 'use' | null
  /** The client that the grant is for, where that was stated. */
  readonly grantedTo: string | null
  /** What the grant covers, lists cut to the first hundred; `null` when that could not be determined. */
  readonly access: GrantAccess | null
  /** Organizations of the grant that have not approved. */
  readonly organizations: readonly string[]
}

/**
 * An event of a transmitter of shared signals was received, or a security event token was refused. Issuer, subject and token
 * are those whose access tokens were revoked; of several, the first.
 */
export interface SignalEvent extends Omit<AuditEvent, 'code'> {
  readonly kind: 'signal'
  /** `null` for a token that was not refused. */
  readonly code: 'FST_OAUTH_SET_REFUSED' | null
  readonly outcome: SignalOutcome | 'refused'
  /** The issuer of the transmitter. */
  readonly transmitter: string
  /** The event type URI, and `jti`; `null` for a token that was refused: its claims are not trustworthy. */
  readonly type: string | null
  readonly id: string | null
  /** Why it was refused (RFC 8935 section 2.4), or the outcome. */
  readonly reason: SetErrorCode | SignalOutcome
  readonly description: string | null
  /** How many revocations it caused. */
  readonly revoked: number
}

export type SecurityEvent = RefusalEvent | GrantDecisionEvent | SignalEvent

/** Where and when something happened, and with which token. */
export interface EventContext {
  readonly accessToken: AccessToken | null
  readonly route: string | null
  /** Default: `null`. */
  readonly scheme?: CredentialScheme | null
  readonly time: number
}
