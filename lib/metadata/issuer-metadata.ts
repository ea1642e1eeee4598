import type { FetchError } from '../http/fetch-error.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import type { Loaded } from '../http/refreshed.ts'
import { isLocalHost, isLoopbackHost, parseIdentifier } from './identifier.ts'
import { authorizationServerMetadataUrls } from './well-known.ts'

/** What a resource server needs to know of an authorization server (RFC 8414 section 2). */
export interface IssuerMetadata {
  readonly issuer: string
  readonly jwksUri: string
  /** RFC 7662; `null` when it has none. */
  readonly introspectionEndpoint: string | null
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
 * Connect Discovery 1.0 section 4). A document is used only when it names the very issuer that was asked for, and when
 * its keys are somewhere that a stranger could not have chosen to hurt us: not on this machine, unless the issuer is
 * itself on this machine.
 *
 * @throws IssuerMetadataError
 */
export async function findIssuerMetadata (issuer: string, fetch: Fetch, limits: FetchLimits): Promise<Loaded<IssuerMetadata>> {
  const parts = parseIdentifier(issuer)
  const attempts: string[] = []
  for (const url of authorizationServerMetadataUrls(parts)) {
    try {
      const { body, maxAgeSeconds } = await fetchJson(url, fetch, limits)
      const fault = faultOf(body, issuer, isLoopbackHost(parts.host))
      if (fault === null) return { value: metadataFrom(body), maxAgeSeconds }
      attempts.push(`${url}: ${fault}`)
    } catch (error) {
      attempts.push((error as FetchError).message)
    }
  }
  throw new IssuerMetadataError(issuer, attempts)
}

function metadataFrom ({ issuer, jwks_uri: jwksUri, introspection_endpoint: introspection }: Document): IssuerMetadata {
  return {
    issuer: issuer as string,
    jwksUri: jwksUri as string,
    introspectionEndpoint: introspection === undefined ? null : introspection as string
  }
}

function faultOf (body: Document, issuer: string, loopbackAllowed: boolean): string | null {
  if (body.issuer !== issuer) return 'names another issuer'
  if (typeof body.jwks_uri !== 'string') return 'has no jwks_uri'
  return faultOfUrl('jwks_uri', body.jwks_uri, loopbackAllowed) ??
    (body.introspection_endpoint === undefined ? null : faultOfUrl('introspection_endpoint', body.introspection_endpoint, loopbackAllowed))
}

function faultOfUrl (name: string, url: unknown, loopbackAllowed: boolean): string | null {
  try {
    const { host } = parseIdentifier(String(url))
    return isLocalHost(host) && !loopbackAllowed ? `has a ${name} on a local address` : null
  } catch (error) {
    return `has a ${name} that ${(error as Error).message}`
  }
}
