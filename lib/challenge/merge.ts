import type { Challenge } from './format.ts'
import { formatChallenge, isScheme } from './format.ts'
import type { ParsedChallenge } from './parse.ts'
import { parseChallenges } from './parse.ts'

/** The values of a `WWW-Authenticate` header, a field line each, and whether something had to be left out. */
export interface MergedChallenges {
  readonly values: readonly string[]
  /** True when a line of the existing header was not of the grammar, and so of no use to any client. */
  readonly droppedUnreadable: boolean
}

/**
 * Puts our challenges into whatever a response already has: exactly one challenge of each of our schemes results, in the
 * first place, as some clients look nowhere else; every other scheme keeps its words and gets a field line of its own.
 *
 * A challenge of our scheme that is there already keeps its parameters and gets the missing ones. One that points at another
 * resource's metadata is not about this resource (an upstream's, passed on), so ours replaces it whole.
 */
export function mergeChallenges (existing: unknown, ...ours: readonly Challenge[]): MergedChallenges {
  const others: string[] = []
  const present = new Map<Challenge, Map<string, string>>(ours.map(challenge => [challenge, new Map()]))
  let droppedUnreadable = false

  for (const line of fieldLines(existing)) {
    let challenges: ParsedChallenge[]
    try {
      challenges = parseChallenges(line)
    } catch {
      droppedUnreadable = true
      continue
    }
    for (const challenge of challenges) {
      const same = ours.find(({ scheme }) => isScheme(challenge, scheme))
      if (same === undefined) {
        others.push(challenge.raw)
      } else if (!isForeign(challenge, same)) {
        const parameters = present.get(same)!
        for (const [name, value] of challenge.parameters) {
          if (!parameters.has(name)) parameters.set(name, value)
        }
      }
    }
  }
  return { values: [...[...present].map(([challenge, parameters]) => mergedChallenge(challenge, parameters)), ...others], droppedUnreadable }
}

/** @param parameters those that a challenge of the same scheme has already */
function mergedChallenge (ours: Challenge, parameters: ReadonlyMap<string, string>): string {
  const pointer = ours.parameters.get('resource_metadata')
  // Ours first: the pointer is what the reader came for.
  const merged = new Map<string, string>(pointer === undefined ? [] : [['resource_metadata', pointer]])
  for (const [name, value] of parameters) if (!merged.has(name)) merged.set(name, value)
  // Our description explains our error code and no other.
  const explains = (parameters.get('error') ?? ours.parameters.get('error')) === ours.parameters.get('error')
  for (const [name, value] of ours.parameters) {
    if (!merged.has(name) && (name !== 'error_description' || explains)) merged.set(name, value)
  }
  return formatChallenge({ scheme: ours.scheme, token68: null, parameters: merged })
}

/** The field lines of a header as Fastify and Node.js hold it: nothing, a string, or several strings. */
export function fieldLines (value: unknown): string[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value.map(String) : [String(value)]
}

function isForeign (challenge: Challenge, ours: Challenge): boolean {
  const pointer = challenge.parameters.get('resource_metadata')
  return pointer !== undefined && pointer !== ours.parameters.get('resource_metadata')
}
