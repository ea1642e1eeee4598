import type * as OAuth4WebApi from 'oauth4webapi'
import type { TokenSet } from '../stores/token-store.ts'
import type { ClientAuthentication } from './client-authentication.ts'
import type { ProofOfPossession } from './proof.ts'
import { clientAuthOf } from './client-authentication.ts'
export function createRefresh ({ server, clientId, authentication, resource, fetch }: { server: OAuth4WebApi.AuthorizationServer, clientId: string, authentication: ClientAuthentication, resource: string, prover?: ProofOfPossession, fetch: typeof globalThis.fetch }): (tokens: TokenSet, signal: AbortSignal) => Promise<TokenSet> {
  return async tokens => {
    const oauth = await import('oauth4webapi')
    const client = { client_id: clientId }
    const response = await oauth.refreshTokenGrantRequest(server, client, clientAuthOf(oauth, authentication), tokens.refreshToken!, { [oauth.customFetch]: fetch as never, [oauth.allowInsecureRequests]: true, additionalParameters: { resource } })
    const answer = await oauth.processRefreshTokenResponse(server, client, response)
    return { ...tokens, accessToken: answer.access_token, refreshToken: answer.refresh_token ?? tokens.refreshToken }
  }
}
