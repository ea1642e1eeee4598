import type { AccessToken, Actor, PrincipalType } from './access-token.ts'
import type { Confirmation } from './confirmation.ts'
import type { CredentialScheme } from './credentials.ts'

/** The resource that accepted an access token: the slice of `app.oauthConfig` that tool handlers may need. */
export interface AcceptedAt {
  readonly resource: string
  readonly metadataUrl: string
}

/** The `authInfo` that the SDKs of the Model Context Protocol pass to tool handlers. */
export interface AuthInfo {
  /** Always empty: a tool that has the token could pass it on, which MCP forbids ("token passthrough"). */
  token: ''
  /** Empty when the token names no client. */
  clientId: string
  scopes: string[]
  /** In seconds since the epoch; missing when the token has no expiry. */
  expiresAt?: number
  resource: URL
  /** The SDK puts it into its own challenges, for a tool that needs more scope. */
  resourceMetadataUrl: string
  extra: {
    /** Only issuer and subject together identify a user. */
    issuer: string
    subject: string
    principalType: PrincipalType
    /** The actor that acts for the subject; `null` when there is none. */
    actor: Actor | null
    tokenId: string | null
    /** `token_type` of the token (RFC 6749 section 7.1): `DPoP` for one that came with a proof of its key (RFC 9449 section 5). */
    tokenType: CredentialScheme
    /**
     * The key or the certificate that the token is bound to, each proven by this request; `null` for a token that any party
     * that has it can use.
     */
    confirmation: Confirmation | null
    /** All claims of the token. */
    claims: Readonly<Record<string, unknown>>
  }
}

/**
 * Makes the `authInfo` of the MCP SDKs, 1.x and 2.x alike, from a verified access token. The token itself is not in it.
 *
 * @param acceptedAt `request.server.oauthConfig`
 */
export function toAuthInfo (accessToken: AccessToken, { resource, metadataUrl }: AcceptedAt): AuthInfo {
  const { issuer, subject, principalType, actor, tokenId, expiresAt, confirmation, claims } = accessToken
  const tokenType = confirmation !== null && confirmation.keyThumbprint !== null ? 'DPoP' : 'Bearer'
  return {
    token: '',
    clientId: accessToken.clientId ?? '',
    scopes: [...accessToken.scopes],
    ...expiresAt !== null && { expiresAt },
    resource: new URL(resource),
    resourceMetadataUrl: metadataUrl,
    extra: { issuer, subject, principalType, actor, tokenId, tokenType, confirmation, claims }
  }
}
