import { FetchError } from '../errors/fetch-error.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import { fetchText } from '../http/limited-fetch.ts'

/** Header fields in the order in which they are sent: a name may stand twice. */
export type HeaderList = ReadonlyArray<readonly [name: string, value: string]>

/** A request of the doctor. */
export interface DoctorRequest {
  readonly method: string
  readonly url: string
  readonly headers: HeaderList
  readonly body?: string
}

/** A response, its body read up to the limit. */
export interface DoctorResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: HeaderList
  readonly text: string
  /** Whether the body was longer than the limit. */
  readonly isTruncated: boolean
  /** When the certificate of the server expires, in milliseconds since the epoch; `null` without TLS, and where it is not known. */
  readonly certificateExpiresAt: number | null
}

/** A request and what came of it. */
export interface Exchange {
  readonly request: DoctorRequest
  readonly response: DoctorResponse
}

/**
 * Sends one request, without following redirects, within limits of time and size.
 *
 * It throws FetchError, and AuthorizationError `FST_OAUTH_ADDRESS_REFUSED`.
 */
export type Transport = (request: DoctorRequest) => Promise<DoctorResponse>

/** The limits of one request. */
export interface TransportLimits {
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** The value of a header, several lines joined by commas (RFC 9110 section 5.3); `null` without the header. */
export function headerOf ({ headers }: Pick<DoctorResponse, 'headers'>, name: string): string | null {
  const lines = headers.filter(([one]) => one === name).map(([, value]) => value)
  return lines.length === 0 ? null : lines.join(', ')
}

const everyStatus = Array.from({ length: 500 }, (_, index) => index + 100)

/** The transport of a server that makes its requests by a `fetch` of its own. It sends no body. */
export function createFetchTransport (fetch: Fetch, limits: TransportLimits): Transport {
  return async ({ method, url, headers }) => {
    const init: RequestInit = { method, headers: headers.map(([name, value]): [string, string] => [name, value]) }
    try {
      const response = await fetchText(url, init, fetch, limits, everyStatus)
      return { status: response.status, headers: [...response.headers], text: response.text, isTruncated: false, certificateExpiresAt: null }
    } catch (error) {
      const { fault, status, location } = error as FetchError
      if (fault === 'too_large') return { status: status!, headers: [], text: '', isTruncated: true, certificateExpiresAt: null }
      if (fault !== 'redirect') throw error
      return { status: status!, headers: location === null ? [] : [['location', location]], text: '', isTruncated: false, certificateExpiresAt: null }
    }
  }
}

/** The failure of a request in one line, with the names of certificates, hosts and ports that its causes have. */
export function describeFailure (error: unknown): string {
  return (error instanceof FetchError ? error.message.slice(error.url.length + 2) : (error as Error).message).slice(0, 400)
}
