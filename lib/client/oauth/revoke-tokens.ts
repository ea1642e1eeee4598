import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { ServerAccess } from './oauth-call.ts'
import { callEndpoint } from './oauth-call.ts'

/**
 * Revokes tokens at the authorization server (RFC 7009): the refresh token first, with which most servers revoke the access
 * tokens as well, then the access token. A token that the server does not know counts as revoked. A server without
 * revocation, or without revocation of that type, is no failure.
 *
 * @returns whether the server has revoked all of them
 * @throws AuthorizationError `FST_OAUTH_SERVER_UNAVAILABLE`, after which it may be tried again; `FST_OAUTH_REVOCATION_FAILED`
 */
export async function revokeTokens (access: ServerAccess, { refreshToken, accessToken }: Pick<TokenSet, 'refreshToken' | 'accessToken'>): Promise<boolean> {
  if (access.server.revocation_endpoint === undefined) return false
  const isRevoked = refreshToken === null || await revoke(access, refreshToken, 'refresh_token')
  return await revoke(access, accessToken, 'access_token') && isRevoked
}

async function revoke (access: ServerAccess, token: string, hint: string): Promise<boolean> {
  try {
    await callEndpoint({ ...access, prover: null }, 'revocation_endpoint', async ({ oauth, server, client, authentication, options }) => {
      const response = await oauth.revocationRequest(server, client, authentication, token, { ...options, additionalParameters: { token_type_hint: hint } })
      await oauth.processRevocationResponse(response)
    })
    return true
  } catch (error) {
    const { code, oauthError, description, responseStatus } = error as AuthorizationError
    // RFC 7009 section 2.2.1: tokens of that type, for example JWTs, stay valid until they expire.
    if (oauthError === 'unsupported_token_type') return false
    if (code === 'FST_OAUTH_SERVER_UNAVAILABLE') throw error
    throw new AuthorizationError('FST_OAUTH_REVOCATION_FAILED', { oauthError, description, responseStatus })
  }
}
