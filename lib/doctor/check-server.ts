import { OptionError } from '../errors/errors.ts'
import { parseIdentifier } from '../identifier.ts'
import { show } from '../options/show.ts'
import { allChecks } from './all-checks.ts'
import type { HttpTransportOptions } from './http-transport.ts'
import { createServerTransport } from './http-transport.ts'
import type { DoctorProgress, DoctorReport } from './report.ts'
import { runChecks } from './report.ts'
import { Subject } from './subject.ts'

/** Options of {@link checkServer}. */
export interface CheckServerOptions {
  /** The resource identifier that the document must have; without a document, that of the checks of tokens. Default: any that covers the URL. */
  resource?: string
  /**
   * An access token. With it three more checks are made: whether it is accepted, or refused when it is for another resource, and
   * whether it is refused when its signature is changed. It is sent to the URL only, never over http to another machine, and is
   * in no report. Default: none.
   */
  token?: string
  /** The method of the route. Default: GET, or POST with `initialize` of MCP, where GET is not served. */
  method?: 'GET' | 'POST'
  /** Whether the URL is an MCP endpoint. Default: when its path or its answer says so. */
  mcp?: boolean
  /** The origin of a web page that should be able to call the API. Default: `https://client.example`. */
  origin?: string
  /** Limit for one response, in milliseconds. Default: 10 000. */
  timeoutMs?: number
  /** No further check begins after so many milliseconds. Default: 120 000. */
  totalTimeoutMs?: number
  /** Certificates of authorities in PEM that are trusted beside those of Node.js. */
  certificateAuthorities?: string
  /**
   * Hosts, as names or addresses, that documents may lead to although they are in a private network. The URL itself may have any
   * address. Default: none.
   */
  allowedHosts?: readonly string[]
  /** Is told of each check before it begins. */
  onProgress?: (progress: DoctorProgress) => void
  /** @internal Resolves names. */
  lookup?: HttpTransportOptions['lookup']
}

/** The size of a metadata document that is read. */
export const maxDocumentBytes = 262_144
export const defaultOrigin = 'https://client.example'
export const defaultLimits = { timeoutMs: 10_000, totalTimeoutMs: 120_000 } as const

/**
 * Checks a live server as a strict client would: its 401, its metadata document, its authorization servers, and what it does
 * with invalid tokens. It works with every server and needs none of this package. It sends requests without effect only: GET,
 * HEAD, OPTIONS, and POST of MCP messages without a valid token.
 *
 * URLs that documents name are requested only where they lead to public addresses, to loopback addresses if the URL itself is on
 * one, or to `allowedHosts`; a check that would need another one could not be completed, and says so.
 *
 * @param url the URL of a protected route
 * @throws OptionError for a URL that is none
 */
export async function checkServer (url: string, options: CheckServerOptions = {}): Promise<DoctorReport> {
  const { totalTimeoutMs = defaultLimits.totalTimeoutMs, onProgress = () => {} } = options
  checkUrl('url', url)
  if (options.resource !== undefined) checkUrl('resource', options.resource)
  const transport = createServerTransport(url, { ...options, timeoutMs: options.timeoutMs ?? defaultLimits.timeoutMs, maxBytes: maxDocumentBytes })
  const subject = new Subject({
    url: url.replace(/#.*$/s, ''),
    resource: options.resource ?? null,
    token: options.token ?? null,
    method: options.method ?? null,
    mcp: options.mcp ?? null,
    origin: options.origin ?? defaultOrigin,
    isInProcess: false,
    transport: transport.send
  })
  try {
    return await runChecks(subject, { checks: allChecks, onProgress, totalTimeoutMs })
  } finally {
    transport.close()
  }
}

/** @throws OptionError for what is no http or https URL */
export function checkUrl (name: string, value: string): void {
  if (!/^https?:\/\//i.test(value)) throw new OptionError(`${name} must begin with http:// or https://, got ${show(value)}`)
  try {
    parseIdentifier(value.replace(/#.*$/s, ''), true)
  } catch (error) {
    throw new OptionError(`${name} must be an absolute http or https URL, got ${show(value)}: it ${(error as Error).message}`)
  }
}
