import { parseIdentifier } from '../identifier.ts'
import { authorizationServerMetadataUrls } from '../metadata/well-known.ts'
import type { RoutePolicy } from '../policy/route-policy.ts'

/** How access tokens are described in an OpenAPI document. */
export interface OpenApiSettings {
  /** The name of the security scheme. */
  readonly scheme: string
  readonly type: 'openIdConnect' | 'bearer'
  /** A security scheme of the host, which replaces the default one. */
  readonly definition: Readonly<Record<string, unknown>> | null
  /** Whether error responses (401, 403, 503) are described. */
  readonly responses: boolean
}

/** A Security Scheme Object (OpenAPI 3, section 4.8.27). */
export type SecurityScheme = Readonly<Record<string, unknown>>

/** A Security Requirement Object: the scopes that are needed, under the name of the scheme. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>

/**
 * The definition of the scheme. Type `oauth2` is not possible: it needs endpoints, and a resource server is configured with
 * issuers. Of the other types only `openIdConnect` names the authorization server and may list scopes. Without an
 * advertised issuer the type is `http` with `bearer`.
 */
export function securityScheme ({ type, definition }: OpenApiSettings, advertisedIssuers: readonly string[]): SecurityScheme {
  if (definition !== null) return definition
  const [first] = advertisedIssuers
  if (first === undefined) return { type: 'http', scheme: 'bearer' }
  const description = `An access token of ${advertisedIssuers.join(' or ')}`
  if (type === 'bearer') return { type: 'http', scheme: 'bearer', description }
  return { type: 'openIdConnect', openIdConnectUrl: authorizationServerMetadataUrls(parseIdentifier(first, true)).at(-1)!, description }
}

/** The security requirements of a route, as alternatives. */
export function securityOf ({ token, scopes }: RoutePolicy, name: string, { type }: SecurityScheme): readonly SecurityRequirement[] {
  if (token === 'none') return []
  if (token === 'optional') return [{}, { [name]: [] }]
  // Only some scheme types may list scopes (OpenAPI 3.0, section 4.7.30).
  if (scopes === null || (type !== 'openIdConnect' && type !== 'oauth2')) return [{ [name]: [] }]
  return scopes.alternatives.map(alternative => ({ [name]: alternative }))
}
