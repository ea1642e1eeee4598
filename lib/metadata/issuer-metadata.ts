import type { FetchError } from '../errors/fetch-error.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { withDeadline } from '../http/limited-fetch.ts'
import type { Loaded } from '../http/refreshing-value.ts'
import { isLocalHost, isLoopbackHost, parseIdentifier } from '../identifier.ts'
import { authorizationServerMetadataUrls } from './well-known.ts'

/** The metadata of an authorization server that a resource server uses (RFC 8414 section 2). */
export interface IssuerMetadata {
  readonly issuer: string
  /** `null` when this issuer's tokens are not verified by its keys. */
  readonly jwksUri: string | null
  /** RFC 7662; `null` when this issuer's tokens are not introspected. */
  readonly introspectionEndpoint: string | null
}

/** The members that are read. Other members are not checked. */
export interface MetadataNeeds {
  readonly keys: boolean
  /** `mtls`: the endpoints for clients with a certificate are read (RFC 8705 section 5). */
  readonly introspection: 'none' | 'plain' | 'mtls'
}

type Document = Readonly<Record<string, unknown>>

/** No usable metadata was found. The message has the result for each URL that was tried, for a log. */
export class IssuerMetadataError extends Error {
  constructor (issuer: string, attempts: readonly string[]) {
    super(`no usable metadata of ${issuer}: ${attempts.join('; ')}`)
    this.name = 'IssuerMetadataError'
  }
}

/**
 * Finds the metadata of a configured issuer at its well-known URLs, one after the other (RFC 8414 section 3, OpenID Connect
 * Discovery 1.0 section 4). A document is used only if its `issuer` is the configured one and it has the needed endpoints.
 * Endpoints on this machine are refused, unless the issuer is on this machine too (server-side request forgery).
 *
 * @throws IssuerMetadataError
 */
export async function findIssuerMetadata (
  issuer: string, needs: MetadataNeeds, fetch: Fetch, limits: FetchLimits
): Promise<Loaded<IssuerMetadata>> {
  // The configuration check has allowed http only on this machine, or by an explicit option.
  const parts = parseIdentifier(issuer, true)
  const attempts: string[] = []
  // One deadline for all URLs, and a part of it for each: a URL that does not respond must not use up the time of the others.
  const within = withDeadline(limits)
  const urls = authorizationServerMetadataUrls(parts)
  for (const [index, url] of urls.entries()) {
    try {
      const timeoutMs = (within.deadline - performance.now()) / (urls.length - index)
      const { body, maxAgeSeconds } = await fetchJson(url, fetch, { ...within, timeoutMs })
      const found = metadataFrom(body, issuer, needs, { http: parts.scheme === 'http', loopback: isLoopbackHost(parts.host) })
      if (typeof found !== 'string') return { value: found, maxAgeSeconds }
      attempts.push(`${url}: ${found}`)
    } catch (error) {
      attempts.push((error as FetchError).message)
    }
  }
  throw new IssuerMetadataError(issuer, attempts)
}

/** The URL schemes and hosts that are allowed for the endpoints of an issuer: those that are allowed for the issuer. */
export interface AllowedUrls {
  readonly http: boolean
  readonly loopback: boolean
}

/** The needed members of a document, or a text about what is wrong with it. */
function metadataFrom (body: Document, issuer: string, needs: MetadataNeeds, allowed: AllowedUrls): IssuerMetadata | string {
  if (body.issuer !== issuer) return 'names another issuer'
  const aliases = needs.introspection === 'mtls' ? body.mtls_endpoint_aliases as Document | null | undefined : null
  const introspectionEndpoint = aliases?.introspection_endpoint ?? body.introspection_endpoint
  const keysFault = needs.keys ? endpointFault('jwks_uri', body.jwks_uri, allowed) : null
  const introspectionFault = needs.introspection === 'none' ? null : endpointFault('introspection_endpoint', introspectionEndpoint, allowed)
  return keysFault ?? introspectionFault ?? {
    issuer,
    jwksUri: needs.keys ? body.jwks_uri as string : null,
    introspectionEndpoint: needs.introspection === 'none' ? null : introspectionEndpoint as string
  }
}

/** What is wrong with an endpoint of a metadata document; `null` when nothing is. */
export function endpointFault (name: string, url: unknown, allowed: AllowedUrls): string | null {
  if (typeof url !== 'string') return `has no ${name}`
  try {
    const { host } = parseIdentifier(url, allowed.http)
    return isLocalHost(host) && !allowed.loopback ? `has a ${name} on a local address` : null
  } catch (error) {
    return `has a ${name} that ${(error as Error).message}`
  }
}
