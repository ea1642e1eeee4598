import type { Clock } from '../clock.ts'
import type { AccessToken } from '../token/access-token.ts'

/** A response that may last: the part of `http.ServerResponse` that is needed to end it. */
export interface StreamResponse {
  readonly headersSent: boolean
  readonly writableEnded: boolean
  /** Whether its connection is gone. A response of HTTP/2 does not say so itself, but its stream does. */
  readonly destroyed?: boolean
  readonly stream?: { readonly destroyed: boolean } | undefined
  end (): unknown
  on (event: 'error', listener: () => void): unknown
  once (event: 'close', listener: () => void): unknown
}

/** An open response. */
export interface McpStream {
  /** `null` when the request had none. */
  readonly accessToken: AccessToken | null
  readonly sessionId: string | null
}

/** The open responses of an endpoint. Each is ended when the token of its request expires. */
export interface McpStreams {
  /**
   * Watches a response until it closes. One that is closed already is not kept.
   *
   * @param deadline in milliseconds since the epoch; Infinity for none
   */
  add (response: StreamResponse, stream: McpStream, deadline: number): void
  /** Ends the streams that the predicate selects, and returns how many it selected. */
  close (predicate: (stream: McpStream) => boolean): number
  /** How many are open. */
  readonly size: number
}

/** Calls back after so many milliseconds, unless the returned function is called before. */
export type Schedule = (callback: () => void, delayMs: number) => () => void

/** Node.js cannot wait longer: a longer delay would be none at all. */
const longestDelayMs = 2 ** 31 - 1
const retryMs = 1000

export function createMcpStreams (clock: Clock, schedule: Schedule = unrefSchedule): McpStreams {
  const open = new Map<StreamResponse, { stream: McpStream, end (): void }>()
  return {
    get size () { return open.size },
    add (response, stream, deadline) {
      // `close` was emitted while the request was checked, and is not emitted again.
      if (isClosed(response)) return
      let cancel = (): void => {}
      let due = deadline
      const endWhenDue = (): void => {
        cancel()
        const remaining = due - clock.now()
        if (remaining > 0) {
          if (remaining !== Infinity) cancel = schedule(endWhenDue, Math.min(Math.ceil(remaining), longestDelayMs))
        } else if (!response.headersSent) {
          // The request is still in progress and was allowed when it came. Ended now, it would look like success.
          cancel = schedule(endWhenDue, retryMs)
        } else if (!response.writableEnded) {
          // The writer does not know yet, and an `error` event without a listener would end the process.
          response.on('error', () => {})
          response.end()
        }
      }
      const end = (): void => {
        due = -Infinity
        endWhenDue()
      }
      open.set(response, { stream, end })
      response.once('close', () => {
        cancel()
        open.delete(response)
      })
      endWhenDue()
    },
    close (predicate) {
      const selected = [...open.values()].filter(({ stream }) => predicate(stream))
      for (const { end } of selected) end()
      return selected.length
    }
  }
}

function isClosed ({ destroyed, stream }: StreamResponse): boolean {
  return destroyed === true || stream?.destroyed === true
}

/** A timer that does not keep the process running. */
function unrefSchedule (callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs).unref()
  return () => clearTimeout(timer)
}
