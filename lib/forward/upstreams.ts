import type { Readable } from 'node:stream'
import type { Dispatcher, Pool } from 'undici'
import type { Address } from './address.ts'
import { ForwardError } from '../errors/forward-errors.ts'
import type { HeaderLines } from './header-list.ts'
import type { RequestBody } from './request-body.ts'

/** One request to an upstream. */
export interface UpstreamRequest {
  readonly method: string
  readonly address: Address
  /** The request target: path and query. */
  readonly target: string
  readonly headers: HeaderLines
  readonly body: RequestBody
  /** Ends the request, and the answer with it. */
  readonly signal: AbortSignal
}

export interface UpstreamAnswer<Body extends AnswerBody = AnswerBody> {
  readonly status: number
  readonly headers: HeaderLines
  readonly body: Body
}

/** Bytes when it was read, else a stream, which the receiver must read or destroy. */
export type AnswerBody = Readable | Buffer

/** Ends an answer that the caller does not get, so that the upstream does not go on sending its body. */
export function discard ({ body }: UpstreamAnswer): void {
  if (!Buffer.isBuffer(body)) body.destroy()
}

export interface UpstreamLimits {
  /** For connecting. */
  readonly connectTimeoutMs: number
  /** From the end of the request to the headers of the response; `null`: as long as the caller waits. */
  readonly responseTimeoutMs: number | null
}

/** Connections to upstreams, kept for the next request. */
export interface Upstreams {
  /** @throws ForwardError */
  call (request: UpstreamRequest): Promise<UpstreamAnswer<Readable>>
  /** Closes every connection at once and fails pending requests. */
  close (): Promise<void>
}

const timeouts: readonly unknown[] = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT']

/**
 * Uses undici directly, because `fetch` would change messages: undici follows no redirects, keeps no cookies, retries nothing
 * and does not decompress. It is imported here only, so that servers without the proxy do not load it.
 *
 * @param dispatcher of the host, for an outbound proxy or certificates; it is not closed
 */
export async function createUpstreams (limits: UpstreamLimits, dispatcher: Dispatcher | null): Promise<Upstreams> {
  const { Pool } = await import('undici')
  const pools = new Map<string, Pool>()
  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin)
    if (pool === undefined) {
      pool = new Pool(origin, { connect: { timeout: limits.connectTimeoutMs } })
      pools.set(origin, pool)
    }
    return pool
  }
  return {
    async call ({ method, address: { origin }, target, headers, body, signal }) {
      try {
        const answer = await (dispatcher ?? poolOf(origin)).request({
          origin,
          path: target,
          method: method as Dispatcher.HttpMethod,
          headers: [...headers, ...lengthOf(body)],
          body: contentOf(body),
          signal,
          // Zero means no limit. Bodies have none, because an event stream may be silent between two events.
          headersTimeout: limits.responseTimeoutMs ?? 0,
          bodyTimeout: 0,
          responseHeaders: 'raw'
        })
        // The body may fail before it is piped, and an error event without a listener ends the process.
        answer.body.on('error', () => {})
        return { status: answer.statusCode, headers: answer.headers as unknown as string[], body: answer.body }
      } catch (error) {
        const { code } = error as { code?: unknown }
        throw new ForwardError(timeouts.includes(code) ? 'FST_OAUTH_FORWARD_UPSTREAM_TIMEOUT' : 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE', { cause: error })
      }
    },
    async close () {
      await Promise.all([...pools.values()].map(pool => pool.destroy()))
    }
  }
}

/** A streamed body keeps the caller's `Content-Length`, which undici enforces; without one it is sent chunked. */
function lengthOf (body: RequestBody): string[] {
  return body.kind === 'passing' && body.length !== null ? ['content-length', String(body.length)] : []
}

function contentOf (body: RequestBody): Buffer | Readable | null {
  switch (body.kind) {
    case 'none': return null
    case 'kept': return body.bytes
    case 'passing': return body.stream
  }
}
