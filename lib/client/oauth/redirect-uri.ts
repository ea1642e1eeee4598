import { isLoopbackHost } from '../../identifier.ts'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { showUrl } from '../../http/guarded-fetch.ts'

/** Whether a redirect URI is https, or http on this machine, without user name, password and fragment. */
export function isRedirectUri (redirectUri: string): boolean {
  if (!URL.canParse(redirectUri)) return false
  const { protocol, hostname, hash, username, password } = new URL(redirectUri)
  if (hash !== '' || username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackHost(hostname))
}

/**
 * Checks a redirect URI: https, or http on this machine (Model Context Protocol, communication security; RFC 8252 section
 * 7.3).
 *
 * @throws AuthorizationError `FST_OAUTH_REDIRECT_URI_REFUSED`
 */
export function checkRedirectUri (redirectUri: string): void {
  if (!isRedirectUri(redirectUri)) throw new AuthorizationError('FST_OAUTH_REDIRECT_URI_REFUSED', { message: showUrl(redirectUri) })
}

/** Whether a redirect URI is that of a native application on the user's machine (RFC 8252 section 7.3). */
export function isNative (redirectUri: string): boolean {
  return isLoopbackHost(new URL(redirectUri).hostname)
}
