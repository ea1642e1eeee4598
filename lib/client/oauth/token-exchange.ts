import type { TokenSet } from '../../stores/tokens/token-store.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { TokenRequest } from './grants.ts'
import { resourceAndScope } from './grants.ts'
import type { OAuthCall, ServerAccess } from './oauth-call.ts'
import { callEndpoint, tokensFrom } from './oauth-call.ts'

const tokenTypes = 'urn:ietf:params:oauth:token-type:'

/** What kind of token it is (RFC 8693 section 3): one of the registered words, or a URI. */
export type ExchangedTokenType = 'access_token' | 'refresh_token' | 'id_token' | 'saml2' | 'jwt' | 'id-jag' | `${string}:${string}`

/** A token that stands for somebody. */
export interface PresentedToken {
  readonly token: string
  readonly type: ExchangedTokenType
}

export interface TokenExchange extends TokenRequest {
  /** For whom it is. */
  readonly subject: PresentedToken
  /** Who acts for them: with an actor it is delegation, without it the client becomes the subject. */
  readonly actor?: PresentedToken
  /** The logical name of whom it is for, beside the resource. */
  readonly audience?: string
}

/**
 * Another token for the same subject, for another resource or on behalf of it (RFC 8693): how a service calls the next one.
 *
 * @throws AuthorizationError
 */
export async function exchangeToken (access: ServerAccess, exchange: TokenExchange): Promise<TokenSet> {
  return await callEndpoint(access, 'token_endpoint', async call => {
    const answer = await requestExchange(call, exchange, 'access_token', false)
    return tokensFrom(answer, exchange.scopes, access)
  })
}

export interface AssertionExchange extends TokenExchange {
  /** The issuer of the authorization server at which the assertion is to be used. */
  readonly audience: string
}

/**
 * An identity assertion for another authorization server (ID-JAG, Identity Assertion Authorization Grant): asked of the
 * identity provider that signed the user in, and presented by {@link requestWithAssertion}.
 *
 * @returns the assertion; it is a secret, and good for one use
 * @throws AuthorizationError
 */
export async function requestIdentityAssertion (access: ServerAccess, exchange: AssertionExchange): Promise<string> {
  return await callEndpoint(access, 'token_endpoint', async call => {
    const answer = await requestExchange(call, exchange, 'id-jag', true)
    if (answer.issued_token_type !== `${tokenTypes}id-jag`) {
      throw new AuthorizationError('FST_OAUTH_TOKEN_TYPE_REFUSED', { message: 'no identity assertion was issued' })
    }
    return answer.access_token
  })
}

async function requestExchange (
  { oauth, server, client, authentication, options }: OAuthCall, exchange: TokenExchange, wanted: ExchangedTokenType, isAssertion: boolean
): Promise<Awaited<ReturnType<OAuthCall['oauth']['processGenericTokenEndpointResponse']>>> {
  const { subject, actor, audience, resource, scopes } = exchange
  const parameters = {
    ...resourceAndScope(resource, scopes),
    subject_token: subject.token,
    subject_token_type: uriOf(subject.type),
    ...actor !== undefined && { actor_token: actor.token, actor_token_type: uriOf(actor.type) },
    requested_token_type: uriOf(wanted),
    ...audience !== undefined && { audience }
  }
  const response = await oauth.genericTokenEndpointRequest(server, client, authentication, 'urn:ietf:params:oauth:grant-type:token-exchange', parameters, options)
  // `N_A` is said of what is no access token (RFC 8693 section 2.2.1).
  return await oauth.processGenericTokenEndpointResponse(server, client, response, isAssertion ? { recognizedTokenTypes: { n_a () {} } } : undefined)
}

function uriOf (type: ExchangedTokenType): string {
  return type.includes(':') ? type : tokenTypes + type
}

/**
 * Tokens for a JWT that says who it is for (RFC 7523 section 2.1): an identity assertion, or what a platform gives a
 * workload. It is asked once: what is refused stays refused.
 *
 * @throws AuthorizationError
 */
export async function requestWithAssertion (access: ServerAccess, { assertion, resource, scopes }: TokenRequest & { readonly assertion: string }): Promise<TokenSet> {
  return await callEndpoint(access, 'token_endpoint', async ({ oauth, server, client, authentication, options }) => {
    const response = await oauth.genericTokenEndpointRequest(server, client, authentication, 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      { ...resourceAndScope(resource, scopes), assertion }, options)
    return tokensFrom(await oauth.processGenericTokenEndpointResponse(server, client, response), scopes, access)
  })
}
