import type { Readable } from 'node:stream'
import { locationFor, targetOf } from './address.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import { sendWithSession } from './exchange.ts'
import type { HeaderLines } from './header-list.ts'
import { createRequestHeaderList, createResponseHeaderList, hasUnknownCoding, passedOn, valueOf } from './header-list.ts'
import type { CheckedForwardOptions, ForwardCredential } from './options.ts'
import { readBody } from './request-body.ts'
import type { Target } from './targets.ts'
import type { UpstreamAnswer, UpstreamRequest, Upstreams } from './upstreams.ts'

/** A request as it came in. */
export interface CallerRequest {
  readonly method: string
  /** The target's own part of the request target. */
  readonly own: string
  /** What follows it. */
  readonly rest: string
  readonly headers: HeaderLines
  /** `null` where there is none. */
  readonly body: Readable | null
  /** How many bytes the body has; `null` where nobody has said. */
  readonly length: number | null
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** What goes back to the caller. */
export interface ForwardedAnswer {
  readonly status: number
  /** Names in lower case; several lines of one name as a list. */
  readonly headers: ReadonlyMap<string, string | string[]>
  /** `null` where an answer of this kind has no body (RFC 9110 section 6.4.1). Whoever has it reads it or destroys it. */
  readonly body: Readable | null
  /** Whether all of the body is here already, so that the head need not go ahead of it. */
  readonly isWhole: boolean
}

/** The slice of the options that it needs. */
export type ForwarderRules = Pick<
  CheckedForwardOptions<never, unknown>,
  'requestHeaders' | 'responseHeaders' | 'replayBytes' | 'replayTimeoutMs' | 'inspectBytes' | 'inspectTimeoutMs' | 'classifier' | 'clock' | 'secretHeader'
>

export interface Forwarder {
  /** @throws ForwardError, or the reason of the signal */
  forward (target: Pick<Target<never>, 'address' | 'credential'>, caller: CallerRequest): Promise<ForwardedAnswer>
  /** Ends the event streams that answer a GET, and begins no more: they would go on for as long as their callers like. */
  endStreams (): void
}

export function createForwarder (options: ForwarderRules, upstreams: Upstreams): Forwarder {
  const { requestHeaders, responseHeaders, replayBytes, replayTimeoutMs, inspectBytes, inspectTimeoutMs, classifier, clock, secretHeader } = options
  const exchange = { limits: { maxBytes: inspectBytes, maxMs: inspectTimeoutMs }, classifier, clock }
  const requestList = createRequestHeaderList(requestHeaders, [secretHeader])
  const responseList = createResponseHeaderList(responseHeaders)
  const streams = new Set<Readable>()
  let closing = false

  const ask = async (request: UpstreamRequest, credential: ForwardCredential): Promise<UpstreamAnswer> => {
    if ('session' in credential) return await sendWithSession(request, credential, upstreams, exchange)
    return await upstreams.call({ ...request, headers: [...request.headers, ...Object.entries(credential.headers).flat()] })
  }

  const answerOf = ({ status, headers, body, isWhole }: UpstreamAnswer, request: UpstreamRequest, own: string, withChallenge: boolean): ForwardedAnswer => {
    const lines = passedOn(headers, name => responseList(name) || (withChallenge && name === 'www-authenticate'))
    const fields = collectLines(lines)
    const location = fields.get('location')
    if (typeof location === 'string') fields.set('location', locationFor(location, request.address, request.target, own))
    const length = valueOf(headers, 'content-length')
    if (length !== null && status !== 204) fields.set('content-length', length)
    if (request.method === 'HEAD' || status === 204 || status === 304) {
      body.resume()
      return { status, headers: fields, body: null, isWhole }
    }
    if (isEventStream(headers)) {
      // What stands between us and the caller must not collect it either.
      fields.set('x-accel-buffering', 'no')
      // One that answers a POST has an end, which is the result of what was asked for.
      if (request.method === 'GET') {
        if (closing) {
          body.destroy()
          throw new ForwardError('FST_OAUTH_FORWARD_CLOSED')
        }
        streams.add(body)
        body.once('close', () => streams.delete(body))
      }
    }
    return { status, headers: fields, body, isWhole }
  }

  return {
    async forward ({ address, credential }, { method, own, rest, headers, body: source, length, signal }) {
      const target = targetOf(address, rest)
      if (hasUnknownCoding(headers)) throw new ForwardError('FST_OAUTH_FORWARD_CODING_UNKNOWN')
      // What is sent once need not be kept.
      const keptBytes = 'session' in credential ? replayBytes : 0
      const names = 'headers' in credential ? Object.keys(credential.headers).map(name => name.toLowerCase()) : []
      const request: UpstreamRequest = {
        method,
        address,
        target,
        headers: passedOn(headers, name => requestList(name) && !names.includes(name)),
        body: source === null ? { kind: 'none' } : await readBody(source, length, keptBytes, replayTimeoutMs),
        signal
      }
      const answer = await ask(request, credential).catch((error: unknown) => {
        // Where there was no token to send it with, nobody has read it.
        if (request.body.kind === 'passing') request.body.stream.destroy()
        throw error
      })
      // A final status has three digits, the first of which is known (RFC 9110 section 15).
      if (answer.status > 599 || hasUnknownCoding(answer.headers)) {
        answer.body.destroy()
        throw new ForwardError('FST_OAUTH_FORWARD_UPSTREAM_BROKEN')
      }
      const isTheirs = 'headers' in credential && credential.owner === 'third-party'
      if (answer.status === 401 && !isTheirs) {
        answer.body.destroy()
        throw new ForwardError('FST_OAUTH_FORWARD_CREDENTIAL_REFUSED')
      }
      return answerOf(answer, request, own, isTheirs)
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
