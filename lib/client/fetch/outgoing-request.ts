import { orAborted } from '../../time-limit.ts'

/** The first argument of a `fetch`. */
export type FetchInput = string | URL | Request

/** A request that may be sent more than once. */
export interface OutgoingRequest {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  /** The signal of the caller. */
  readonly signal: AbortSignal | null
  /** Whether its body can be sent again. */
  readonly isRepeatable: boolean
  /** The remaining options, for each attempt. */
  readonly init: RequestInit
}

/** The methods that `fetch` writes in capitals (Fetch standard, section 2.2.1). */
const normalized = /^(?:delete|get|head|options|post|put)$/i

/** The URL of a request, `null` where it is relative or invalid. */
export function urlOf (input: FetchInput): URL | null {
  const text = isRequest(input) ? input.url : String(input)
  return URL.canParse(text) ? new URL(text) : null
}

/**
 * Reads the arguments of a `fetch`, so that the request can be sent more than once. A stream can be sent only once. The body
 * of a `Request` is always a stream: it is read into memory, unless it is longer than `replayBytes`.
 */
export async function readRequest (input: FetchInput, init: RequestInit, replayBytes: number): Promise<OutgoingRequest> {
  const request = isRequest(input) ? input : null
  const { method = request?.method ?? 'GET', headers = request?.headers, signal = request?.signal ?? null, body, ...rest } = init
  const given = body ?? null
  const normal = normalized.test(method) ? method.toUpperCase() : method
  const { content, isRepeatable } = given === null && request !== null && request.body !== null
    ? await readAhead(request.body, replayBytes, signal)
    : { content: given, isRepeatable: isRepeatableBody(given) }
  return {
    url: isRequest(input) ? input.url : String(input),
    method: normal,
    headers: new Headers(headers),
    signal,
    isRepeatable,
    init: {
      ...request !== null && settingsOf(request),
      ...rest,
      ...content !== null && { body: content },
      ...!isRepeatable && { duplex: 'half' },
      ...signal !== null && { signal },
      method: normal
    }
  }
}

/** Checks the members and not the class: other realms and undici have a `Request` class of their own. */
function isRequest (input: FetchInput): input is Request {
  return typeof input === 'object' && 'method' in input
}

function settingsOf ({ redirect, credentials, integrity, keepalive, mode, referrer, referrerPolicy }: Request): RequestInit {
  return {
    redirect, credentials, integrity, keepalive, referrerPolicy,
    // These defaults of a Request are not accepted as options of another request.
    ...mode !== 'navigate' && { mode },
    ...referrer !== 'about:client' && { referrer }
  }
}

/** Checks the tag and not the class: other realms and undici have classes of their own. */
function isRepeatableBody (body: unknown): boolean {
  return body === null || typeof body === 'string' || ArrayBuffer.isView(body) ||
    repeatable.includes(Object.prototype.toString.call(body))
}

const repeatable = ['[object ArrayBuffer]', '[object SharedArrayBuffer]', '[object URLSearchParams]', '[object FormData]', '[object Blob]', '[object File]']

interface ReadAhead {
  readonly content: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
  readonly isRepeatable: boolean
}

async function readAhead (stream: ReadableStream<Uint8Array>, maxBytes: number, signal: AbortSignal | null): Promise<ReadAhead> {
  signal?.throwIfAborted()
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  for (let bytes = 0; bytes <= maxBytes;) {
    const { done, value } = await orAborted(reader.read(), signal).catch((error: unknown) => {
      reader.cancel(error).catch(() => {})
      throw error
    })
    if (done) return { content: new Uint8Array(Buffer.concat(chunks)), isRepeatable: true }
    chunks.push(value)
    bytes += value.byteLength
  }
  const content = new ReadableStream<Uint8Array>({
    async pull (controller) {
      const chunk = chunks.shift()
      if (chunk !== undefined) {
        controller.enqueue(chunk)
        return
      }
      const { done, value } = await reader.read()
      if (done) controller.close()
      else controller.enqueue(value)
    },
    async cancel (reason) { await reader.cancel(reason) }
  })
  return { content, isRepeatable: false }
}

/** One request in a chain of redirects. */
export interface Hop {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  /** With the method, and the body where there still is one. */
  readonly init: RequestInit
}

export interface FollowSettings {
  /** Whether the body can be sent again. */
  readonly isRepeatable: boolean
  /** Sends one request. It must not follow redirects. */
  readonly send: (hop: Hop) => Promise<Response>
}

/** The limit of the Fetch standard. */
const mostRedirects = 20

const redirects = [301, 302, 303, 307, 308]

/** Headers that describe the body, and headers that are for one origin. */
const ofTheBody = ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type']
const ofTheOrigin = ['authorization', 'cookie', 'host', 'proxy-authorization']

/**
 * Follows redirects as `fetch` does (Fetch standard, HTTP-redirect fetch), but calls `send` for each request, so that the token
 * is sent only to the resource. `fetch` itself would send it to every URL of the same origin.
 *
 * @param answer the answer to the first request
 * @throws TypeError as `fetch` does, and what `send` throws
 */
export async function followRedirects (first: Hop, answer: Response, { isRepeatable, send }: FollowSettings): Promise<Response> {
  let hop = first
  let response = answer
  for (let count = 0; ; count++) {
    const location = redirects.includes(response.status) ? response.headers.get('location') : null
    if (location === null) {
      // Each request was sent by a fetch of its own, so `redirected` has to be set here.
      if (count > 0) Object.defineProperty(response, 'redirected', { value: true })
      return response
    }
    response.body?.cancel().catch(() => {})
    if (count === mostRedirects) throw new TypeError('redirected too often')
    hop = nextHop(hop, response.status, location, isRepeatable)
    response = await send(hop)
  }
}

function nextHop ({ url, method, headers, init }: Hop, status: number, location: string, isRepeatable: boolean): Hop {
  const from = new URL(url)
  if (!URL.canParse(location, url)) throw new TypeError('redirected to an invalid URL')
  const to = new URL(location, url)
  if (to.protocol !== 'https:' && to.protocol !== 'http:') throw new TypeError('redirected to a URL that is not http or https')
  if (to.hash === '') to.hash = from.hash
  if (status !== 303 && !isRepeatable) throw new TypeError('redirected, and the body cannot be sent again')

  const passed = new Headers(headers)
  const becomesGet = (status === 303 && method !== 'GET' && method !== 'HEAD') || ((status === 301 || status === 302) && method === 'POST')
  if (becomesGet) ofTheBody.forEach(name => passed.delete(name))
  if (from.origin !== to.origin) ofTheOrigin.forEach(name => passed.delete(name))
  const { body: _body, duplex: _duplex, ...bodiless } = init as RequestInit & { duplex?: string }
  return becomesGet
    ? { url: to.href, method: 'GET', headers: passed, init: { ...bodiless, method: 'GET' } }
    : { url: to.href, method, headers: passed, init }
}
