import type { PrincipalType } from './access-token.ts'
import { readClaim } from './claim-path.ts'

type Claims = Readonly<Record<string, unknown>>

/**
 * What a token says when its client acts for itself: a claim and its value, or `true` for a claim that is there at all. All
 * of it must be said. `{clientId}` and `{subject}` stand for what the token has as its client and its subject.
 */
export type ClientMark = Readonly<Record<string, string | true>>

/** Who is meant by a token, as far as it was read. */
export interface Party {
  readonly subject: string
  readonly clientId: string | null
}

/**
 * Whether a token speaks for a user, or for a client that acts for itself (RFC 9068 section 5). A subject that is the client
 * says so; issuers that give such tokens a subject of another kind have marks of their own.
 *
 * @param marks any one of them will do
 */
export function principalTypeOf (claims: Claims, party: Party, marks: readonly ClientMark[]): PrincipalType {
  return party.subject === party.clientId || marks.some(mark => bears(claims, party, mark)) ? 'client' : 'user'
}

function bears (claims: Claims, party: Party, mark: ClientMark): boolean {
  return Object.entries(mark).every(([name, said]) => {
    const value = readClaim(claims, name)
    if (said === true) return value !== undefined && value !== null
    return value === fill(said, party)
  })
}

/** `null` where it speaks of a client and there is none. */
function fill (said: string, { subject, clientId }: Party): string | null {
  if (clientId === null && said.includes('{clientId}')) return null
  return said.replace(/\{(clientId|subject)\}/g, (_, name) => name === 'subject' ? subject : clientId!)
}

/** The first `{…}` of a value that stands for nothing; `null` when there is none. */
export function unknownPlaceholder (said: string | true): string | null {
  return said === true ? null : /\{(?!clientId\}|subject\})[^{}]*\}/.exec(said)?.[0] ?? null
}
