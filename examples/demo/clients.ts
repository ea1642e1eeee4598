/**
 * A web application of our own, which customers are not asked about. Its redirect URI is fixed, and only we can receive what is
 * sent there: that assures its identity.
 */
export const firstPartyClient = {
  client_id: 'projects-web',
  client_name: 'Projects on the web',
  application_type: 'web',
  redirect_uris: ['https://app.projects.example/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none'
} as const

/**
 * A desktop application of our own, which customers are asked about like any other client: on a loopback address it may listen
 * at any port (RFC 8252 section 7.3), and so may any program on the same machine (section 8.6).
 */
export const desktopClient = {
  ...firstPartyClient,
  client_id: 'projects-desktop',
  client_name: 'Projects for the desktop',
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/callback']
} as const

/** The protected server, which introspects tokens. It gets none. */
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

/**
 * The redirect URIs that a client may register: https, http on a loopback address (Model Context Protocol, "Communication
 * Security"), and private-use schemes of native applications, which contain a dot (RFC 8252 section 7.1).
 */
export function isAllowedRedirectUri (uri: unknown): boolean {
  if (typeof uri !== 'string' || !URL.canParse(uri)) return false
  const { protocol, hostname } = new URL(uri)
  if (protocol === 'http:') return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d+){3}$/.test(hostname)
  return protocol === 'https:' || protocol.includes('.')
}
