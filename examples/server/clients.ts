/**
 * A client of the house itself, which customers are not asked about. It cannot be registered: whoever registers says of
 * itself what it likes. On a loopback address it may listen at any port (RFC 8252 section 7.3).
 */
export const firstPartyClient = {
  client_id: 'projects-desktop',
  client_name: 'Projects for the desktop',
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none'
} as const

/** The protected server, when it asks about tokens. It gets none. */
export function introspectionClient (secret: string): Readonly<Record<string, unknown>> {
  return {
    client_id: introspectionClientId,
    client_secret: secret,
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [],
    response_types: [],
    grant_types: []
  }
}

export const introspectionClientId = 'resource-server'

export function isFirstParty (clientId: unknown): boolean {
  return clientId === firstPartyClient.client_id
}
