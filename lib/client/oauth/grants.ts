import type { TokenSet } from '../../stores/tokens/token-store.ts'
import type { ServerAccess } from './oauth-call.ts'
import { callEndpoint, tokensFrom } from './oauth-call.ts'

/** What a token is asked for. */
export interface TokenRequest {
  /** The identifier of the resource, as it writes it (RFC 8707): it is always sent. */
  readonly resource: string
  /** `null` leaves it to the authorization server. */
  readonly scopes: readonly string[] | null
}

/**
 * Tokens for the client itself (RFC 6749 section 4.4). A refresh token that comes along is dropped: the client can ask
 * again at any time.
 *
 * @throws AuthorizationError
 */
export async function requestClientCredentials (access: ServerAccess, { resource, scopes }: TokenRequest): Promise<TokenSet> {
  return await callEndpoint(access, 'token_endpoint', async ({ oauth, server, client, authentication, options }) => {
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, resourceAndScope(resource, scopes), options)
    const answer = await oauth.processClientCredentialsResponse(server, client, response)
    return { ...tokensFrom(answer, scopes, access), refreshToken: null }
  })
}

export function resourceAndScope (resource: string, scopes: readonly string[] | null): Record<string, string> {
  return { resource, ...scopes !== null && { scope: scopes.join(' ') } }
}
