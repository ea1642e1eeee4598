import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import type { IncomingMessage, RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { TLSSocket, rootCertificates } from 'node:tls'
import { FetchError } from '../errors/fetch-error.ts'
import type { AddressRules } from '../http/guarded-fetch.ts'
import { addressRules, checkAddress, guardedLookup } from '../http/guarded-fetch.ts'
import { isLoopbackHost } from '../identifier.ts'
import type { DoctorResponse, HeaderList, Transport, TransportLimits } from './exchange.ts'

export interface HttpTransportOptions extends TransportLimits {
  /** The origin that the user named: it may have any address. */
  readonly trustedOrigin: string
  /** For every other URL, which documents have named. */
  readonly rules: AddressRules
  /** Certificates of authorities in PEM, trusted beside those of Node.js. */
  readonly certificateAuthorities?: string | undefined
  /** Resolves names, with the signature of `dns.lookup`. Default: `dns.lookup`. */
  readonly lookup?: LookupFunction | undefined
}

/** A transport, and the end of its connections. */
export interface HttpTransport {
  readonly send: Transport
  close (): void
}

/**
 * Makes requests with header fields exactly as they are given, which no `fetch` does: a second `Authorization`, another
 * `Host`. A URL of another origin than the trusted one is requested only where the address rules allow it (RFC 9728 section 7.7).
 */
function createHttpTransport ({ trustedOrigin, rules, certificateAuthorities, lookup, timeoutMs, maxBytes }: HttpTransportOptions): HttpTransport {
  const tls = certificateAuthorities === undefined ? {} : { ca: [...rootCertificates, certificateAuthorities] }
  const agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true, ...tls }) }
  const trusted = lookup === undefined ? {} : { lookup }

  const send: Transport = async ({ method, url, headers, body }) => {
    const isTrusted = new URL(url).origin === trustedOrigin
    const target = isTrusted ? new URL(url) : checkAddress(url, rules)
    const isSecure = target.protocol === 'https:'
    const options: RequestOptions = {
      method,
      path: pathOf(url),
      host: target.hostname.replace(/^\[|\]$/g, ''),
      port: target.port,
      ...isSecure && { servername: target.hostname },
      headers: fieldsOf(headers, target.host, body),
      agent: agents[target.protocol as 'http:' | 'https:'],
      ...isTrusted ? trusted : { lookup: guardedLookup(rules, lookup) }
    }
    return await exchange(url, isSecure ? httpsRequest : httpRequest, options, body, { timeoutMs, maxBytes })
  }
  return { send, close: () => { for (const agent of Object.values(agents)) agent.destroy() } }
}

/** Where a server is checked, and what its documents may lead to. */
export interface ServerConnection extends TransportLimits, Pick<HttpTransportOptions, 'certificateAuthorities' | 'lookup'> {
  /** Hosts in a private network that documents may lead to. Default: none. */
  readonly allowedHosts?: readonly string[]
}

/** A transport to a server that the user named. Its documents may lead to loopback addresses only if it is at one itself. */
export function createServerTransport (url: string, { allowedHosts = [], ...options }: ServerConnection): HttpTransport {
  const { origin, hostname } = new URL(url)
  return createHttpTransport({ ...options, trustedOrigin: origin, rules: addressRules({ allowLoopback: isLoopbackHost(hostname), allowedHosts }) })
}

/** As it is written: a URL object would remove what a check is about, such as dot segments. */
function pathOf (url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/?#]*/i, '').replace(/#.*$/s, '').replace(/^(?!\/)/, '/')
}

/** Names and values in turn, which Node.js sends as they are. */
function fieldsOf (headers: HeaderList, host: string, body: string | undefined): string[] {
  const hasHost = headers.some(([name]) => name.toLowerCase() === 'host')
  return [
    ...hasHost ? [] : ['Host', host],
    ...headers.flat(),
    ...body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))]
  ]
}

function exchange (
  url: string, start: typeof httpRequest, options: RequestOptions, body: string | undefined, { timeoutMs, maxBytes }: TransportLimits
): Promise<DoctorResponse> {
  return new Promise((resolve, reject) => {
    const request = start(options, response => {
      const certificateExpiresAt = certificateEnd(response)
      read(response, maxBytes).then(({ text, isTruncated }) => {
        resolve({ status: response.statusCode!, headers: headersOf(response.rawHeaders), text, isTruncated, certificateExpiresAt })
      }, fail).finally(() => clearTimeout(timer))
    })
    const fail = (cause: unknown): void => reject(new FetchError('network', url, null, { cause }))
    const timer = setTimeout(() => {
      reject(new FetchError('timeout', url, null))
      request.destroy()
    }, timeoutMs)
    request.once('error', error => {
      clearTimeout(timer)
      fail(error)
    })
    request.end(body)
  })
}

/** A stream of events need not end, and its contents do not matter. */
async function read (response: IncomingMessage, maxBytes: number): Promise<{ text: string, isTruncated: boolean }> {
  if (/^text\/event-stream/i.test(response.headers['content-type'] ?? '')) {
    response.destroy()
    return { text: '', isTruncated: false }
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    chunks.push(chunk as Buffer)
    bytes += (chunk as Buffer).length
    // Leaving the loop ends the connection.
    if (bytes > maxBytes) break
  }
  return { text: Buffer.concat(chunks).subarray(0, maxBytes).toString('utf8'), isTruncated: bytes > maxBytes }
}

function headersOf (rawHeaders: readonly string[]): HeaderList {
  return Array.from({ length: rawHeaders.length / 2 }, (_, index) => [rawHeaders[index * 2]!.toLowerCase(), rawHeaders[index * 2 + 1]!] as const)
}

function certificateEnd ({ socket }: IncomingMessage): number | null {
  if (!(socket instanceof TLSSocket)) return null
  const end = Date.parse(socket.getPeerCertificate().valid_to)
  return Number.isNaN(end) ? null : end
}
