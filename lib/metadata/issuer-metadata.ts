import type { FetchError } from '../errors/fetch-error.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { withDeadline } from '../http/limited-fetch.ts'
import type { Loaded } from '../http/refreshing-value.ts'
import { isLocalHost, isLoopbackHost, parseIdentifier } from '../identifier.ts'
import { authorizationServerMetadataUrls } from './well-known.ts'

/** What a resource server needs to know of an authorization server (RFC 8414 section 2). */
export interface IssuerMetadata {
  readonly issuer: string
  /** `null` when nobody needs it. */
  readonly jwksUri: string | null
  /** RFC 7662; `null` when nobody needs it. */
  readonly introspectionEndpoint: string | null
}

/** What of the metadata is of use. The rest may be missing, or wrong: it is not looked at. */
export interface MetadataNeeds {
  readonly keys: boolean
  /** `mtls`: where clients with a certificate are to ask (RFC 8705 section 5). */
  readonly introspection: 'none' | 'plain' | 'mtls'
}

type Document = Readonly<Record<string, unknown>>

/** No usable metadata was found: what became of each place that was asked, for a log. */
export class IssuerMetadataError extends Error {
  constructor (issuer: string, attempts: readonly string[]) {
    super(`no usable metadata of ${issuer}: ${attempts.join('; ')}`)
    this.name = 'IssuerMetadataError'
  }
}

/**
 * Finds the metadata of a configured issuer at its well-known places, one after the other (RFC 8414 section 3, OpenID
 * Connect Discovery 1.0 section 4). A document is used only when it names the very issuer that was asked for, has what is
 * needed, and when that is somewhere that a stranger could not have chosen to hurt us: not on this machine, unless the
 * issuer is itself on this machine.
 *
 * @throws IssuerMetadataError
 */
export async function findIssuerMetadata (
  issuer: string, needs: MetadataNeeds, fetch: Fetch, limits: FetchLimits
): Promise<Loaded<IssuerMetadata>> {
  // Checked with the configuration: http is either on this machine or allowed there.
  const parts = parseIdentifier(issuer, true)
  const attempts: string[] = []
  // One deadline for all places, of which each has its share: one that hangs does not keep the next from being asked.
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

/** Where the endpoints of an issuer can be: as far as the issuer itself goes. */
interface AllowedUrls {
  readonly http: boolean
  readonly loopback: boolean
}

/** What is needed of a document, or what is wrong with it. */
function metadataFrom (body: Document, issuer: string, needs: MetadataNeeds, allowed: AllowedUrls): IssuerMetadata | string {
  if (body.issuer !== issuer) return 'names another issuer'
  const aliases = needs.introspection === 'mtls' ? body.mtls_endpoint_aliases as Document | null | undefined : null
  const introspectionEndpoint = aliases?.introspection_endpoint ?? body.introspection_endpoint
  const keysFault = needs.keys ? faultOf('jwks_uri', body.jwks_uri, allowed) : null
  const endpointFault = needs.introspection === 'none' ? null : faultOf('introspection_endpoint', introspectionEndpoint, allowed)
  return keysFault ?? endpointFault ?? {
    issuer,
    jwksUri: needs.keys ? body.jwks_uri as string : null,
    introspectionEndpoint: needs.introspection === 'none' ? null : introspectionEndpoint as string
  }
}

function faultOf (name: string, url: unknown, allowed: AllowedUrls): string | null {
  if (typeof url !== 'string') return `has no ${name}`
  try {
    const { host } = parseIdentifier(url, allowed.http)
    return isLocalHost(host) && !allowed.loopback ? `has a ${name} on a local address` : null
  } catch (error) {
    return `has a ${name} that ${(error as Error).message}`
  }
}
