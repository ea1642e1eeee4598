import Type from 'typebox'
import * as Value from 'typebox/value'
import { OptionError } from '../errors.ts'
import { isScheme } from '../challenge/challenge.ts'
import type { ParsedChallenge } from '../challenge/parse.ts'
import { parseChallenges } from '../challenge/parse.ts'
import { explain } from '../options.ts'
import type { ScopeRequirement } from './scopes.ts'
import { isScopeToken } from './scopes.ts'

/** What a route asks for: `config.oauth`. A route that says nothing asks for any valid access token. */
export interface RouteOptions {
  /**
   * `required` (default), `optional`: a request without credentials passes with `request.accessToken` null, one with bad
   * credentials does not; `none`: credentials are not looked at. `config.oauth: false` is short for `token: 'none'`.
   */
  token?: 'required' | 'optional' | 'none'
  /** All of these scopes are needed. */
  scopes?: readonly string[]
  /** One of these is needed, on top of `scopes`: each a scope, or a list of scopes that are needed together. */
  anyOfScopes?: ReadonlyArray<string | readonly string[]>
  /**
   * What becomes of a `WWW-Authenticate` that a 401 of this route has already. `merge` (default): ours is merged into it;
   * `replace`: only ours goes out; `keep`: an existing one stays as it is, for routes that pass on an upstream's; `none`:
   * refusals of this route get nothing from us.
   */
  challenge?: 'merge' | 'replace' | 'keep' | 'none'
  /** A `WWW-Authenticate` value of your own, which takes the place of ours on this route. */
  pinnedChallenge?: string
}

export type RouteConfig = false | RouteOptions

/** A route's rule, compiled once. */
export interface RouteRule {
  readonly token: 'required' | 'optional' | 'none'
  /** `null` when any valid access token will do. */
  readonly scopes: ScopeRequirement | null
  readonly challenge: 'merge' | 'replace' | 'keep' | 'none'
  readonly pinnedChallenge: string | null
  /** The `resource_metadata` of the pinned challenge, `null` when it has none. */
  readonly pinnedPointer: string | null
}

const scope = Type.String({ minLength: 1 })
const schema = Type.Union([
  Type.Literal(false),
  Type.Object({
    token: Type.Optional(Type.Enum(['required', 'optional', 'none'])),
    scopes: Type.Optional(Type.Array(scope)),
    anyOfScopes: Type.Optional(Type.Array(Type.Union([scope, Type.Array(scope, { minItems: 1 })]), { minItems: 1 })),
    challenge: Type.Optional(Type.Enum(['merge', 'replace', 'keep', 'none'])),
    pinnedChallenge: Type.Optional(Type.String({ minLength: 1 }))
  }, { additionalProperties: false })
])

/**
 * Checks and compiles `config.oauth` of a route.
 *
 * @param route its method and URL, for the message
 * @throws OptionError that names the route, the option and its value
 */
export function compileRouteRule (config: unknown, route: string): RouteRule {
  const name = `config.oauth of ${route}`
  if (config === undefined) return defaultRule
  if (!Value.Check(schema, config)) throw new OptionError(explain(name, schema.anyOf[1], config))
  if (config === false) return publicRule

  const { token = 'required', scopes = [], anyOfScopes = [], challenge = 'merge', pinnedChallenge = null } = config
  const any = anyOfScopes.map(alternative => typeof alternative === 'string' ? [alternative] : alternative)
  if ([...scopes, ...any.flat()].includes('offline_access')) {
    throw new OptionError(`${name}: offline_access is a matter between client and authorization server, not a scope of a route`)
  }
  const unfit = [...scopes, ...any.flat()].find(one => !isScopeToken(one))
  if (unfit !== undefined) {
    throw new OptionError(`${name}: ${JSON.stringify(unfit)} is not a scope that RFC 6749 section 3.3 allows`)
  }
  const needed = [...new Set(scopes)]
  const alternatives = any.length === 0 ? [needed] : any.map(one => [...new Set([...needed, ...one])])
  const asksForScopes = alternatives.some(alternative => alternative.length > 0)
  if (asksForScopes && token !== 'required') {
    throw new OptionError(`${name}: scopes cannot be asked for with token: '${token}'`)
  }
  return Object.freeze({
    token,
    scopes: asksForScopes ? Object.freeze({ alternatives }) : null,
    challenge,
    pinnedChallenge,
    pinnedPointer: pinnedChallenge === null ? null : checkPinned(pinnedChallenge, challenge, name)
  })
}

/** The rule of a route that says nothing: any valid access token. */
export const defaultRule: RouteRule = Object.freeze({
  token: 'required', scopes: null, challenge: 'merge', pinnedChallenge: null, pinnedPointer: null
})
const publicRule: RouteRule = Object.freeze({ ...defaultRule, token: 'none' })

function checkPinned (value: string, challenge: string, name: string): string | null {
  if (challenge !== 'merge') {
    throw new OptionError(`${name}: pinnedChallenge cannot be combined with challenge: '${challenge}'`)
  }
  let challenges: readonly ParsedChallenge[]
  try {
    challenges = parseChallenges(value)
  } catch (error) {
    throw new OptionError(`${name}: pinnedChallenge ${JSON.stringify(value)} is ${(error as Error).message}`)
  }
  if (challenges.length === 0) throw new OptionError(`${name}: pinnedChallenge ${JSON.stringify(value)} has no challenge`)
  if (challenges.some(one => isScheme(one, 'Bearer') && one.parameters.size === 0)) {
    throw new OptionError(`${name}: pinnedChallenge ${JSON.stringify(value)} has a Bearer without parameters (RFC 6750 section 3)`)
  }
  return challenges.map(one => one.parameters.get('resource_metadata')).find(pointer => pointer !== undefined) ?? null
}
