import { parseIdentifier } from '../identifier.ts'
import { authorizationServerMetadataUrls } from '../metadata/well-known.ts'
import type { RoutePolicy } from '../policy/route-policy.ts'

/** How access tokens are described in an OpenAPI document. */
export interface OpenApiSettings {
  /** What the security scheme is called. */
  readonly scheme: string
  readonly type: 'openIdConnect' | 'bearer'
  /** The host's own definition of the scheme, in place of ours. */
  readonly definition: Readonly<Record<string, unknown>> | null
  /** Whether the answers to refusals are described. */
  readonly responses: boolean
}

/** A Security Scheme Object (OpenAPI 3, section 4.8.27). */
export type SecurityScheme = Readonly<Record<string, unknown>>

/** A Security Requirement Object: the scopes that are needed, under the name of the scheme. */
export type SecurityRequirement = Readonly<Record<string, readonly string[]>>

/**
 * The definition of the scheme. A resource server knows issuers and no endpoints, so it cannot be `oauth2`; of the other
 * types only `openIdConnect` leads on to the authorization server and may name scopes. Without an issuer to name it is
 * `http` with `bearer`.
 */
export function securityScheme ({ type, definition }: OpenApiSettings, advertisedIssuers: readonly string[]): SecurityScheme {
  if (definition !== null) return definition
  const [first] = advertisedIssuers
  if (first === undefined) return { type: 'http', scheme: 'bearer' }
  const description = `An access token of ${advertisedIssuers.join(' or ')}`
  if (type === 'bearer') return { type: 'http', scheme: 'bearer', description }
  return { type: 'openIdConnect', openIdConnectUrl: authorizationServerMetadataUrls(parseIdentifier(first, true)).at(-1)!, description }
}

/** What a route asks for: any one of these. */
export function securityOf ({ token, scopes }: RoutePolicy, name: string, { type }: SecurityScheme): readonly SecurityRequirement[] {
  if (token === 'none') return []
  if (token === 'optional') return [{}, { [name]: [] }]
  // Scopes stand there only for the types that know of them (OpenAPI 3.0, section 4.7.30).
  if (scopes === null || (type !== 'openIdConnect' && type !== 'oauth2')) return [{ [name]: [] }]
  return scopes.alternatives.map(alternative => ({ [name]: alternative }))
}
