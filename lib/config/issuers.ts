import { OptionError } from '../errors/errors.ts'
import { anyFunction, clockTolerance, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import type { IssuerDefaults, IssuerOptions, ResolvedIssuer } from './issuer.ts'
import { resolveIssuer } from './issuer.ts'

/** The trusted issuers. */
export interface IssuersOptions {
  /**
   * The issuers whose access tokens are accepted, at least one: an issuer identifier
   * (`https://login.example.com`), exactly as in `iss`, or an object with more about its tokens. An invalid one fails the boot.
   */
  authorizationServers: ReadonlyArray<string | IssuerOptions>
  /**
   * Returns an issuer that is not in the list, by the `iss` of a token, which is not verified yet: for tenants that are added
   * and removed at run time. `null`: it is not trusted, and nothing is requested from it. Its results are cached.
   */
  resolveIssuer?: (issuer: string) => string | IssuerOptions | null | Promise<string | IssuerOptions | null>
  /** How far the clocks of issuer and resource can differ, in seconds, 0 to 300. Default: 5. */
  clockToleranceSeconds?: number
}

/** @internal */
export const issuersSchemas: OptionSchemas<keyof IssuersOptions> = optionGroup<IssuersOptions>()({
  // Each issuer is held against its own schema by index.
  authorizationServers: typed<unknown[]>(Type.Array(Type.Unknown(), { minItems: 1, description: 'of issuers' })),
  resolveIssuer: Type.Optional(anyFunction),
  clockToleranceSeconds: Type.Optional(clockTolerance)
})

export interface IssuersSettings {
  readonly issuers: readonly ResolvedIssuer[]
  /** Finds issuers that are not among `issuers`; `null` for none. */
  readonly resolveIssuer: NonNullable<IssuersOptions['resolveIssuer']> | null
  readonly clockToleranceSeconds: number
}

/** @throws OptionError */
export function resolveIssuers (
  { authorizationServers, resolveIssuer: findIssuer, clockToleranceSeconds = 5 }: IssuersOptions,
  defaults: Omit<IssuerDefaults, 'clockToleranceSeconds'>, warnings: string[]
): IssuersSettings {
  const issuers = authorizationServers.map((given, index) =>
    resolveIssuer(given, `authorizationServers[${index}]`, { ...defaults, clockToleranceSeconds }, warnings))
  const repeated = repetitionIn(issuers.map(({ rule }) => rule.issuer))
  if (repeated !== null) throw new OptionError(`authorizationServers names ${show(repeated)} twice; remove one`)
  const prefix = repetitionIn(issuers.map(({ introspection }) => introspection?.opaquePrefix).filter(one => typeof one === 'string'))
  if (prefix !== null) {
    throw new OptionError(`introspection.opaquePrefix ${show(prefix)} belongs to two authorizationServers; opaque tokens are routed by it`)
  }
  if (!issuers.some(issuer => issuer.advertised)) {
    warnings.push('no authorization server is advertised, so clients cannot find one by the metadata document')
  }
  return { issuers: Object.freeze(issuers), resolveIssuer: findIssuer ?? null, clockToleranceSeconds }
}

function repetitionIn (values: readonly string[]): string | null {
  return values.find((value, index) => values.indexOf(value) !== index) ?? null
}
