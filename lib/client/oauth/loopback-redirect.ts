import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { BrowserRedirect } from './browser-redirect.ts'

export interface LoopbackRedirectOptions {
  /** Shows the URL to the user: opens a browser, without a shell, or prints it. */
  open: (url: URL) => unknown
  /** Port of the redirect URI, 0 for a free one, which authorization servers have to take (RFC 8252 section 7.3). Default: 0. */
  port?: number
  /** Path of the redirect URI. Default: `/callback`. */
  path?: string
  /** How long the user may take, in milliseconds. Default: 300 000. */
  timeoutMs?: number
  /** What the user reads when they are back, as HTML. Default: that the window can be closed. */
  page?: string
}

const closingPage = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Done</title><p>You may close this window.'

/**
 * The browser of a program on the user's machine: it comes back to a server on the loopback interface (RFC 8252 section
 * 7.3), which is there until the user is back and no longer. An answer to another question is not the one that is waited
 * for, and ends nothing.
 */
export function createLoopbackRedirect (options: LoopbackRedirectOptions): BrowserRedirect {
  const { open, port = 0, path = '/callback', timeoutMs = 300_000, page = closingPage } = options
  return {
    async prepare (preferred) {
      const server = await listen(port === 0 ? portOf(preferred) : port, port)
      const redirectUri = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
      return {
        redirectUri,
        async visit (url, state) {
          const timer = new AbortController()
          const timeout = setTimeout(() => timer.abort(), timeoutMs)
          try {
            // A failure to open may come at once, and so may the browser: both are waited for from the start.
            const answer = waitForAnswer(server, redirectUri, state, page, timer.signal)
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

/** The port of last time may be somebody else's by now. */
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

/** Ends only when the page could not be shown. */
async function opened (open: LoopbackRedirectOptions['open'], url: URL): Promise<never> {
  await open(url)
  return await new Promise<never>(() => {})
}

async function waitForAnswer (server: Server, redirectUri: string, state: string, page: string, signal: AbortSignal): Promise<URL> {
  const expected = new URL(redirectUri)
  return await new Promise((resolve, reject) => {
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      // A page of the internet may try to answer, too: it cannot know the state, nor be here by another name. It may ask for
      // what is no URL, and this is the user's own program.
      const url = URL.canParse(request.url!, redirectUri) ? new URL(request.url!, redirectUri) : null
      const isAnswer = request.method === 'GET' && request.headers.host === expected.host && url?.origin === expected.origin &&
        url.pathname === expected.pathname && url.searchParams.get('state') === state
      response.writeHead(isAnswer ? 200 : 404, {
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        'referrer-policy': 'no-referrer',
        connection: 'close'
      })
      response.end(isAnswer ? page : 'Nothing is waited for here.', () => { if (isAnswer) resolve(url) })
    }
    server.on('request', onRequest)
    signal.addEventListener('abort', () => {
      server.off('request', onRequest)
      reject(new AuthorizationError('FST_OAUTH_INTERACTION_ABORTED'))
    }, { once: true })
  })
}
