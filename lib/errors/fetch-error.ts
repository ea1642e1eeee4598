export type FetchFault = 'network' | 'timeout' | 'redirect' | 'status' | 'too_large' | 'not_json'

/** What else is known of a request that failed. */
export interface FetchErrorDetails {
  readonly cause?: unknown
  /** Where a redirect leads. */
  readonly location?: string | null
}

/** A request to another server that gave no usable response. It says nothing about any token. */
export class FetchError extends Error {
  readonly fault: FetchFault
  readonly url: string
  /** The HTTP status where there was one. */
  readonly status: number | null
  /** Where a redirect leads; `null` for any other fault, and where the response does not say. */
  readonly location: string | null

  constructor (fault: FetchFault, url: string, status: number | null, { cause, location = null }: FetchErrorDetails = {}) {
    const to = location === null ? '' : ` to ${bounded(location)}`
    super(`${url}: ${fault}${status === null ? '' : ` (${status})`}${to}${describeCauses(cause)}`, cause === undefined ? undefined : { cause })
    this.name = 'FetchError'
    this.fault = fault
    this.url = url
    this.status = status
    this.location = location
  }
}

const maxCauses = 5

/**
 * The chain of causes in one line, each with its code: `fetch` itself only says "fetch failed", and the certificate, the
 * name or the port at fault is in a cause of its cause.
 */
function describeCauses (cause: unknown): string {
  const parts: string[] = []
  const visit = (error: unknown): void => {
    if (!(error instanceof Error) || parts.length === maxCauses) return
    const { code } = error as { code?: unknown }
    const isKnown = typeof code !== 'string' || error.message.includes(code)
    // An AggregateError (one error for each address that was tried) may have no message of its own.
    const text = [error.message, isKnown ? '' : `(${code})`].filter(part => part !== '').join(' ')
    if (text !== '') parts.push(bounded(text))
    for (const inner of error instanceof AggregateError ? error.errors as unknown[] : []) visit(inner)
    visit(error.cause)
  }
  visit(cause)
  return parts.map(part => `: ${part}`).join('')
}

/** Text of another server or library, made safe for one line of a log. */
function bounded (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').slice(0, 200)
}
