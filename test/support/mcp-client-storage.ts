export const redirectUrl = 'http://localhost:33418/callback'

/** What a client registers: the type is that of both SDKs. */
const clientMetadata = {
  client_name: 'Test client',
  redirect_uris: [redirectUrl],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none'
}

/**
 * The `authProvider` of an MCP client that keeps everything in memory. Both SDKs take it; they differ in the types of
 * what they store.
 */
export interface McpClientStorage<Client, Tokens, Discovery> {
  readonly redirectUrl: string
  readonly clientMetadata: typeof clientMetadata
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
  options: { clientMetadataUrl?: string } = {}
): McpClientStorage<Client, Tokens, Discovery> {
  let client: Client | undefined
  let tokens: Tokens | undefined
  let discovery: Discovery | undefined
  let authorizationUrl: URL | undefined
  let codeVerifier = ''
  return {
    redirectUrl,
    clientMetadata,
    ...options,
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
