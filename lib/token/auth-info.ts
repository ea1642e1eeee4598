import type { AccessToken, Actor, PrincipalType } from './access-token.ts'

/** Where an access token was accepted: the slice of `app.oauthConfig` that tool handlers may need. */
export interface AcceptedAt {
  readonly resource: string
  readonly metadataUrl: string
}

/** What the SDKs of the Model Context Protocol hand to tool handlers as `authInfo`. */
export interface AuthInfo {
  /** Always empty: a tool that has the token can pass it on, and a server must not (MCP, "token passthrough"). */
  token: ''
  /** Empty when the token names no client. */
  clientId: string
  scopes: string[]
  /** In seconds since the epoch; missing when the token says nothing of it. */
  expiresAt?: number
  resource: URL
  /** What a challenge that the SDK itself makes, for a tool that needs more scope, points at. */
  resourceMetadataUrl: string
  extra: {
    /** Whoever is meant is the pair of issuer and subject. */
    issuer: string
    subject: string
    principalType: PrincipalType
    /** Who acts for the subject; `null` when nobody does. */
    actor: Actor | null
    tokenId: string | null
    /** Everything the token says. */
    claims: Readonly<Record<string, unknown>>
  }
}

/**
 * Makes the `authInfo` of the MCP SDKs, 1.x and 2.x alike, from a verified access token. The token itself is not in it.
 *
 * @param acceptedAt `request.server.oauthConfig`
 */
export function toAuthInfo (accessToken: AccessToken, { resource, metadataUrl }: AcceptedAt): AuthInfo {
  const { issuer, subject, principalType, actor, tokenId, expiresAt, claims } = accessToken
  return {
    token: '',
    clientId: accessToken.clientId ?? '',
    scopes: [...accessToken.scopes],
    ...expiresAt !== null && { expiresAt },
    resource: new URL(resource),
    resourceMetadataUrl: metadataUrl,
    extra: { issuer, subject, principalType, actor, tokenId, claims }
  }
}
