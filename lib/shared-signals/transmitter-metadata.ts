import { fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import { withDeadline } from '../http/limited-fetch.ts'
import type { Loaded } from '../http/refreshing-value.ts'
import { isLoopbackHost, parseIdentifier } from '../identifier.ts'
import type { IssuerMetadata } from '../metadata/issuer-metadata.ts'
import { endpointFault, IssuerMetadataError } from '../metadata/issuer-metadata.ts'

/** The metadata of a transmitter that a receiver uses (SSF 1.0 section 7.1). */
export interface TransmitterMetadata extends IssuerMetadata {
  /** Members of a complex subject that must be understood. */
  readonly criticalMembers: readonly string[]
}

/**
 * Finds the metadata of a configured transmitter at its well-known URL (SSF 1.0 section 7.2), or at that of RISC. It is used
 * only if its `issuer` is the configured one.
 *
 * @throws IssuerMetadataError
 */
export async function findTransmitterMetadata (issuer: string, fetch: Fetch, limits: FetchLimits): Promise<Loaded<TransmitterMetadata>> {
  const parts = parseIdentifier(issuer, true)
  const allowed = { http: parts.scheme === 'http', loopback: isLoopbackHost(parts.host) }
  const path = parts.path.replace(/\/$/, '')
  const within = withDeadline(limits)
  const attempts: string[] = []
  const names = ['ssf-configuration', 'risc-configuration']
  for (const [index, name] of names.entries()) {
    const url = `${parts.origin}/.well-known/${name}${path}`
    try {
      // A part of the time for each: one that does not respond must not use up the time of the other.
      const timeoutMs = (within.deadline - performance.now()) / (names.length - index)
      const { body, maxAgeSeconds } = await fetchJson(url, fetch, { ...within, timeoutMs })
      const fault = body.issuer === issuer ? endpointFault('jwks_uri', body.jwks_uri, allowed) : 'names another issuer'
      if (fault === null) {
        const critical: readonly unknown[] = Array.isArray(body.critical_subject_members) ? body.critical_subject_members : []
        return {
          value: {
            issuer, jwksUri: body.jwks_uri as string, introspectionEndpoint: null, criticalMembers: critical.filter(member => typeof member === 'string')
          },
          maxAgeSeconds
        }
      }
      attempts.push(`${url}: ${fault}`)
    } catch (error) {
      attempts.push((error as Error).message)
    }
  }
  throw new IssuerMetadataError(issuer, attempts)
}
