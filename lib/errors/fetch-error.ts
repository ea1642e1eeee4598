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
