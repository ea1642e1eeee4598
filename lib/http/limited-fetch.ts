import { FetchError } from '../errors/fetch-error.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface FetchLimits {
  /** For the whole answer, its body included. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** An answer that was read to its end. */
export interface FetchedText {
  readonly status: number
  readonly headers: Headers
  readonly text: string
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
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), limits.timeoutMs)
  // A custom fetch may ignore the signal; the limit holds all the same.
  const expired = new Promise<never>((_resolve, reject) => {
    deadline.signal.addEventListener('abort', () => reject(new FetchError('timeout', url, null)), { once: true })
  })
  const limited: RequestInit = { ...init, redirect: 'manual', credentials: 'omit', signal: deadline.signal }
  const answer = read(url, limited, fetch, limits.maxBytes, statuses, deadline.signal).catch((error: unknown) => {
    throw error instanceof FetchError ? error : new FetchError('network', url, null, error)
  })
  try {
    return await Promise.race([answer, expired])
  } finally {
    clearTimeout(timer)
  }
}

async function read (
  url: string, init: RequestInit, fetch: Fetch, maxBytes: number, statuses: readonly number[], signal: AbortSignal
): Promise<FetchedText> {
  const response = await fetch(url, init)
  const { status } = response
  const redirect = isRedirect(response)
  if (redirect || !statuses.includes(status)) {
    // The connection is of no further use, and its end is of no interest.
    response.body?.cancel().catch(() => {})
    throw new FetchError(redirect ? 'redirect' : 'status', url, status)
  }
  // A custom fetch may give what only looks like a response.
  return { status, headers: new Headers(response.headers), text: await readText(url, response, maxBytes, signal) }
}

/** A custom fetch may follow redirects though it was asked not to. */
function isRedirect ({ type, status, redirected }: Response): boolean {
  return redirected || type === 'opaqueredirect' || (status >= 300 && status < 400)
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
