import type { AccessToken, Actor } from '../token/access-token.ts'
import type { Decision } from './decision.ts'
import { describeValue } from '../errors/detail.ts'
import type { RouteReason } from '../errors/reasons.ts'
import { forbidden } from './decision.ts'

/**
 * Which actors may act for the subject. `any`: with or without an actor; `none`: only the subject itself; `required`: any
 * actor; a list: one of these actors.
 */
export type ActorRule = 'any' | 'none' | 'required' | readonly Actor[]

/**
 * Refuses a token because of its actor. Only the outermost actor counts: earlier ones are information, not a ground for a
 * decision (RFC 8693 section 4.1).
 */
export function refuseActor (rule: ActorRule, { actor }: Pick<AccessToken, 'actor'>): Decision {
  if (rule === 'any') return null
  if (rule === 'none') return actor === null ? null : refused('actor_refused', 'no actor', actor)
  if (actor === null) return refused('actor_missing', rule === 'required' ? 'an actor (act)' : expectedOf(rule), null)
  if (rule === 'required' || rule.some(one => one.issuer === actor.issuer && one.subject === actor.subject)) return null
  return refused('actor_refused', expectedOf(rule), actor)
}

function expectedOf (actors: readonly Actor[]): string {
  return `one of the actors ${actors.map(({ issuer, subject }) => `${subject} of ${issuer}`).join(', ')}`
}

function refused (reason: RouteReason, expected: string, actor: Actor | null): Decision {
  const received = actor === null ? 'no actor' : `the actor ${describeValue(actor.subject)} of ${describeValue(actor.issuer)}`
  return forbidden('FST_OAUTH_ACTOR_REFUSED', reason, { expected, received })
}

type Claims = Readonly<Record<string, unknown>>

/**
 * All actors of a token (RFC 8693 section 4.1): the current one first, then the earlier ones, back to the first.
 *
 * It is for audits. Decisions are made by `accessToken.actor` alone, which is `null` when the subject acts for itself,
 * also where the subject is in this list. An actor without a subject is left out.
 */
export function actorChain ({ issuer, claims }: Pick<AccessToken<object>, 'issuer' | 'claims'>): Actor[] {
  const chain: Actor[] = []
  let act: unknown = (claims as Claims).act
  while (typeof act === 'object' && act !== null) {
    const { sub, iss = issuer, act: earlier } = act as Claims
    if (typeof sub === 'string' && sub !== '' && typeof iss === 'string') chain.push({ issuer: iss, subject: sub })
    act = earlier
  }
  return chain
}
