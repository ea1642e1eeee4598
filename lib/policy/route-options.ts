import { OptionError } from '../errors/errors.ts'
import type { ActorRule } from './actors.ts'
import type { AuthorizationDetailsRule } from './authorization-details.ts'
import type { Policy } from './policy.ts'
import type { TenantOf } from './tenancy.ts'
import { checkOptions } from '../options/check-options.ts'
import { Type } from '../options/type.ts'
import type { DpopRequirement } from '../token/presentation.ts'

/**
 * What a route asks for: `config.oauth`. A route that says nothing asks for any valid access token. Functions are asked
 * before a body is read; one that throws makes the answer 503.
 *
 * @template Request what the web framework calls a request
 */
export interface RouteOptions<Request = unknown> {
  /**
   * `required` (default), `optional`: a request without credentials passes with `request.accessToken` null, one with bad
   * credentials does not; `none`: credentials are not looked at. `config.oauth: false` is short for `token: 'none'`.
   */
  token?: 'required' | 'optional' | 'none'
  /** All of these scopes are needed. */
  scopes?: readonly string[]
  /** One of these is needed, on top of `scopes`: each a scope, or a list of scopes that are needed together. */
  anyOfScopes?: ReadonlyArray<string | readonly string[]>
  /** The user must have authenticated in one of these contexts (RFC 9470), the one you would rather have first. */
  acr?: readonly string[]
  /** The user must have authenticated this many seconds ago at most (RFC 9470). A refreshed token keeps the time. */
  maxAgeSeconds?: number
  /**
   * Who may act for the subject (RFC 8693): `any` (default): somebody or nobody; `none`: the subject alone; `required`:
   * somebody must; a list: one of these must. Who acted before does not matter.
   */
  actors?: ActorRule
  /** The organization that a request is about, for tokens bound to some. Default: what `organizationOf` of the options says. */
  organization?: TenantOf<Request>
  /** The same for tokens that are bound to teams. Default: what `teamOf` of the options says. */
  team?: TenantOf<Request>
  /** Lets tokens in that are bound to whichever organization; the handler has to see to it. Default: false. */
  anyOrganization?: boolean
  /** The same for tokens that are bound to teams. */
  anyTeam?: boolean
  /** Whether what was authorized in detail (RFC 9396) covers the request. A token without such details is refused. */
  authorizationDetails?: AuthorizationDetailsRule<Request>
  /** Whether the request may be made: only `true` is a yes. It is asked last, after the `policy` of the options. */
  policy?: Policy<Request>
  /**
   * Whether access tokens come with a DPoP proof (RFC 9449): `off`: only bearer tokens; `allowed`: both; `required`: only
   * tokens that are bound to a key. Default: what `dpop` of the options says.
   */
  dpop?: DpopRequirement
  /**
   * What becomes of a `WWW-Authenticate` that a 401 of this route has already. `merge` (default): ours is merged into it;
   * `replace`: only ours goes out; `keep`: an existing one stays as it is, for routes that pass on an upstream's; `none`:
   * refusals of this route get nothing from us.
   */
  challenge?: 'merge' | 'replace' | 'keep' | 'none'
  /** A `WWW-Authenticate` value of your own, which takes the place of ours on this route. */
  pinnedChallenge?: string
  /** Not an option: it is `scopes`. Declared, as Fastify's types accept unknown members of `config`. */
  scope?: never
}

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

/** What only a token can fulfil. */
const demands = ['acr', 'maxAgeSeconds', 'actors', 'organization', 'team', 'authorizationDetails', 'policy'] as const
/** What only matters where a token may come. */
const permissions = ['anyOrganization', 'anyTeam'] as const

/**
 * Holds `config.oauth` against its schema, and its options against each other.
 *
 * @param name what it is called in a message
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
