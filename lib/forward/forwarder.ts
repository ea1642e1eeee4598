import type { Readable } from 'node:stream'
import { locationFor, targetOf } from './address.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import { sendWithSession } from './exchange.ts'
import type { HeaderLines } from './header-list.ts'
import { createRequestHeaderList, createResponseHeaderList, hasUnknownCoding, filterHeaders, valueOf } from './header-list.ts'
import type { CheckedForwardOptions, ForwardCredential } from './options.ts'
import { readBody } from './request-body.ts'
import type { Target } from './targets.ts'
import type { AnswerBody, UpstreamAnswer, UpstreamRequest, Upstreams } from './upstreams.ts'
import { discard } from './upstreams.ts'

/** A request as it came in. */
export interface CallerRequest {
  readonly method: string
  /** The path of the proxy target, as the caller wrote it. */
  readonly own: string
  /** What follows it in the request target: path and query for the upstream. */
  readonly rest: string
  readonly headers: HeaderLines
  /** `null` where there is none. */
  readonly body: Readable | null
  /** The length of the body in bytes; `null` without a `Content-Length`. */
  readonly length: number | null
  /** Aborted when the caller closed the connection, the target was removed, or the server closes. */
  readonly signal: AbortSignal
}

/** The response to the caller. */
export interface ForwardedAnswer {
  readonly status: number
  /** Names in lower case; several lines of one name as a list. */
  readonly headers: ReadonlyMap<string, string | string[]>
  /**
   * `null` where an answer of this kind has no body (RFC 9110 section 6.4.1), bytes when it was read; a stream, which the receiver
   * must read or destroy.
   */
  readonly body: AnswerBody | null
}

/** The options of the proxy that a forwarder uses. */
export type ForwarderSettings = Pick<
  CheckedForwardOptions<never, unknown>,
  'requestHeaders' | 'responseHeaders' | 'replayBytes' | 'replayTimeoutMs' | 'inspectBytes' | 'inspectTimeoutMs' | 'classifier' | 'clock' | 'secretHeader'
>

export interface Forwarder {
  /** @throws ForwardError, or the reason of the signal */
  forward (target: Pick<Target<never>, 'address' | 'credential'>, caller: CallerRequest): Promise<ForwardedAnswer>
  /** Ends event streams that answer a GET and refuses new ones: they have no end of their own, and would delay closing. */
  endStreams (): void
}

/** @param callerHeaders further headers that are about the caller and never passed on: those of its token and its certificate */
export function createForwarder (options: ForwarderSettings, upstreams: Upstreams, callerHeaders: readonly string[] = []): Forwarder {
  const { requestHeaders, responseHeaders, replayBytes, replayTimeoutMs, inspectBytes, inspectTimeoutMs, classifier, clock, secretHeader } = options
  const exchange = { limits: { maxBytes: inspectBytes, maxMs: inspectTimeoutMs }, classifier, clock }
  const requestList = createRequestHeaderList(requestHeaders, [secretHeader, ...callerHeaders])
  const responseList = createResponseHeaderList(responseHeaders)
  const streams = new Set<Readable>()
  let closing = false

  const ask = async (request: UpstreamRequest, credential: ForwardCredential): Promise<UpstreamAnswer> => {
    if ('session' in credential) return await sendWithSession(request, credential, upstreams, exchange)
    return await upstreams.call({ ...request, headers: [...request.headers, ...Object.entries(credential.headers).flat()] })
  }

  const answerOf = ({ status, headers, body }: UpstreamAnswer, request: UpstreamRequest, own: string, withChallenge: boolean): ForwardedAnswer => {
    const lines = filterHeaders(headers, name => responseList(name) || (withChallenge && name === 'www-authenticate'))
    const fields = collectLines(lines)
    const location = fields.get('location')
    if (typeof location === 'string') fields.set('location', locationFor(location, request.address, request.target, own))
    const length = valueOf(headers, 'content-length')
    if (length !== null && status !== 204) fields.set('content-length', length)
    if (request.method === 'HEAD' || status === 204 || status === 304) {
      if (!Buffer.isBuffer(body)) body.resume()
      return { status, headers: fields, body: null }
    }
    if (isEventStream(headers) && !Buffer.isBuffer(body)) {
      // Asks nginx in front of this server not to buffer the stream.
      fields.set('x-accel-buffering', 'no')
      // A stream that answers a POST ends with its result; a stream that answers a GET has no end.
      if (request.method === 'GET') {
        if (closing) {
          body.destroy()
          throw new ForwardError('FST_OAUTH_FORWARD_CLOSED')
        }
        streams.add(body)
        body.once('close', () => streams.delete(body))
      }
    }
    return { status, headers: fields, body }
  }

  return {
    async forward ({ address, credential }, { method, own, rest, headers, body: source, length, signal }) {
      const target = targetOf(address, rest)
      if (hasUnknownCoding(headers)) throw new ForwardError('FST_OAUTH_FORWARD_CODING_UNKNOWN')
      // A request with fixed headers is never sent again, so its body need not be kept.
      const keptBytes = 'session' in credential ? replayBytes : 0
      const names = 'headers' in credential ? Object.keys(credential.headers).map(name => name.toLowerCase()) : []
      const request: UpstreamRequest = {
        method,
        address,
        target,
        headers: filterHeaders(headers, name => requestList(name) && !names.includes(name)),
        body: source === null ? { kind: 'none' } : await readBody(source, length, keptBytes, replayTimeoutMs),
        signal
      }
      const answer = await ask(request, credential).catch((error: unknown) => {
        // Without a token the request was not sent, and its body not read.
        if (request.body.kind === 'passing') request.body.stream.destroy()
        throw error
      })
      // RFC 9110 section 15: a status is at most 599.
      if (answer.status > 599 || hasUnknownCoding(answer.headers)) {
        discard(answer)
        throw new ForwardError('FST_OAUTH_FORWARD_UPSTREAM_BROKEN')
      }
      const isOfCaller = 'headers' in credential && credential.owner === 'caller'
      if (answer.status === 401 && !isOfCaller) {
        discard(answer)
        throw new ForwardError('FST_OAUTH_FORWARD_CREDENTIAL_REFUSED')
      }
      return answerOf(answer, request, own, isOfCaller)
    },
    endStreams () {
      closing = true
      for (const stream of streams) stream.destroy()
    }
  }
}

function collectLines (lines: HeaderLines): Map<string, string | string[]> {
  const fields = new Map<string, string | string[]>()
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!
    const known = fields.get(name)
    fields.set(name, known === undefined ? lines[i + 1]! : [known, lines[i + 1]!].flat())
  }
  return fields
}

function isEventStream (headers: HeaderLines): boolean {
  return /^text\/event-stream *(?:;|$)/i.test(valueOf(headers, 'content-type') ?? '')
}
