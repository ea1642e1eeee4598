import { OptionError } from '../errors/errors.ts'
import { isScheme } from '../challenge/format.ts'
import type { ParsedChallenge } from '../challenge/parse.ts'
import { parseChallenges } from '../challenge/parse.ts'
import type { DpopRequirement } from '../token/confirmation.ts'
import type { ActorRule } from './actors.ts'
import type { AuthorizationDetailsRule } from './authorization-details.ts'
import type { Policy } from './policy.ts'
import type { RouteOptions } from './route-options.ts'
import { checkRouteOptions } from './route-options.ts'
import type { ScopeRequirement } from './scopes.ts'
import { isScopeToken, scopesToAskFor } from './scopes.ts'
import type { StepUp } from './step-up.ts'
import { compileStepUp } from './step-up.ts'
import type { TenantRule } from './tenancy.ts'

/** What a route asks for: `config.oauth`, checked and compiled. */
export interface RoutePolicy {
  readonly token: 'required' | 'optional' | 'none'
  /** `null` when no scopes are required. */
  readonly scopes: ScopeRequirement | null
  /** `null` when it does not matter how the user was authenticated. */
  readonly stepUp: StepUp | null
  readonly actors: ActorRule
  /** `null`: the options of the plugin apply. */
  readonly organization: TenantRule
  readonly team: TenantRule
  /** `null` when the route requires no authorization details. */
  readonly authorizationDetails: AuthorizationDetailsRule<never> | null
  /** `null` when the route has no policy of its own. */
  readonly policy: Policy<never> | null
  /** Whether access tokens come with a DPoP proof. */
  readonly dpop: DpopRequirement
  readonly challenge: 'merge' | 'replace' | 'keep' | 'none'
  readonly pinnedChallenge: string | null
  /** The `resource_metadata` of the pinned challenge, `null` when it has none. */
  readonly pinnedPointer: string | null
  /** The header values for a request without credentials, a field line each. */
  readonly defaultChallenges: readonly string[]
}

/** What the policies of a resource's routes have in common. */
export interface RouteDefaults {
  /** What `dpop` of the options says. */
  readonly dpop: DpopRequirement
  /** Makes the challenges of a request without credentials, for the scopes that a route needs; `null` for none in particular. */
  readonly defaultChallenges: (scopes: readonly string[] | null, dpop: DpopRequirement) => readonly string[]
}

/**
 * Checks and compiles `config.oauth` of a route. `undefined` asks for any valid access token.
 *
 * @param route its method and URL, for the message
 * @throws OptionError that names the route, the option and its value
 */
export function compileRoutePolicy (config: unknown, route: string, defaults: RouteDefaults): RoutePolicy {
  const name = `config.oauth of ${route}`
  const given = config === undefined ? {} : checkRouteOptions(config, name)
  const options: RouteOptions = given === false ? { token: 'none' } : given

  const { token = 'required', challenge = 'merge', pinnedChallenge = null, actors = 'any' } = options
  const stepUp = compileStepUp(options, name)
  if (stepUp !== null && pinnedChallenge !== null) {
    throw new OptionError(`${name}: pinnedChallenge ${JSON.stringify(pinnedChallenge)} would replace the step-up challenge that acr and maxAgeSeconds need: remove one of them`)
  }
  const scopes = compileScopes(options, token, name)
  const dpop = compileDpop(options, token, defaults.dpop, name)
  return Object.freeze({
    token,
    scopes,
    stepUp,
    actors: typeof actors === 'string' ? actors : Object.freeze(actors.map(actor => Object.freeze({ ...actor }))),
    organization: options.anyOrganization === true ? 'any' : options.organization ?? null,
    team: options.anyTeam === true ? 'any' : options.team ?? null,
    authorizationDetails: options.authorizationDetails ?? null,
    policy: options.policy ?? null,
    dpop,
    challenge,
    pinnedChallenge,
    pinnedPointer: pinnedChallenge === null ? null : checkPinned(pinnedChallenge, challenge, name),
    defaultChallenges: Object.freeze(defaults.defaultChallenges(scopes === null ? null : scopesToAskFor(scopes), dpop))
  })
}

/** The metadata document says of the whole resource whether DPoP is there, and whether it is required (RFC 9728 section 2). */
function compileDpop ({ dpop }: RouteOptions, token: string, ofServer: DpopRequirement, name: string): DpopRequirement {
  if (dpop === undefined || dpop === ofServer) return ofServer
  if (token === 'none') throw new OptionError(`${name}: dpop cannot be combined with token: 'none'`)
  if (ofServer === 'off') throw new OptionError(`${name}: dpop: '${dpop}' has no effect without the dpop option of the plugin; set dpop: 'allowed' there`)
  if (ofServer === 'required') {
    throw new OptionError(
      `${name}: dpop: '${dpop}' contradicts the dpop option of the plugin, which requires DPoP of every route, as its metadata document says; ` +
      "set dpop: 'allowed' there, and dpop: 'required' on the other routes")
  }
  return dpop
}

function compileScopes ({ scopes = [], anyOfScopes = [] }: RouteOptions, token: string, name: string): ScopeRequirement | null {
  const any = anyOfScopes.map(alternative => typeof alternative === 'string' ? [alternative] : alternative)
  if ([...scopes, ...any.flat()].includes('offline_access')) {
    throw new OptionError(`${name}: offline_access is a matter between client and authorization server, not a scope of a route`)
  }
  const unfit = [...scopes, ...any.flat()].find(one => !isScopeToken(one))
  if (unfit !== undefined) {
    throw new OptionError(`${name}: ${JSON.stringify(unfit)} is not a scope that RFC 6749 section 3.3 allows`)
  }
  const needed = [...new Set(scopes)]
  if (needed.length === 0 && any.length === 0) return null
  const alternatives = any.length === 0 ? [needed] : any.map(one => [...new Set([...needed, ...one])])
  if (token !== 'required') throw new OptionError(`${name}: scopes cannot be combined with token: '${token}'`)
  return Object.freeze({ alternatives })
}

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
