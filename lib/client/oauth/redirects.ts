import { once } from 'node:events'
import type { RequestListener, Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import { isLoopbackHost } from '../../identifier.ts'
import { showUrl } from '../../http/guarded-fetch.ts'

/** Sends a browser to the authorization server and receives its return, in a program that runs on the user's machine. */
export interface BrowserRedirect {
  /**
   * Prepares a redirect URI.
   *
   * @param preferred the redirect URI of an earlier registration, which is used if possible: otherwise the client must be
   * registered again. `null` for none
   */
  prepare (preferred: string | null): Promise<PreparedRedirect>
}

/** A redirect URI that is ready for the return of the browser. */
export interface PreparedRedirect {
  readonly redirectUri: string
  /**
   * Sends the user to the authorization server.
   *
   * @param state the `state` of the response to wait for
   * @returns the URL that the browser returned to
   */
  visit (url: URL, state: string): Promise<URL>
  /** Called when the authorization has ended, also after an error. */
  close (): Promise<void>
}

/** Options of {@link createLoopbackRedirect}. */
export interface LoopbackRedirectOptions {
  /** Shows the URL to the user: opens a browser, without a shell, or prints it. */
  open: (url: URL) => unknown
  /** Port of the redirect URI; 0 for a free one, which authorization servers must accept (RFC 8252 section 7.3). Default: 0. */
  port?: number
  /** Path of the redirect URI. Default: `/callback`. */
  path?: string
  /** How long the user may take, in milliseconds. Default: 300 000. */
  timeoutMs?: number
  /** The HTML page that the user sees on return. Default: one that says that the window can be closed. */
  page?: string
}

const closingPage = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Done</title><p>You may close this window.'

/**
 * The browser redirect of a native application: the browser returns to an HTTP server on the loopback interface (RFC 8252
 * section 7.3), which runs only while the user is away. A request with another `state` gets 404 and does not end the wait.
 *
 * `visit` throws an {@link AuthorizationError} `FST_OAUTH_INTERACTION_ABORTED` after `timeoutMs`, and what `open` throws.
 */
export function createLoopbackRedirect (options: LoopbackRedirectOptions): BrowserRedirect {
  const { open, port = 0, path = '/callback', timeoutMs = 300_000, page = closingPage } = options
  return {
    async prepare (preferred) {
      const server = await listen(port === 0 ? portOf(preferred) : port, port)
      const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
      const waiting: Waiting = new Map()
      server.on('request', createReceiver(redirectUri, page, waiting))
      return {
        redirectUri,
        async visit (url, state) {
          const timer = new AbortController()
          const timeout = setTimeout(() => timer.abort(), timeoutMs)
          try {
            // Two things may happen at the same time: `open` fails, and the browser returns.
            const answer = waitForResponse(waiting, state, timer.signal)
            return await Promise.race([answer, opened(open, url)])
          } finally {
            clearTimeout(timeout)
            timer.abort()
          }
        },
        async close () {
          server.closeAllConnections()
          await new Promise(resolve => { server.close(resolve) })
        }
      }
    }
  }
}

/** Another program may use the preferred port by now. */
async function listen (preferred: number, otherwise: number): Promise<Server> {
  const server = createServer()
  try {
    await once(server.listen(preferred, '127.0.0.1'), 'listening')
  } catch (error) {
    if (preferred === otherwise) throw error
    await once(server.listen(otherwise, '127.0.0.1'), 'listening')
  }
  return server
}

function portOf (redirectUri: string | null): number {
  return redirectUri === null ? 0 : Number(new URL(redirectUri).port)
}

/** Rejects when the page could not be opened; it never resolves. */
async function opened (open: LoopbackRedirectOptions['open'], url: URL): Promise<never> {
  await open(url)
  return await new Promise<never>(() => {})
}

/** What each response is passed to, by its `state`. */
type Waiting = Map<string, (url: URL) => void>

async function waitForResponse (waiting: Waiting, state: string, signal: AbortSignal): Promise<URL> {
  return await new Promise((resolve, reject) => {
    waiting.set(state, resolve)
    signal.addEventListener('abort', () => {
      waiting.delete(state)
      reject(new AuthorizationError('FST_OAUTH_INTERACTION_ABORTED'))
    }, { once: true })
  })
}

function createReceiver (redirectUri: string, page: string, waiting: Waiting): RequestListener {
  const expected = new URL(redirectUri)
  return (request, response) => {
    // Any page in the browser can send requests to this server, also ones whose target is no URL. It does not know the
    // state, and with DNS rebinding it has another Host.
    const url = URL.canParse(request.url!, redirectUri) ? new URL(request.url!, redirectUri) : null
    const isExpected = request.method === 'GET' && request.headers.host === expected.host && url?.origin === expected.origin && url.pathname === expected.pathname
    const receive = isExpected ? waiting.get(url.searchParams.get('state') ?? '') : undefined
    response.writeHead(receive === undefined ? 404 : 200, {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'referrer-policy': 'no-referrer',
      connection: 'close'
    })
    response.end(receive === undefined ? 'No sign-in is pending here.' : page, () => receive?.(url!))
  }
}

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
