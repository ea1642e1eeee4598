import { isLoopbackHost } from '../metadata/identifier.ts'
import { AuthorizationError } from './authorization-error.ts'
import { showUrl } from './guarded-fetch.ts'

/**
 * Where an authorization server may send a browser back to: https, or this machine (Model Context Protocol, communication
 * security; RFC 8252 section 7.3).
 *
 * @throws AuthorizationError `redirect_uri_refused`
 */
export function checkRedirectUri (redirectUri: string): URL {
  const url = URL.canParse(redirectUri) ? new URL(redirectUri) : null
  const isFine = url !== null && url.hash === '' && url.username === '' && url.password === '' &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname)))
  if (!isFine) throw new AuthorizationError('redirect_uri_refused', { message: showUrl(redirectUri) })
  return url
}

/** Whether a redirect URI is that of a program on the user's machine (RFC 8252 section 7.3). */
export function isNative (redirectUri: string): boolean {
  return isLoopbackHost(new URL(redirectUri).hostname)
}
