import type { AccessToken, Actor } from '../token/access-token.ts'

type Claims = Readonly<Record<string, unknown>>

/**
 * Everybody who acted for the subject, as the token tells it (RFC 8693 section 4.1): who acts now first, then who acted
 * before, back to the first.
 *
 * It is for audits. Decisions are made by `accessToken.actor` alone, which is `null` when the subject acts for itself,
 * also where it stands in this list. An actor without a subject is left out.
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
