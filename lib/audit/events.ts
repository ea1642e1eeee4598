import type { ErrorCode } from '../errors/error-table.ts'
import type { OAuthResourceError } from '../errors/errors.ts'
import type { Reason } from '../errors/reasons.ts'
import { errorTable } from '../errors/error-table.ts'
import { reasonTable } from '../errors/reason-table.ts'
import type { GrantDecision, GrantStep, GrantReason } from '../impersonation/check-grant.ts'
import type { McpError, McpErrorCode, McpReason } from '../errors/mcp-errors.ts'
import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import type { AccessToken, Actor } from '../token/access-token.ts'

/** Whom an action is to be put down to. When somebody acts for the subject, both are named (RFC 8693 section 4.1). */
export interface Attribution {
  readonly issuer: string | null
  readonly subject: string | null
  readonly actor: Actor | null
  readonly clientId: string | null
  readonly tokenId: string | null
}

/** What every event says. There is no token in it, and no claim beside these. */
interface AuditEvent extends Attribution {
  /** `null` for a decision that refuses nothing. */
  readonly code: ErrorCode | McpErrorCode | null
  readonly statusCode: number | null
  /** Method and pattern of the route, never the URL that was asked for; `null` outside of any route. */
  readonly route: string | null
  /** Milliseconds since the epoch. */
  readonly time: number
}

/**
 * A request was refused; `unavailable`: whether it may be let in could not be found out. Attributed only when the access
 * token was verified: nothing that a refused token says is to be believed.
 */
export interface RefusalEvent extends AuditEvent {
  readonly kind: 'refusal' | 'unavailable'
  readonly reason: Reason | McpReason
  readonly code: ErrorCode | McpErrorCode
  readonly statusCode: number
}

/** The guard decided about a grant by an impersonator, or about the use of a token that came of one. */
export interface GrantDecisionEvent extends AuditEvent {
  readonly kind: 'grant-decision'
  readonly reason: GrantReason | Reason
  readonly allowed: boolean
  /** Who really sits there, and whom it looks like; `null` when that could not be found out. */
  readonly staff: string | null
  readonly customer: string | null
  /** How the grant comes about, or `use` for a token that is used; `null` when it was not said. */
  readonly path: GrantStep | 'use' | null
  /** The client that the grant is for, where that was said. */
  readonly grantedTo: string | null
  /** What it reaches, lists cut to the first hundred; `null` when that could not be found out. */
  readonly reach: GrantAccess | null
  /** Organizations in reach that have not said yes. */
  readonly organizations: readonly string[]
}

export type SecurityEvent = RefusalEvent | GrantDecisionEvent

/** Where and when something happened, and with whose token. */
export interface EventContext {
  readonly accessToken: AccessToken | null
  readonly route: string | null
  readonly time: number
}

const nobody: Attribution = Object.freeze({ issuer: null, subject: null, actor: null, clientId: null, tokenId: null })

export function attributionOf (accessToken: AccessToken | null): Attribution {
  if (accessToken === null) return nobody
  const { issuer, subject, actor, clientId, tokenId } = accessToken
  return { issuer, subject, actor, clientId, tokenId }
}

export function refusalEvent ({ reason, code, statusCode }: OAuthResourceError | McpError, { accessToken, route, time }: EventContext): RefusalEvent {
  const kind = code === 'FST_OAUTH_UNAVAILABLE' ? 'unavailable' : 'refusal'
  return Object.freeze({ kind, reason, code, statusCode, route, ...attributionOf(accessToken), time })
}

/** What is told of a decision beside it. */
export interface ToldGrant {
  readonly path: GrantDecisionEvent['path']
  readonly client: string | null
}

export function grantDecisionEvent (
  { allowed, reason, impersonation, reach, withoutApproval }: GrantDecision, { path, client }: ToldGrant, { accessToken, route, time }: EventContext,
  refusal: TableRefusal | null = tableRefusalOf(reason)
): GrantDecisionEvent {
  return Object.freeze({
    kind: 'grant-decision',
    reason: refusal?.reason ?? reason,
    allowed,
    code: refusal?.code ?? null,
    statusCode: refusal?.statusCode ?? null,
    route,
    staff: impersonation?.staff ?? null,
    customer: impersonation?.customer ?? null,
    path,
    grantedTo: client,
    reach: reach === null ? null : cut(reach),
    organizations: withoutApproval,
    ...attributionOf(accessToken),
    time
  })
}

/** The decision about a token that is used, which is refused by an error of its own. */
export function useDecisionEvent (decision: GrantDecision, refusal: TableRefusal | null, circumstances: EventContext): GrantDecisionEvent {
  return grantDecisionEvent(decision, { path: 'use', client: circumstances.accessToken?.clientId ?? null }, circumstances, refusal)
}

type TableRefusal = Pick<OAuthResourceError, 'code' | 'statusCode' | 'reason'>

function tableRefusalOf (reason: GrantReason): TableRefusal | null {
  if (reason === 'approved' || reason === 'not_impersonating') return null
  const { code } = reasonTable[reason]
  return { code, statusCode: errorTable[code].statusCode, reason }
}

/** As many as an audit needs to see what happened. */
const mostNamed = 100

function cut (reach: GrantAccess): GrantAccess {
  switch (reach.level) {
    case 'organization': return { level: 'organization', organizations: reach.organizations.slice(0, mostNamed) }
    case 'team': return { level: 'team', teams: reach.teams.slice(0, mostNamed) }
    case 'all': return { level: 'all' }
  }
}
