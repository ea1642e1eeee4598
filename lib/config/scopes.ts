import { OptionError } from '../errors/errors.ts'
import { checkOptions } from '../options/check-options.ts'
import { anyFunction, closed, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { ScopeImplies } from '../policy/scopes.ts'
import { isScopeToken } from '../policy/scopes.ts'

/** One scope of the resource. */
export interface ScopeOptions {
  /** What the scope allows, for people. Default: none. */
  description?: string
  /** Whether the metadata document names the scope. Default: true. Set it to false for internal and privileged scopes. */
  advertised?: boolean
}

/** The scopes of the resource. */
export interface ScopesOptions {
  /**
   * Name → description of the scopes of the resource. The advertised ones should be the few that a client starts with.
   * Where scopes are given, a route that requires another one causes a warning at start, as it is likely a typing error.
   * Default: none are described.
   */
  scopes?: Readonly<Record<string, string | ScopeOptions>>
  /** Whether a granted scope covers a required one, beside being it: `write` covers `read`. Default: it never does. */
  scopeImplies?: ScopeImplies
  /**
   * Which scopes the metadata document advertises: `configured` (default), those of `scopes`; `routes`, those that routes
   * require, without the ones of `scopes` that are not advertised.
   */
  scopesSupported?: 'configured' | 'routes'
}

const scopeSchema = Type.Object({
  description: Type.Optional(Type.String()),
  advertised: Type.Optional(Type.Boolean())
}, closed)

/** @internal */
export const scopesSchemas: OptionSchemas<keyof ScopesOptions> = optionGroup<ScopesOptions>()({
  // Each scope is held against its own schema by name.
  scopes: Type.Optional(typed<Record<string, unknown>>(Type.Record(Type.String(), Type.Unknown(), { description: 'name → description' }))),
  scopeImplies: Type.Optional(anyFunction),
  scopesSupported: Type.Optional(Type.Enum(['configured', 'routes']))
})

export interface ResolvedScope {
  readonly name: string
  readonly description: string
  readonly advertised: boolean
}

export interface ScopesSettings {
  readonly scopes: readonly ResolvedScope[]
  readonly scopeImplies: ScopeImplies | null
  /** Whether the document advertises the scopes of the configuration, or those that routes require. */
  readonly scopesSupported: 'configured' | 'routes'
}

/** @throws OptionError */
export function resolveScopes ({ scopes = {}, scopeImplies, scopesSupported = 'configured' }: ScopesOptions, warnings: string[]): ScopesSettings {
  return {
    scopes: Object.freeze(Object.entries(scopes).map(([name, given]) => resolveScope(name, given, warnings))),
    scopeImplies: scopeImplies ?? null,
    scopesSupported
  }
}

/** Scopes that no client should be told to request: everything at once, and what concerns the authorization server alone. */
const neverAdvertised = ['*', 'offline_access']

function resolveScope (name: string, given: string | ScopeOptions, warnings: string[]): ResolvedScope {
  if (!isScopeToken(name)) {
    throw new OptionError(`scopes has ${JSON.stringify(name)}, which is not a scope that RFC 6749 section 3.3 allows`)
  }
  const { description = '', advertised = true } = checkOptions<ScopeOptions>(
    `scopes[${JSON.stringify(name)}]`, scopeSchema, typeof given === 'string' ? { description: given } : given)
  const withheld = neverAdvertised.includes(name)
  if (advertised && withheld) warnings.push(`scopes[${JSON.stringify(name)}] is not advertised: no client should request it from the document`)
  return Object.freeze({ name, description, advertised: advertised && !withheld })
}
