import { OptionError } from '../errors/errors.ts'
import { closed, count, seconds, text, texts } from '../options/common-schemas.ts'
import { optionGroup } from '../options/option-group.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { TokenStatusSettings } from '../token/token-status.ts'
import { parseIdentifierOption } from './identifiers.ts'

/** Lists in which an issuer publishes the status of its access tokens (Token Status List). */
export interface StatusListOptions {
  /**
   * Where the lists are: URIs, or what URIs begin with. A token that names another one is refused. Default: the origin of the
   * issuer.
   */
  uris?: readonly string[]
  /** The URL of the keys that sign the lists. Default: the keys of the issuer. */
  jwksUri?: string
  /** Refuses tokens that name no list. Default: false. */
  required?: boolean
  /**
   * How long a list is used at most before it is fetched again, in seconds: a revocation takes effect after it at the latest.
   * `ttl` of the list counts where it is shorter. Default: 300.
   */
  maxAgeSeconds?: number
  /** How long the last good list is used after it should have been fetched again, in seconds, and never past its `exp`. Default: 300. */
  maxStaleSeconds?: number
  /** Larger lists are refused, in bytes after decompression. Default: 4194304. */
  maxListBytes?: number
  /** Accepts tokens while their list cannot be had, with a warning for each. Dangerous: revoked tokens are accepted, too. Default: false, 503. */
  allowUnavailable?: boolean
}

/** @internal */
export const statusListSchemas: OptionSchemas<keyof StatusListOptions> = optionGroup<StatusListOptions>()({
  uris: Type.Optional(texts),
  jwksUri: Type.Optional(text),
  required: Type.Optional(Type.Boolean()),
  maxAgeSeconds: Type.Optional(count),
  maxStaleSeconds: Type.Optional(seconds),
  maxListBytes: Type.Optional(Type.Integer({ minimum: 1, maximum: 268_435_456 })),
  allowUnavailable: Type.Optional(Type.Boolean())
})

/** How the status of an issuer's access tokens is found out. */
export interface StatusListSettings extends Omit<TokenStatusSettings, 'refresh'> {
  readonly jwksUri: string | null
  readonly maxAgeMs: number
  readonly maxStaleMs: number
}

const closedSchema = Type.Object(statusListSchemas, closed)

/** The schema of the option: `true` for all defaults. */
export const statusListSchema: object = Type.Union([Type.Boolean(), closedSchema])

/** @throws OptionError */
export function resolveStatusList (
  given: boolean | StatusListOptions | undefined, issuer: string, name: string, allowInsecureHttp: boolean
): StatusListSettings | null {
  if (given === undefined || given === false) return null
  const options = given === true ? {} : given
  const {
    uris = [originOf(issuer, name, allowInsecureHttp)], jwksUri = null, required = false, maxAgeSeconds = 300, maxStaleSeconds = 300, maxListBytes = 4_194_304,
    allowUnavailable = false
  } = options
  for (const [index, uri] of uris.entries()) parseIdentifierOption(`${name}.uris[${index}]`, uri, allowInsecureHttp)
  if (jwksUri !== null) parseIdentifierOption(`${name}.jwksUri`, jwksUri, allowInsecureHttp)
  return Object.freeze({
    uris: Object.freeze([...uris]),
    allowInsecureHttp,
    jwksUri,
    required,
    allowUnavailable,
    maxListBytes,
    maxAgeMs: maxAgeSeconds * 1000,
    maxStaleMs: maxStaleSeconds * 1000
  })
}

function originOf (issuer: string, name: string, allowInsecureHttp: boolean): string {
  try {
    return parseIdentifierOption(name, issuer, allowInsecureHttp).origin
  } catch {
    throw new OptionError(`${name} requires ${name}.uris: where the status lists are, as the issuer is not a URL`)
  }
}
