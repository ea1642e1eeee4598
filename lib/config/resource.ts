import { quote } from '../challenge/grammar.ts'
import { OptionError } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import { text } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import { parseIdentifierOption } from './identifiers.ts'

/** The protected resource, and what its challenges say. */
export interface ResourceOptions {
  /**
   * The resource identifier (RFC 9728 section 1.2): an https URL, or http on a loopback host. It identifies your API: every
   * advertised URL is derived from it, and access tokens carry it in `aud`. It is kept as the string it is. Another URL fails the boot.
   */
  resource: string
  /** `realm` of the challenges. Default: none. */
  realm?: string
  /**
   * What a challenge says about a failure in words: `public` (default), a fixed text for each code; `none`, the code alone;
   * `reason`, the text and the reason that is in the log, for development.
   */
  errorDescriptions?: 'public' | 'none' | 'reason'
}

/** @internal */
export const resourceSchemas: OptionSchemas<keyof ResourceOptions> = optionGroup<ResourceOptions>()({
  resource: text,
  realm: Type.Optional(text),
  errorDescriptions: Type.Optional(Type.Enum(['public', 'none', 'reason']))
})

export interface ResourceSettings {
  /** The resource identifier, as it was configured. */
  readonly resource: string
  readonly identifier: IdentifierParts
  readonly realm: string | null
  readonly errorDescriptions: 'public' | 'none' | 'reason'
}

/** @throws OptionError */
export function resolveResource (
  { resource, realm, errorDescriptions = 'public' }: ResourceOptions, allowInsecureHttp: boolean, warnings: string[]
): ResourceSettings {
  const identifier = parseIdentifierOption('resource', resource, allowInsecureHttp)
  checkRequestTarget(identifier, resource)
  if (identifier.query !== '') warnings.push(`resource ${show(resource)} should not have a query (RFC 9728 section 1.2)`)
  if (identifier.path.endsWith('/')) {
    warnings.push(`resource ${show(resource)} ends with a slash, which clients must then repeat in every comparison`)
  }
  if (realm !== undefined) checkRealm(realm)
  return { resource, identifier: Object.freeze(identifier), realm: realm ?? null, errorDescriptions }
}

/** Clients normalize dot segments and some characters, so another spelling would never be requested. */
function checkRequestTarget ({ path, query }: IdentifierParts, resource: string): void {
  const { pathname, search } = new URL(resource)
  if (pathname + search !== (path === '' ? '/' : path) + query) {
    throw new OptionError(`resource must be written as clients send it (${pathname}${search}), got ${show(resource)}`)
  }
}

function checkRealm (realm: string): void {
  try {
    quote(realm)
  } catch {
    throw new OptionError(`realm must be text that a header can carry (RFC 9110 section 5.6.4), got ${show(realm)}`)
  }
}
