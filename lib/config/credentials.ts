import { OptionError } from '../errors/errors.ts'
import { typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'

/** Where the access token of a request is, and how long it can be. */
export interface CredentialsOptions {
  /**
   * The name of a header whose whole value is the token, for gateways that authenticate users themselves and pass a signed
   * token on: `Cf-Access-Jwt-Assertion` of Cloudflare Access, `X-Goog-Iap-Jwt-Assertion` of Google. `Authorization` is then
   * not read. Use it only where every request comes through that gateway. Default: `Authorization: Bearer`.
   */
  tokenHeader?: string
  /**
   * The longest token that is read, in characters. Raise it together with `maxHeaderSize` of Node.js, which limits all
   * headers of a request. Default: 16384.
   */
  maxTokenLength?: number
}

/** @internal */
export const credentialsSchemas: OptionSchemas<keyof CredentialsOptions> = optionGroup<CredentialsOptions>()({
  // RFC 9110 section 5.1: the name of a header.
  tokenHeader: Type.Optional(typed<string>(Type.String({ pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, description: 'the name of a header' }))),
  maxTokenLength: Type.Optional(Type.Integer({ minimum: 256, maximum: 1_048_576 }))
})

export interface CredentialsSettings {
  /** In lower case; `null` for `Authorization`. */
  readonly tokenHeader: string | null
  readonly maxTokenLength: number
}

/** @throws OptionError */
export function resolveCredentials ({ tokenHeader, maxTokenLength = 16_384 }: CredentialsOptions): CredentialsSettings {
  const name = tokenHeader?.toLowerCase() ?? null
  if (name === 'authorization') throw new OptionError('tokenHeader must not be Authorization, which is read by default; leave tokenHeader out')
  return { tokenHeader: name, maxTokenLength }
}
