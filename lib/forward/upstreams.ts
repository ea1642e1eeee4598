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

/** An answer whose body has not been read. Whoever has it reads the body or destroys it. */
export interface UpstreamAnswer {
  readonly status: number
  readonly headers: HeaderLines
  readonly body: Readable
  /** Whether all of the body is here already, so that head and body can go on together. */
  readonly isWhole: boolean
}

export interface UpstreamLimits {
  /** For a connection to stand. */
  readonly connectTimeoutMs: number
  /** From the end of the request to the head of the answer; `null` for as long as the caller waits. */
  readonly responseTimeoutMs: number | null
}

/** Connections to upstreams, kept for the next request. */
export interface Upstreams {
  /** @throws ForwardError */
  call (request: UpstreamRequest): Promise<UpstreamAnswer>
  /** Ends every connection, whatever goes over it. */
  close (): Promise<void>
}

const timeouts: readonly unknown[] = ['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'ETIMEDOUT']

/**
 * undici, which sends what it is given: it follows no redirect, keeps no cookie, retries nothing, and leaves a body as it
 * was encoded. It is loaded where upstreams are made, and nowhere else.
 *
 * @param dispatcher one of the host's own, for a proxy on the way or certificates; it is not closed
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
          // Zero is none. A body may take as long as it likes: an event stream is silent between two events.
          headersTimeout: limits.responseTimeoutMs ?? 0,
          bodyTimeout: 0,
          responseHeaders: 'raw'
        })
        // It may end before anybody listens.
        answer.body.on('error', () => {})
        return { status: answer.statusCode, headers: answer.headers as unknown as string[], body: answer.body, isWhole: false }
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

/** The length of a body that is passing is the caller's word; undici holds it to that. Without one it goes in chunks. */
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
