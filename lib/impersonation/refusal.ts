/** Where an authorization request that is refused leads back to (RFC 6749 section 4.1.2.1). */
export interface RefusalRedirect {
  /** One that the client registered: whoever gives it says that this was checked. It is used as the string it is. */
  readonly redirectUri: string
  /** Of the authorization request, as it came. Default: it had none. */
  readonly state?: string | null
  /** The issuer identifier of the authorization server (RFC 9207 section 2). */
  readonly issuer: string
  /** Default: `query`. */
  readonly responseMode?: 'query' | 'fragment'
}

/**
 * The address that a refused authorization request is answered with.
 *
 * @throws TypeError for a redirect URI with a fragment (RFC 6749 section 3.1.2), or with what no header can hold
 */
export function refusalLocation ({ redirectUri, state, issuer, responseMode = 'query' }: RefusalRedirect, error: string, description: string): string {
  if (!/^[\x21-\x7e]+$/.test(redirectUri) || redirectUri.includes('#')) {
    throw new TypeError('a redirect URI has no fragment, and no characters that a URI does not have')
  }
  const parameters = new URLSearchParams({ error, error_description: description, ...typeof state === 'string' && { state }, iss: issuer })
  return `${redirectUri}${separatorOf(redirectUri, responseMode)}${String(parameters)}`
}

/** What the redirect URI has of a query stays (RFC 6749 section 3.1.2). */
function separatorOf (redirectUri: string, responseMode: 'query' | 'fragment'): string {
  if (responseMode === 'fragment') return '#'
  if (!redirectUri.includes('?')) return '?'
  return /[?&]$/.test(redirectUri) ? '' : '&'
}
