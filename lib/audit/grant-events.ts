import { errorTable } from '../errors/error-table.ts'
import type { OAuthResourceError } from '../errors/errors.ts'
import { reasonTable } from '../errors/reason-table.ts'
import type { GrantDecision, GrantReason } from '../impersonation/check-grant.ts'
import type { GrantAccess } from '../stores/organizations/organization-directory.ts'
import { attributionOf } from './audit.ts'
import type { EventContext, GrantDecisionEvent } from './events.ts'

/** What is recorded beside the decision itself. */
export interface AuditedGrant {
  readonly step: GrantDecisionEvent['step']
  readonly client: string | null
}

/** @param refusal the error that the request is refused with; by default the one that belongs to the reason of the decision */
export function grantDecisionEvent (
  { allowed, reason, impersonation, access, withoutApproval }: GrantDecision, { step, client }: AuditedGrant, { accessToken, route, scheme = null, time }: EventContext,
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
    step,
    grantedTo: client,
    access: access === null ? null : cut(access),
    organizations: withoutApproval,
    ...attributionOf(accessToken),
    scheme,
    time
  })
}

/** The decision about a token that is used, which is refused by an error of its own. */
export function useDecisionEvent (decision: GrantDecision, refusal: TableRefusal | null, context: EventContext): GrantDecisionEvent {
  return grantDecisionEvent(decision, { step: 'use', client: context.accessToken?.clientId ?? null }, context, refusal)
}

type TableRefusal = Pick<OAuthResourceError, 'code' | 'statusCode' | 'reason'>

function tableRefusalOf (reason: GrantReason): TableRefusal | null {
  if (reason === 'approved' || reason === 'not_impersonating') return null
  const { code } = reasonTable[reason]
  return { code, statusCode: errorTable[code].statusCode, reason }
}

/** The most organizations that an audit entry lists. */
const mostNamed = 100

function cut (access: GrantAccess): GrantAccess {
  switch (access.level) {
    case 'organization': return { level: 'organization', organizations: access.organizations.slice(0, mostNamed) }
    case 'team': return { level: 'team', teams: access.teams.slice(0, mostNamed) }
    case 'all': return { level: 'all' }
  }
}
