import { OptionError } from '../errors.ts'
import { show } from '../options.ts'
import { asymmetricAlgorithms } from '../token/algorithms.ts'
import { createKeySet } from '../token/key-set.ts'
import type { IssuerRule } from '../token/issuer-rule.ts'
import { checkIssuerOptions } from './check-options.ts'
import { identifierOf } from './identifier-option.ts'
import type { OAuthResourceServerOptions } from './options.ts'

/** One trusted issuer: what its tokens must be, and where its keys are. */
export interface ResolvedIssuer {
  readonly rule: IssuerRule
  readonly advertised: boolean
  readonly jwksUri: string | null
  readonly jwks: Readonly<Record<string, unknown>> | null
}

/** @throws OptionError */
export function resolveIssuers (options: OAuthResourceServerOptions): readonly ResolvedIssuer[] {
  const issuers = options.authorizationServers.map((given, index) =>
    resolveIssuer(given, `authorizationServers.${index}`, options))
  const seen = new Set<string>()
  for (const { rule: { issuer } } of issuers) {
    if (seen.has(issuer)) throw new OptionError(`authorizationServers names ${show(issuer)} twice`)
    seen.add(issuer)
  }
  return Object.freeze(issuers)
}

function resolveIssuer (given: unknown, name: string, defaults: OAuthResourceServerOptions): ResolvedIssuer {
  const options = checkIssuerOptions(typeof given === 'string' ? { issuer: given } : given, name)
  const {
    issuer, audience = defaults.resource, rejectForeignAudiences = false, algorithms = asymmetricAlgorithms,
    profile = 'rfc9068', jwksUri = null, jwks = null, advertised = true
  } = options

  const { query } = identifierOf(`${name}.issuer`, issuer)
  if (query !== '') throw new OptionError(`${name}.issuer must not have a query (RFC 8414 section 2), and is ${show(issuer)}`)
  const unfit = algorithms.find(algorithm => !asymmetricAlgorithms.includes(algorithm))
  if (unfit !== undefined) {
    throw new OptionError(`${name}.algorithms must be of ${asymmetricAlgorithms.join(', ')}, and one is ${show(unfit)}`)
  }
  if (jwksUri !== null && jwks !== null) throw new OptionError(`${name}.jwks and ${name}.jwksUri contradict each other`)
  if (jwksUri !== null) identifierOf(`${name}.jwksUri`, jwksUri)
  if (jwks !== null && createKeySet(jwks).size === 0) throw new OptionError(`${name}.jwks has no public key that can be used`)

  return Object.freeze({
    rule: Object.freeze({
      issuer,
      audiences: Object.freeze(typeof audience === 'string' ? [audience] : [...audience]),
      rejectForeignAudiences,
      algorithms: Object.freeze([...algorithms]),
      profile,
      scopeClaims: Object.freeze([...options.scopeClaims ?? (profile === 'jwt' ? ['scope', 'scp'] : ['scope'])]),
      clockToleranceSeconds: options.clockToleranceSeconds ?? defaults.clockToleranceSeconds ?? 5
    }),
    advertised,
    jwksUri,
    jwks
  })
}
