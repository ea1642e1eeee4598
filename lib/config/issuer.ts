import { OptionError } from '../errors/errors.ts'
import { checkOptions } from '../options/check-options.ts'
import { clockTolerance, closed, text, typed } from '../options/common-schemas.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { ExpectedToken, IssuerHints } from '../token/expected-token.ts'
import { createKeySet } from '../token/key-set.ts'
import { parseIdentifierOption } from './identifiers.ts'
import type { IntrospectionOptions, ResolvedIntrospection } from './introspection.ts'
import { introspectionSchemas, resolveIntrospection } from './introspection.ts'
import { resolveHints } from './issuer-hints.ts'
import { checkIssuerIdentifier } from './issuer-identifier.ts'
import type { PresetName } from './presets.ts'
import { audienceOfEveryToken, issuerPresets } from './presets.ts'
import type { StatusListOptions, StatusListSettings } from './status-list.ts'
import { resolveStatusList, statusListSchema } from './status-list.ts'
import type { TokenShapeDefaults, TokenShapeOptions } from './token-shape.ts'
import { resolveExpectedToken, tokenShapeSchemas } from './token-shape.ts'

/** What the tokens of one authorization server must be, where its identifier alone does not say. */
export interface IssuerOptions extends TokenShapeOptions {
  /**
   * The issuer identifier, exactly as it is in `iss`. An https URL where its metadata is fetched (RFC 8414 section 2); any
   * other string (RFC 7519 section 2) where `jwks`, `jwksUri` or `introspection.endpoint` make that unnecessary.
   */
  issuer: string
  /** Settings for a product, which the other options override. See `issuerPresets`. */
  preset?: PresetName
  /** Asks the issuer about its tokens (RFC 7662), in place of verifying them here. */
  introspection?: IntrospectionOptions
  /** The URL of the keys. Default: the one of the issuer's metadata (RFC 8414, else OpenID Connect Discovery). */
  jwksUri?: string
  /** The keys themselves, a JWK Set (RFC 7517 section 5). Nothing is fetched then. */
  jwks?: { readonly keys: readonly object[] }
  /**
   * Checks the status of its tokens (`status.status_list`) in the lists that it publishes; `true`: with the defaults. Default:
   * false, the claim is ignored as any other that is not understood (RFC 7519 section 4), with a warning in the log.
   */
  statusList?: boolean | StatusListOptions
  /** Whether the metadata document names this issuer. Default: true, and false where `issuer` is not a URL that clients can look up. */
  advertised?: boolean
  /** How far the clocks can differ, in seconds, 0 to 300. Default: the option of the same name beside `authorizationServers`. */
  clockToleranceSeconds?: number
}

const schema = Type.Union([text, Type.Object({
  ...tokenShapeSchemas,
  ...optionGroup<Omit<IssuerOptions, keyof TokenShapeOptions>>()({
    issuer: text,
    preset: Type.Optional(typed<PresetName>(Type.Enum(Object.keys(issuerPresets)))),
    introspection: Type.Optional(typed<IntrospectionOptions>(Type.Object(introspectionSchemas, closed))),
    jwksUri: Type.Optional(text),
    jwks: Type.Optional(typed<{ readonly keys: readonly object[] }>(Type.Object({ keys: Type.Array(Type.Unknown()) }))),
    statusList: Type.Optional(typed<boolean | StatusListOptions>(statusListSchema as never)),
    advertised: Type.Optional(Type.Boolean()),
    clockToleranceSeconds: Type.Optional(clockTolerance)
  })
}, closed)])

/** One trusted issuer: what its tokens must be, and where its keys are. */
export interface ResolvedIssuer {
  readonly rule: ExpectedToken
  readonly advertised: boolean
  readonly jwksUri: string | null
  readonly jwks: Readonly<Record<string, unknown>> | null
  /** `null`: the status of its tokens is not looked up. */
  readonly statusList: StatusListSettings | null
  /** `null`: its tokens are JWTs that are verified here. */
  readonly introspection: ResolvedIntrospection | null
}

export interface IssuerDefaults extends TokenShapeDefaults {
  readonly allowInsecureHttp: boolean
}

/**
 * @param name what the issuer is called where the user wrote it
 * @param warnings takes sentences about what is allowed and better avoided
 * @throws OptionError
 */
export function resolveIssuer (given: unknown, name: string, defaults: IssuerDefaults, warnings: string[]): ResolvedIssuer {
  const own = toObject(checkOptions<string | IssuerOptions>(name, schema, given))
  const options = withPreset(own)
  const { issuer, jwksUri = null, jwks = null, introspection, allowMissingAudience = false, allowUnknownConfirmation = false } = options
  const { resource, allowInsecureHttp } = defaults
  const { clockToleranceSeconds = defaults.clockToleranceSeconds } = options

  if (jwksUri !== null && jwks !== null) throw new OptionError(`${name}.jwks and ${name}.jwksUri contradict each other; remove one`)
  if (jwksUri !== null) parseIdentifierOption(`${name}.jwksUri`, jwksUri, allowInsecureHttp)
  if (jwks !== null && createKeySet({ ...jwks }).size === 0) throw new OptionError(`${name}.jwks has no public key that can be used`)
  const statusList = resolveStatusList(options.statusList, issuer, `${name}.statusList`, allowInsecureHttp)
  if (statusList !== null && introspection !== undefined) {
    throw new OptionError(`${name}.statusList and ${name}.introspection contradict each other: the issuer is asked about each token already; remove one`)
  }
  const canBeLookedUp = checkIssuerIdentifier(`${name}.issuer`, issuer, { isFetched: needsMetadata(options), allowInsecureHttp })
  const { advertised = canBeLookedUp } = options
  if (advertised && !canBeLookedUp) {
    throw new OptionError(`${name}.advertised: true requires an issuer that clients can look up: an https URL (RFC 8414 section 2)`)
  }
  const shared = own.preset === undefined ? undefined : audienceOfEveryToken[own.preset]
  if (shared !== undefined && [options.audience].flat().includes(shared)) {
    warnings.push(`${name}.audience: tokens for every API have the audience ${shared}, so tokens for other APIs are accepted; configure an audience for this API at the issuer`)
  }
  if (allowMissingAudience) {
    warnings.push(`${name}.allowMissingAudience: tokens without aud are accepted, also those that the issuer issues for other resources`)
  }
  if (allowUnknownConfirmation) {
    warnings.push(`${name}.allowUnknownConfirmation: tokens that are bound by members of cnf which this server cannot check are accepted as bearer tokens`)
  }
  const expectedWith = (preset: PresetName | undefined, hints: IssuerHints): ExpectedToken =>
    resolveExpectedToken(issuer, withPreset(preset === undefined ? own : { ...own, preset }), { name, resource, clockToleranceSeconds, hints })
  const hints = resolveHints({ issuer, option: name, isIdentifier: typeof given === 'string', preset: own.preset, expectedWith })
  return Object.freeze({
    rule: expectedWith(own.preset, hints),
    advertised,
    jwksUri,
    jwks: jwks as Readonly<Record<string, unknown>> | null,
    statusList,
    introspection: introspection === undefined
      ? null
      : resolveIntrospection(introspection, `${name}.introspection`, allowInsecureHttp)
  })
}

function toObject (options: string | IssuerOptions): IssuerOptions {
  return typeof options === 'string' ? { issuer: options } : options
}

function withPreset ({ preset, ...options }: IssuerOptions): IssuerOptions {
  if (preset === undefined) return options
  const { claims, requiredClaims, ...rest } = issuerPresets[preset]
  return {
    ...rest,
    ...options,
    claims: { ...claims, ...options.claims },
    requiredClaims: { ...requiredClaims, ...options.requiredClaims }
  }
}

/** Whether keys or endpoint have to be found by the metadata of the issuer. */
function needsMetadata ({ introspection, jwks, jwksUri }: IssuerOptions): boolean {
  const hasKeys = jwks !== undefined || jwksUri !== undefined
  if (introspection === undefined) return !hasKeys
  return introspection.endpoint === undefined || (introspection.signedResponseAlgorithm !== undefined && !hasKeys)
}
