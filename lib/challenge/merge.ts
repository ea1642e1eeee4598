import type { Challenge } from './format.ts'
import { formatChallenge, isScheme } from './format.ts'
import type { ParsedChallenge } from './parse.ts'
import { parseChallenges } from './parse.ts'

/** The values of a `WWW-Authenticate` header, a field line each, and whether something had to be left out. */
export interface MergedChallenges {
  readonly values: readonly string[]
  /** True when a line of the existing header violated the grammar and was removed. */
  readonly droppedUnreadable: boolean
}

/**
 * Adds the challenges of this resource to an existing `WWW-Authenticate`. The result has exactly one challenge of each of
 * their schemes, and those first, because some clients read only the first. Challenges of other schemes are unchanged, each
 * in its own line.
 *
 * An existing challenge of such a scheme keeps its parameters and gets the missing ones. If its `resource_metadata` is that
 * of another resource (the response of an upstream), it is replaced.
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
  // `resource_metadata` first: clients need it most.
  const merged = new Map<string, string>(pointer === undefined ? [] : [['resource_metadata', pointer]])
  for (const [name, value] of parameters) merged.set(name, value)
  // `error_description` is added only if the error is the same: it explains that error.
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
