import type { Clock } from '../clock.ts'
import type { AccessToken } from '../token/access-token.ts'

/** A response that may last: the slice of `http.ServerResponse` that it takes to end it. */
export interface StreamResponse {
  readonly headersSent: boolean
  readonly writableEnded: boolean
  end (): unknown
  on (event: 'error', listener: () => void): unknown
  once (event: 'close', listener: () => void): unknown
}

/** What is known of an open response. */
export interface McpStream {
  /** `null` when the request had none. */
  readonly accessToken: AccessToken | null
  readonly sessionId: string | null
}

/** The open responses of an endpoint. A stream must not outlive the permission that it was opened with. */
export interface McpStreams {
  /** @param deadline in milliseconds since the epoch; Infinity for none */
  add (response: StreamResponse, stream: McpStream, deadline: number): void
  /** Ends those that are meant, and answers how many there are. */
  close (predicate: (stream: McpStream) => boolean): number
  /** How many are open. */
  readonly size: number
}

/** Calls back after so many milliseconds, unless what it returned is called. */
export type Schedule = (callback: () => void, delayMs: number) => () => void

/** Longer delays overflow, and then there is none. */
const longestDelayMs = 2 ** 31 - 1
const retryMs = 1000

export function createMcpStreams (clock: Clock, schedule: Schedule = unrefSchedule): McpStreams {
  const open = new Map<StreamResponse, { stream: McpStream, end (): void }>()
  return {
    get size () { return open.size },
    add (response, stream, deadline) {
      let cancel = (): void => {}
      let due = deadline
      const look = (): void => {
        cancel()
        const remaining = due - clock.now()
        if (remaining > 0) {
          if (remaining !== Infinity) cancel = schedule(look, Math.min(Math.ceil(remaining), longestDelayMs))
        } else if (!response.headersSent) {
          // A request that is still being worked on was allowed when it came; ended now, it would look like success.
          cancel = schedule(look, retryMs)
        } else if (!response.writableEnded) {
          // Whoever writes to it has not heard yet, and an error that nobody listens to would end the process.
          response.on('error', () => {})
          response.end()
        }
      }
      const end = (): void => {
        due = -Infinity
        look()
      }
      open.set(response, { stream, end })
      response.once('close', () => {
        cancel()
        open.delete(response)
      })
      look()
    },
    close (predicate) {
      const meant = [...open.values()].filter(({ stream }) => predicate(stream))
      for (const { end } of meant) end()
      return meant.length
    }
  }
}

/** A timer that keeps no process alive. */
function unrefSchedule (callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs).unref()
  return () => clearTimeout(timer)
}
