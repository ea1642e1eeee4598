import { parseIdentifier } from '../identifier.ts'
import { authorizationServerMetadataUrls } from '../metadata/well-known.ts'
import type { RoutePolicy } from '../policy/route-policy.ts'
import type { DpopRequirement } from '../token/confirmation.ts'

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

/** What else than a bearer token a resource accepts. */
export interface BindingSettings {
  /** What is asked of every route; a route may ask for more. */
  readonly dpop: DpopRequirement
  readonly certificates: 'off' | 'allowed' | 'required'
}

/** The schemes of one resource, with their names in the document. */
export interface NamedSchemes {
  readonly token: NamedScheme
  /** `null`: DPoP is off, or required of each request, and `token` says so. */
  readonly dpop: NamedScheme | null
  /** `null`: tokens cannot be bound to certificates, or the document is older than OpenAPI 3.1. */
  readonly certificate: NamedScheme | null
}

export interface NamedScheme {
  readonly name: string
  readonly scheme: SecurityScheme
}

/** The name of the scheme in the IANA registry that OpenAPI refers to. */
export const dpopScheme: SecurityScheme = {
  type: 'http', scheme: 'dpop', description: 'The access token is bound to a key of the client. Each request has a new proof in the `DPoP` header (RFC 9449)'
}

export const certificateScheme: SecurityScheme = {
  type: 'mutualTLS', description: 'The access token is bound to the certificate of the client (RFC 8705)'
}

/**
 * The definition of the scheme. Type `oauth2` is not possible: it needs endpoints, and a resource server is configured with
 * issuers. Of the other types only `openIdConnect` names the authorization server and may list scopes. Without an
 * advertised issuer the type is `http` with `bearer`.
 */
export function securityScheme ({ type, definition }: OpenApiSettings, advertisedIssuers: readonly string[], dpop: DpopRequirement): SecurityScheme {
  if (definition !== null) return definition
  const scheme = dpop === 'required' ? 'dpop' : 'bearer'
  const [first] = advertisedIssuers
  if (first === undefined) return { type: 'http', scheme }
  const description = `An access token of ${advertisedIssuers.join(' or ')}`
  if (type === 'bearer') return { type: 'http', scheme, description }
  return { type: 'openIdConnect', openIdConnectUrl: authorizationServerMetadataUrls(parseIdentifier(first, true)).at(-1)!, description }
}

/** The security requirements of a route, as alternatives. Schemes of one alternative are needed together. */
export function securityOf ({ token, scopes, dpop }: RoutePolicy, schemes: NamedSchemes, { certificates }: BindingSettings): readonly SecurityRequirement[] {
  if (token === 'none') return []
  const { name, scheme: { type } } = schemes.token
  // Only some scheme types may list scopes (OpenAPI 3.0, section 4.7.30).
  const listsScopes = scopes !== null && (type === 'openIdConnect' || type === 'oauth2')
  const plain = listsScopes ? scopes.alternatives.map(alternative => ({ [name]: alternative })) : [{ [name]: [] }]
  const proven = schemes.dpop === null || dpop === 'off' ? [] : withProof(plain, type, schemes.dpop.name)
  const bearer = dpop === 'required' && proven.length > 0 ? [] : plain
  const presented = [...bearer, ...proven]
  return [...token === 'optional' ? [{}] : [], ...withCertificate(presented, schemes.certificate, certificates)]
}

/** A scheme of type `http` names the header of a bearer token, which DPoP replaces; others say where the token comes from. */
function withProof (plain: readonly SecurityRequirement[], type: unknown, dpop: string): readonly SecurityRequirement[] {
  return type === 'http' ? [{ [dpop]: [] }] : plain.map(requirement => ({ ...requirement, [dpop]: [] }))
}

function withCertificate (
  presented: readonly SecurityRequirement[], certificate: NamedScheme | null, requirement: BindingSettings['certificates']
): readonly SecurityRequirement[] {
  if (certificate === null) return presented
  const bound = presented.map(one => ({ ...one, [certificate.name]: [] }))
  return requirement === 'required' ? bound : [...presented, ...bound]
}
