import { OptionError } from '../errors/errors.ts'
import { IdentifierError } from '../errors/syntax-errors.ts'
import { isStringOrUri, parseIdentifier } from '../identifier.ts'
import { show } from '../options/show.ts'
import { fixFor } from './identifiers.ts'

const entraHost = /^https:\/\/(?:login\.microsoftonline\.com|login\.microsoftonline\.us|login\.partner\.microsoftonline\.cn|sts\.windows\.net)\/([^/?#]*)/i
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const wellKnown = /\/\.well-known\/(?:openid-configuration|oauth-authorization-server)/

/**
 * Holds the identifier of an issuer against what `iss` can be. Where the metadata of the issuer is fetched it is an https
 * URL (RFC 8414 section 2). Where it is only compared with `iss`, as the keys or the introspection endpoint are configured,
 * it can be any StringOrURI (RFC 7519 section 4.1.1).
 *
 * @returns whether it is an identifier that clients can look up, and that the metadata document can name
 * @throws OptionError
 */
export function checkIssuerIdentifier (name: string, issuer: string, { isFetched, allowInsecureHttp }: { isFetched: boolean, allowInsecureHttp: boolean }): boolean {
  checkKnownMistakes(name, issuer)
  try {
    if (parseIdentifier(issuer, allowInsecureHttp).query === '') return true
    throw new IdentifierError('must not have a query (RFC 8414 section 2)')
  } catch (error) {
    if (!isFetched && isStringOrUri(issuer)) return false
    const likely = fixFor(issuer, allowInsecureHttp)
    const other = isFetched && isStringOrUri(issuer) && !likely.includes('?')
      ? '. Its metadata is fetched from there: set jwksUri, jwks or introspection.endpoint for an issuer that is only compared with iss'
      : ''
    throw new OptionError(`${name} ${(error as Error).message}, got ${show(issuer)}${likely}${other}`)
  }
}

/** Values that look right, and that no token has as `iss`. */
function checkKnownMistakes (name: string, issuer: string): void {
  const at = issuer.search(wellKnown)
  if (at !== -1) {
    const likely = issuer.slice(0, at) + issuer.slice(at).replace(wellKnown, '')
    throw new OptionError(
      `${name} must be the issuer identifier, not the address of its metadata, got ${show(issuer)}. ` +
      `Use the issuer that this document names, most likely ${show(likely)}`)
  }
  const tenant = entraHost.exec(issuer)?.[1]
  if (tenant !== undefined && !uuid.test(tenant)) {
    throw new OptionError(
      `${name} must name an Entra tenant by its id, got ${show(issuer)}: no token has ${show(tenant)} in iss. ` +
      'Use https://login.microsoftonline.com/<tenant id>/v2.0, or resolveIssuer for several tenants')
  }
}
