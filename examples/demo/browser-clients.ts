import type { IncomingMessage, ServerResponse } from 'node:http'

/** Clients that run in a browser, on pages of their own: the MCP inspector. */
export const browserClients: readonly string[] = ['http://localhost:6274', 'http://127.0.0.1:6274']

/**
 * Lets clients register from any page, which oidc-provider has no option for: anybody can, without anything that a
 * browser would send along.
 *
 * @returns whether that was all that was asked
 */
export function registrationFromPages ({ url, method, headers }: IncomingMessage, response: ServerResponse): boolean {
  if (headers.origin === undefined || url?.split('?')[0] !== '/reg') return false
  response.setHeader('access-control-allow-origin', '*')
  if (method !== 'OPTIONS') return false
  response.writeHead(204, { 'access-control-allow-methods': 'POST', 'access-control-allow-headers': 'content-type', 'access-control-max-age': '3600' }).end()
  return true
}
