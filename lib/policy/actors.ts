import type { AccessToken, Actor } from '../token/access-token.ts'
import type { Decision } from './decision.ts'
import type { RouteReason } from '../errors/reasons.ts'
import { forbidden } from './decision.ts'

/**
 * Who may act for the subject: `any`body or nobody at all; `none`: the subject alone; `required`: somebody must; a list:
 * one of these must.
 */
export type ActorRule = 'any' | 'none' | 'required' | readonly Actor[]

/**
 * Refuses a token for who acts by it. The outermost actor alone counts: those before it are information and no ground for
 * a decision (RFC 8693 section 4.1).
 */
export function refuseActor (rule: ActorRule, { actor }: Pick<AccessToken, 'actor'>): Decision {
  if (rule === 'any') return null
  if (rule === 'none') return actor === null ? null : refused('actor_refused')
  if (actor === null) return refused('actor_missing')
  if (rule === 'required' || rule.some(one => one.issuer === actor.issuer && one.subject === actor.subject)) return null
  return refused('actor_refused')
}

function refused (reason: RouteReason): Decision {
  return forbidden('FST_OAUTH_ACTOR_REFUSED', reason)
}
