import { FetchError } from '../errors/fetch-error.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface FetchLimits {
  /** For the whole response, its body included. */
  readonly timeoutMs: number
  readonly maxBytes: number
  /** When a look-up of several requests must be over, as `performance.now()`; see {@link withDeadline}. */
  readonly deadline?: number
}

/** A response that was read to its end. */
export interface FetchedText {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/** The same limits for a look-up of several requests: all of them together have the time of one. */
export function withDeadline (limits: FetchLimits): FetchLimits & { readonly deadline: number } {
  return { ...limits, deadline: Math.min(limits.deadline ?? Infinity, performance.now() + limits.timeoutMs) }
}

/**
 * Makes one request, within limits of time and size. Redirects are not followed and no cookies are sent.
 *
 * @param statuses those whose body is of interest; any other is an error, and its body is not read
 * @throws FetchError
 */
export async function fetchText (
  url: string, init: RequestInit, fetch: Fetch, limits: FetchLimits, statuses: readonly number[]
): Promise<FetchedText> {
  const timeoutMs = Math.min(limits.timeoutMs, (limits.deadline ?? Infinity) - performance.now())
  // A timer may fire a little early.
  if (timeoutMs < 1) throw new FetchError('timeout', url, null)
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), timeoutMs)
  // A custom fetch may ignore the signal; the limit holds all the same.
  const expired = new Promise<never>((_resolve, reject) => {
    abort.signal.addEventListener('abort', () => reject(new FetchError('timeout', url, null)), { once: true })
  })
  const limited: RequestInit = { ...init, redirect: 'manual', credentials: 'omit', signal: abort.signal }
  const response = read(url, limited, fetch, limits.maxBytes, statuses, abort.signal).catch((error: unknown) => {
    throw error instanceof FetchError ? error : new FetchError('network', url, null, { cause: error })
  })
  try {
    return await Promise.race([response, expired])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The same for a request that changes nothing and may be repeated. A connection that the other server closed while it
 * was idle shows only when the next request is sent on it, so such a request is sent once more.
 *
 * @throws FetchError
 */
export async function fetchIdempotent (...request: Parameters<typeof fetchText>): Promise<FetchedText> {
  try {
    return await fetchText(...request)
  } catch (error) {
    if (!isConnectionReset(error)) throw error
    return await fetchText(...request)
  }
}

const resetCodes: readonly unknown[] = ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']

function isConnectionReset (error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth++) {
    if (resetCodes.includes((cause as { code?: unknown }).code)) return true
  }
  return false
}

async function read (
  url: string, init: RequestInit, fetch: Fetch, maxBytes: number, statuses: readonly number[], signal: AbortSignal
): Promise<FetchedText> {
  const response = await fetch(url, init)
  const { status } = response
  const redirect = isRedirect(response)
  if (redirect || !statuses.includes(status)) {
    // Ends the connection; an error while it closes does not matter.
    response.body?.cancel().catch(() => {})
    throw new FetchError(redirect ? 'redirect' : 'status', url, status, { location: redirect ? redirectTarget(response) : null })
  }
  // A custom fetch may give what only looks like a response.
  return { status, headers: new Headers(response.headers), text: await readText(url, response, maxBytes, signal) }
}

/** A custom fetch may follow redirects though it was asked not to. */
function isRedirect ({ type, status, redirected }: Response): boolean {
  return redirected || type === 'opaqueredirect' || (status >= 300 && status < 400)
}

/** As the response gives it; `null` where it does not. */
function redirectTarget ({ redirected, url, headers }: Response): string | null {
  if (redirected) return url || null
  return new Headers(headers).get('location')
}

async function readText (url: string, response: Response, maxBytes: number, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    // Leaving the loop cancels the rest.
    signal.throwIfAborted()
    bytes += (chunk as Uint8Array).byteLength
    // Also when the sum is no number, as the chunk was not of bytes.
    if (!(bytes <= maxBytes)) throw new FetchError('too_large', url, response.status)
    chunks.push(chunk as Uint8Array)
  }
  return Buffer.concat(chunks).toString('utf8')
}
