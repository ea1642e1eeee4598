import type { ServerMetadata } from './server-discovery.ts'

/**
 * What you know about an authorization server that its metadata, or that of the resource, does not say. Each member turns
 * a check off, or a parameter, for this server only. They are part of a client that is registered in advance: nothing that
 * a resource says can make them apply to another server.
 */
export interface ServerAssumptions {
  /**
   * The server supports PKCE with S256, though its metadata has no `code_challenge_methods_supported` (Microsoft Entra ID,
   * Amazon Cognito). If that is wrong, an authorization code that somebody intercepts can be redeemed by them (RFC 7636).
   * A server whose metadata lists other methods only is refused all the same.
   */
  readonly supportsPkce?: boolean
  /**
   * The server refuses the `resource` parameter (Microsoft Entra ID v2: AADSTS9010010), so that it is not sent. The scopes
   * alone then decide for which resource the tokens are: check that they are for the resource that you call.
   */
  readonly refusesResource?: boolean
  /**
   * The identifier of a resource that this server issues tokens for. It is used when that resource has no metadata document
   * (RFC 9728) for `url`; a document that is there counts. The identifier has to cover `url`.
   */
  readonly protectsResource?: string
  /**
   * A resource that names the issuer with or without the slash of an empty path (`https://as.example`,
   * `https://as.example/`) means this server. `issuer` has to be what the server itself writes.
   */
  readonly ignoresTrailingSlash?: boolean
}

/** A client, as far as it says what is known about its server. */
export interface AssumingClient {
  readonly issuer: string
  readonly assumptions?: ServerAssumptions
}

/** The assumptions about one authorization server. */
export function assumptionsAbout (issuer: string, clients: readonly AssumingClient[] = []): ServerAssumptions {
  return clients.find(client => client.issuer === issuer)?.assumptions ?? {}
}

/** The metadata with what is assumed about it. */
export function withAssumptions (server: ServerMetadata, { supportsPkce = false }: ServerAssumptions): ServerMetadata {
  if (!supportsPkce || server.code_challenge_methods_supported !== undefined) return server
  return { ...server, code_challenge_methods_supported: ['S256'] }
}

/** The issuer of the client that is registered with the server that a resource names, or `null`. */
export function registeredIssuer (named: string, clients: readonly AssumingClient[] = []): string | null {
  const exact = clients.find(({ issuer }) => issuer === named)
  const client = exact ?? clients.find(({ issuer, assumptions }) => assumptions?.ignoresTrailingSlash === true && differBySlash(issuer, named))
  return client?.issuer ?? null
}

/** Only the slash of an empty path: any other one makes another issuer. */
function differBySlash (one: string, other: string): boolean {
  const [shorter, longer] = one.length < other.length ? [one, other] : [other, one]
  return longer === `${shorter}/` && URL.canParse(longer) && new URL(longer).href === longer && new URL(longer).pathname === '/'
}
