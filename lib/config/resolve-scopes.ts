import { OptionError } from '../errors/errors.ts'
import { isScopeToken } from '../policy/scopes.ts'
import { checkScopeOptions } from './check-options.ts'
import type { OAuthResourceServerOptions } from './options.ts'

export interface ResolvedScope {
  readonly name: string
  readonly description: string
  readonly advertised: boolean
}

/** Scopes that no client should be told to ask for: everything at once, and what concerns the authorization server alone. */
const neverAdvertised = ['*', 'offline_access']

/** @throws OptionError */
export function resolveScopes (
  given: NonNullable<OAuthResourceServerOptions['scopes']>, warnings: string[]
): readonly ResolvedScope[] {
  return Object.freeze(Object.entries(given).map(([name, options]) => {
    if (!isScopeToken(name)) {
      throw new OptionError(`scopes has ${JSON.stringify(name)}, which is not a scope that RFC 6749 section 3.3 allows`)
    }
    const { description = '', advertised = true } = checkScopeOptions(options, `scopes.${name}`)
    const withheld = neverAdvertised.includes(name)
    if (advertised && withheld) warnings.push(`scopes.${name} is not advertised`)
    return Object.freeze({ name, description, advertised: advertised && !withheld })
  }))
}
