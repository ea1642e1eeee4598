import * as oauth from 'oauth4webapi'
import { redirectUrl } from './mcp-client-storage.ts'
import { createUserAgent } from './user-agent.ts'

/** Loopback is the one thing that is allowed beyond the strict defaults. */
export const insecure = { [oauth.allowInsecureRequests]: true }

export interface ObtainedToken {
  readonly accessToken: string
  readonly refreshToken: string
  readonly as: oauth.AuthorizationServer
  readonly client: oauth.Client
}

/** From the identifier of a resource to a token for it, with `oauth4webapi`: every answer on the way is checked. */
export async function obtainToken (identifier: string, scope?: string): Promise<ObtainedToken> {
  const resource = new URL(identifier)
  const metadata = await oauth.processResourceDiscoveryResponse(
    resource, await oauth.resourceDiscoveryRequest(resource, insecure))
  const issuer = new URL(metadata.authorization_servers![0]!)
  const as = await oauth.processDiscoveryResponse(
    issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))
  const client = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(as, {
      client_name: 'Strict client',
      redirect_uris: [redirectUrl],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token']
    }, insecure))

  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(as.authorization_endpoint!)
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUrl,
    response_type: 'code',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    resource: metadata.resource,
    ...(scope === undefined ? {} : { scope })
  }).toString()
  const callback = await createUserAgent().authorize(url)

  const parameters = oauth.validateAuthResponse(as, client, callback, state)
  const response = await oauth.authorizationCodeGrantRequest(
    as, client, oauth.None(), parameters, redirectUrl, verifier,
    { ...insecure, additionalParameters: { resource: metadata.resource } })
  const { access_token: accessToken, refresh_token: refreshToken } =
    await oauth.processAuthorizationCodeResponse(as, client, response)
  return { accessToken, refreshToken: refreshToken!, as, client }
}
