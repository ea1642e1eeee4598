import type { Clock } from '../clock.ts'
import type { FetchError } from '../errors/fetch-error.ts'
import { fetchJson } from '../http/fetch-json.ts'
import type { Fetch, FetchLimits } from '../http/limited-fetch.ts'
import type { RefreshingValue, RefreshSettings } from '../http/refreshing-value.ts'
import { createRefreshingValue } from '../http/refreshing-value.ts'
import { parseIdentifier } from '../identifier.ts'
import { IssuerMetadataError } from './issuer-metadata.ts'
import { authorizationServerMetadataUrls } from './well-known.ts'

const authorizationServer = '/.well-known/oauth-authorization-server'

/** The two routes under which every copy of a server is found. */
export const mirrorRoutes: readonly [string, string] = [authorizationServer, `${authorizationServer}/*`]

/** The URL at which old clients expect authorization server metadata: they take the resource for its authorization server. */
export function mirrorPath (resourcePath: string): string {
  return authorizationServer + resourcePath.replace(/\/$/, '')
}

export interface MirrorSource {
  readonly issuer: string
  readonly fetch: Fetch
  readonly limits: FetchLimits
  readonly refresh: RefreshSettings
  readonly clock: Clock
}

/** An unchanged copy of the metadata document of an issuer, its `issuer` included. */
export function createMirror ({ issuer, fetch, limits, refresh, clock }: MirrorSource): RefreshingValue<string> {
  return createRefreshingValue(async () => {
    const attempts: string[] = []
    for (const url of authorizationServerMetadataUrls(parseIdentifier(issuer, true))) {
      try {
        const { body, maxAgeSeconds } = await fetchJson(url, fetch, limits)
        if (body.issuer === issuer) return { value: JSON.stringify(body), maxAgeSeconds }
        attempts.push(`${url}: names another issuer`)
      } catch (error) {
        attempts.push((error as FetchError).message)
      }
    }
    throw new IssuerMetadataError(issuer, attempts)
  }, refresh, clock)
}
