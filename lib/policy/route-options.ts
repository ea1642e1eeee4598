import { OptionError } from '../errors/errors.ts'
import type { ActorRule } from './actors.ts'
import type { AuthorizationDetailsRule } from './authorization-details.ts'
import type { Policy } from './policy.ts'
import type { TenantOf } from './tenancy.ts'
import { checkOptions } from '../options/check-options.ts'
import { Type } from '../options/type.ts'
import type { DpopRequirement } from '../token/confirmation.ts'

/** The members of {@link RouteOptions}, each by itself. */
interface RouteOptionMembers<Request> {
  /**
   * `required` (default), `optional`: a request without credentials passes with `request.accessToken` null, one with bad
   * credentials does not; `none`: credentials are not looked at. `config.oauth: false` is short for `token: 'none'`.
   */
  token?: 'required' | 'optional' | 'none'
  /** All of these scopes are needed, else the response is 403 with a challenge that names them. Default: none. */
  scopes?: readonly string[]
  /** One of these is needed, on top of `scopes`: each a scope, or a list of scopes that are needed together. Default: none. */
  anyOfScopes?: ReadonlyArray<string | readonly string[]>
  /**
   * The user must have authenticated in one of these contexts (RFC 9470), in the order of preference, else the response is 401
   * with a challenge that names them. Default: any.
   */
  acr?: readonly string[]
  /**
   * The user must have authenticated this many seconds ago at most (RFC 9470), else the response is 401 with a challenge that
   * says so. A refreshed token keeps the time. Default: any time.
   */
  maxAgeSeconds?: number
  /**
   * Which actors may act for the subject (RFC 8693). `any` (default): with or without an actor; `none`: only the subject
   * itself; `required`: any actor; a list: one of these actors. Earlier actors (a nested `act`) do not count.
   */
  actors?: ActorRule
  /** The organization that a request is about, for tokens bound to organizations. Default: `organizationOf` of the plugin options. */
  organization?: TenantOf<Request>
  /** The same for tokens that are bound to teams. Default: what `teamOf` of the options says. */
  team?: TenantOf<Request>
  /** Accepts tokens that are bound to any organization: the handler must check the organization itself. Default: false. */
  anyOrganization?: boolean
  /** Accepts tokens that are bound to any team: the handler must check the team itself. Default: false. */
  anyTeam?: boolean
  /**
   * Whether the authorization details of the token (RFC 9396) cover the request, else the response is 403. A token without
   * details is refused. Default: details are not checked.
   */
  authorizationDetails?: AuthorizationDetailsRule<Request>
  /**
   * Whether the request may be made: anything but `true` is a 403. It is called last, after the `policy` of the plugin options.
   * Default: none.
   */
  policy?: Policy<Request>
  /**
   * Whether access tokens come with a DPoP proof (RFC 9449): `off`: only bearer tokens; `allowed`: both; `required`: only
   * tokens that are bound to a key. Default: what `dpop` of the options says.
   */
  dpop?: DpopRequirement
  /**
   * How the challenge of this plugin is combined with a `WWW-Authenticate` that a 401 of this route already has. `merge`
   * (default): both are merged. `replace`: only the plugin's challenge is sent. `keep`: an existing challenge is not changed,
   * for routes that pass on the response of an upstream. `none`: the plugin adds no challenge.
   */
  challenge?: 'merge' | 'replace' | 'keep' | 'none'
  /** A `WWW-Authenticate` value that replaces the plugin's challenge on this route. Default: the plugin makes one. */
  pinnedChallenge?: string
  /** Not an option: it is `scopes`. Declared, as Fastify's types accept unknown members of `config`. */
  scope?: never
}

type Refused<Name extends keyof RouteOptionMembers<never>> = { [Member in Name]?: never }

/** Options that only a token can meet. */
type Demand = 'scopes' | 'anyOfScopes' | 'acr' | 'maxAgeSeconds' | 'organization' | 'team' | 'authorizationDetails' | 'policy'
type TokenChoice =
  | { token?: 'required' }
  | { token: 'optional', actors?: 'any' } & Refused<Demand>
  | { token: 'none', actors?: 'any', anyOrganization?: false, anyTeam?: false } & Refused<Demand | 'dpop'>
type OrganizationChoice = Refused<'organization'> | { anyOrganization?: false }
type TeamChoice = Refused<'team'> | { anyTeam?: false }
/** A pinned challenge is the whole challenge: it leaves no room for another one, nor for that of a step-up. */
type ChallengeChoice = Refused<'pinnedChallenge'> | { challenge?: 'merge' } & Refused<'acr' | 'maxAgeSeconds'>

/**
 * What a route requires: `config.oauth`. A route without it requires any valid access token. Functions are called before the
 * body is read. If one throws, the response is 503. Options that contradict each other are refused by the compiler, and when
 * the server starts.
 *
 * @template Request the request type of the web framework
 */
export type RouteOptions<Request = unknown> =
  RouteOptionMembers<Request> & TokenChoice & OrganizationChoice & TeamChoice & ChallengeChoice

export type RouteConfig<Request = unknown> = false | RouteOptions<Request>

const text = Type.String({ minLength: 1 })
const closed = { additionalProperties: false }
const anyFunction = Type.Function([], Type.Unknown())
const schema = Type.Union([
  Type.Literal(false),
  Type.Object({
    token: Type.Optional(Type.Enum(['required', 'optional', 'none'])),
    scopes: Type.Optional(Type.Array(text)),
    anyOfScopes: Type.Optional(Type.Array(Type.Union([text, Type.Array(text, { minItems: 1 })]), { minItems: 1 })),
    acr: Type.Optional(Type.Array(text, { minItems: 1, uniqueItems: true })),
    maxAgeSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
    actors: Type.Optional(Type.Union([
      Type.Enum(['any', 'none', 'required']),
      Type.Array(Type.Object({ issuer: text, subject: text }, closed), { minItems: 1 })
    ])),
    organization: Type.Optional(anyFunction),
    team: Type.Optional(anyFunction),
    anyOrganization: Type.Optional(Type.Boolean()),
    anyTeam: Type.Optional(Type.Boolean()),
    authorizationDetails: Type.Optional(anyFunction),
    policy: Type.Optional(anyFunction),
    dpop: Type.Optional(Type.Enum(['off', 'allowed', 'required'])),
    challenge: Type.Optional(Type.Enum(['merge', 'replace', 'keep', 'none'])),
    pinnedChallenge: Type.Optional(text)
  }, closed)
])

/** Requirements that only a token can meet. */
const demands = ['acr', 'maxAgeSeconds', 'actors', 'organization', 'team', 'authorizationDetails', 'policy'] as const
/** Options that have an effect only where a token is required or optional. */
const permissions = ['anyOrganization', 'anyTeam'] as const

/**
 * Checks `config.oauth` by its schema, and whether its options contradict each other.
 *
 * @param name the name of the option, for error messages
 * @throws OptionError
 */
export function checkRouteOptions (given: unknown, name: string): RouteConfig {
  const options = checkOptions<RouteConfig>(name, schema, given)
  if (options === false) return false
  const { token = 'required', actors, anyOrganization, organization, anyTeam, team } = options

  const pointless = token === 'required' ? [] : token === 'none' ? [...demands, ...permissions] : demands
  for (const option of pointless) {
    const value = options[option]
    if (value === undefined || value === false || (option === 'actors' && actors === 'any')) continue
    throw new OptionError(`${name}: ${option} cannot be combined with token: '${token}'`)
  }
  if (anyOrganization === true && organization !== undefined) {
    throw new OptionError(`${name}: anyOrganization true and organization contradict each other`)
  }
  if (anyTeam === true && team !== undefined) throw new OptionError(`${name}: anyTeam true and team contradict each other`)
  return options
}
