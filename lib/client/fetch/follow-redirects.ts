/** One request of several that redirects lead to. */
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
  /** Makes one request; it is not to follow redirects. */
  readonly send: (hop: Hop) => Promise<Response>
}

/** As the Fetch standard has it. */
const mostRedirects = 20

const redirects = [301, 302, 303, 307, 308]

/** Headers that describe the body, and headers that are for one origin. */
const ofTheBody = ['content-encoding', 'content-language', 'content-length', 'content-location', 'content-type']
const ofTheOrigin = ['authorization', 'cookie', 'host', 'proxy-authorization']

/**
 * Follows redirects as `fetch` does (Fetch standard, HTTP-redirect fetch), request by request, so that the caller decides for
 * each which credentials go along: `fetch` itself takes a token to everything on one origin.
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
      // As a `fetch` that followed says, although each request was one of its own.
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
