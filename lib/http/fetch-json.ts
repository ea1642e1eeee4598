/** What is read from elsewhere: JSON, within limits of time and size, from the very address that was asked. */
export interface FetchedJson {
  readonly body: Readonly<Record<string, unknown>>
  /** How long the answer may be kept, from its `Cache-Control: max-age`; `null` when it does not say. */
  readonly maxAgeSeconds: number | null
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface FetchLimits {
  /** For the whole answer, its body included. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

export type FetchFault = 'network' | 'timeout' | 'redirect' | 'status' | 'too_large' | 'not_json'

/** An answer that could not be had. It says nothing about any token. */
export class FetchError extends Error {
  readonly fault: FetchFault
  readonly url: string
  /** The HTTP status where there was one. */
  readonly status: number | null

  constructor (fault: FetchFault, url: string, status: number | null, cause?: unknown) {
    super(`${url}: ${fault}${status === null ? '' : ` (${status})`}`, cause === undefined ? undefined : { cause })
    this.name = 'FetchError'
    this.fault = fault
    this.url = url
    this.status = status
  }
}

/**
 * GETs one JSON object. Redirects are not followed, no credentials are sent, and a body over the limit is not read to
 * its end.
 *
 * @throws FetchError
 */
export async function fetchJson (url: string, fetch: Fetch, limits: FetchLimits): Promise<FetchedJson> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(), limits.timeoutMs)
  // A custom fetch may ignore the signal; the limit holds all the same.
  const expired = new Promise<never>((_resolve, reject) => {
    deadline.signal.addEventListener('abort', () => reject(new FetchError('timeout', url, null)), { once: true })
  })
  const answer = read(url, fetch, limits.maxBytes, deadline.signal).catch((error: unknown) => {
    throw error instanceof FetchError ? error : new FetchError('network', url, null, error)
  })
  try {
    return await Promise.race([answer, expired])
  } finally {
    clearTimeout(timer)
  }
}

async function read (url: string, fetch: Fetch, maxBytes: number, signal: AbortSignal): Promise<FetchedJson> {
  const response = await fetch(url, {
    method: 'GET',
    headers: { accept: 'application/json' },
    redirect: 'manual',
    credentials: 'omit',
    signal
  })
  const redirect = isRedirect(response)
  if (redirect || response.status !== 200) {
    // The connection is of no further use, and its end is of no interest.
    response.body?.cancel().catch(() => {})
    throw new FetchError(redirect ? 'redirect' : 'status', url, response.status)
  }
  const text = await readText(url, response, maxBytes, signal)
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch (error) {
    throw new FetchError('not_json', url, response.status, error)
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new FetchError('not_json', url, response.status)
  }
  return { body: body as Record<string, unknown>, maxAgeSeconds: maxAge(response.headers.get('cache-control')) }
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

function maxAge (cacheControl: string | null): number | null {
  if (cacheControl === null) return null
  if (/(?:^|,)\s*no-(?:store|cache)\b/i.test(cacheControl)) return 0
  const seconds = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,10})/i.exec(cacheControl)?.[1]
  return seconds === undefined ? null : Number(seconds)
}
