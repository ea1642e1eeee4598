export const redirectUrl = 'http://localhost:33418/callback'

/** What a client registers: the type is that of both SDKs. */
interface ClientMetadata {
  client_name: string
  redirect_uris: string[]
  grant_types: string[]
  response_types: string[]
  token_endpoint_auth_method: string
}

/**
 * The `authProvider` of an MCP client that keeps everything in memory. Both SDKs take it; they differ in the types of
 * what they store.
 */
export interface McpClientStorage<Client, Tokens, Discovery> {
  readonly redirectUrl: string
  readonly clientMetadata: ClientMetadata
  readonly clientMetadataUrl?: string
  /** Where the SDK sent the user last. */
  readonly authorizationUrl: URL | undefined
  clientInformation (): Client | undefined
  saveClientInformation (client: Client): void
  tokens (): Tokens | undefined
  saveTokens (tokens: Tokens): void
  redirectToAuthorization (url: URL): void
  saveCodeVerifier (verifier: string): void
  codeVerifier (): string
  saveDiscoveryState (state: Discovery): void
  discoveryState (): Discovery | undefined
}

export function createMcpClientStorage<Client, Tokens, Discovery> (
  options: { clientMetadataUrl?: string, redirectUrl?: string, clientName?: string } = {}
): McpClientStorage<Client, Tokens, Discovery> {
  const { redirectUrl: ownRedirectUrl = redirectUrl, clientName = 'Test client', clientMetadataUrl } = options
  let client: Client | undefined
  let tokens: Tokens | undefined
  let discovery: Discovery | undefined
  let authorizationUrl: URL | undefined
  let codeVerifier = ''
  return {
    redirectUrl: ownRedirectUrl,
    clientMetadata: {
      client_name: clientName,
      redirect_uris: [ownRedirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none'
    },
    ...clientMetadataUrl !== undefined && { clientMetadataUrl },
    get authorizationUrl () { return authorizationUrl },
    clientInformation: () => client,
    saveClientInformation (information) { client = information },
    tokens: () => tokens,
    saveTokens (saved) { tokens = saved },
    redirectToAuthorization (url) { authorizationUrl = url },
    saveCodeVerifier (verifier) { codeVerifier = verifier },
    codeVerifier: () => codeVerifier,
    saveDiscoveryState (state) { discovery = state },
    discoveryState: () => discovery
  }
}
