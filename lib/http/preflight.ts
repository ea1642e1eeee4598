import type { IncomingHttpHeaders } from 'node:http'

/** A CORS preflight carries no credentials (Fetch standard, section 3.2.2), so it cannot be asked for any. */
export function isPreflight (method: string, headers: IncomingHttpHeaders): boolean {
  return method === 'OPTIONS' && headers.origin !== undefined && headers['access-control-request-method'] !== undefined
}
