import { setTimeout as delay } from 'node:timers/promises'
import { FetchError } from '../errors/fetch-error.ts'
import type { SetErrorCode } from '../errors/set-error.ts'
import { SetError } from '../errors/set-error.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import { fetchText } from '../http/limited-fetch.ts'
import { callHost } from '../time-limit.ts'
import type { SecurityEventToken } from './security-event-token.ts'
import { setRefused } from './security-event-token.ts'
import { parseJson } from '../parse-json.ts'

/** How events are polled for (RFC 8936). */
export interface PollSettings {
  readonly endpoint: string
  /** Returns the value of the `Authorization` header; `null` for none. */
  readonly authorization: (() => string | Promise<string>) | null
  readonly maxEvents: number
  /** How long the transmitter may hold a request while it has no events. */
  readonly timeoutMs: number
  /** An empty answer is not followed by another request earlier than this after the request began. */
  readonly intervalMs: number
}

export interface PollParts {
  readonly settings: PollSettings
  /** As `receive` of a receiver does. */
  readonly receive: (text: string) => Promise<SecurityEventToken>
  readonly fetch: Fetch
  readonly log: PollLog
  /** Tests take the place of time. It resolves at once when the signal is aborted. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface PollLog {
  warn (details: object, message: string): void
}

/** The only poll loop of a stream in this process. */
export interface PollLoop {
  /** Starts it; without effect while it runs. */
  start (): void
  /** Ends it: a request under way is given up, an event that is being processed is finished. */
  stop (): Promise<void>
}

/** The events of one answer, each at most as long as a security event token may be, and what surrounds them. */
const maxBytes = 4_194_304
const backOffMs = { first: 1000, longest: 300_000 }

interface Outcome {
  readonly ack: string[]
  readonly setErrs: Record<string, { err: SetErrorCode, description: string }>
}

/**
 * Polls for events, one request after the other (RFC 8936 section 2.4): each acknowledges those of the one before. Events that
 * could not be processed are not acknowledged, so that the transmitter sends them again.
 */
export function createPollLoop ({ settings, receive, fetch, log, wait = waitFor }: PollParts): PollLoop {
  const { endpoint, authorization, maxEvents, timeoutMs, intervalMs } = settings
  let running: { closing: AbortController, ended: Promise<void> } | null = null

  const run = async (closing: AbortSignal): Promise<void> => {
    // What the transmitter was not told yet: kept until a request that told it has succeeded.
    let report: Outcome = { ack: [], setErrs: {} }
    let failures = 0
    while (!closing.aborted) {
      const startedAt = performance.now()
      try {
        const reported = new Set([...report.ack, ...Object.keys(report.setErrs)])
        const sets = await unlessAborted(poll(report, closing), closing)
        report = { ack: [], setErrs: {} }
        const unprocessed = await process(sets, report, closing)
        const ids = Object.keys(sets)
        if (unprocessed !== null) log.warn({ err: unprocessed, endpoint }, 'an event could not be processed, and is requested again')
        // Such a transmitter would be asked without a pause.
        const isDeaf = ids.length > 0 && ids.every(id => reported.has(id))
        failures = unprocessed !== null || isDeaf ? failures + 1 : 0
        if (failures === 0 && ids.length > 0) continue
      } catch (error) {
        // Given up by stop().
        if (closing.aborted) return
        // A transmitter may hold the request for longer than it is waited for, as there are no events.
        if (error instanceof FetchError && error.fault === 'timeout') continue
        failures++
        log.warn({ err: error, endpoint }, 'events could not be polled for; the request is made again')
      }
      await wait(failures > 0 ? backOff(failures) : Math.max(0, intervalMs - (performance.now() - startedAt)), closing)
    }
  }

  const poll = async ({ ack, setErrs }: Outcome, closing: AbortSignal): Promise<Sets> => {
    const value = authorization === null ? null : await callHost(timeoutMs, authorization)
    const init: RequestInit = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-language': 'en',
        accept: 'application/json',
        ...value !== null && { authorization: value }
      },
      body: JSON.stringify({ maxEvents, returnImmediately: false, ...ack.length > 0 && { ack }, ...Object.keys(setErrs).length > 0 && { setErrs } })
    }
    const closable: Fetch = async (url, given) => await unlessAborted(fetch(url, { ...given, signal: AbortSignal.any([given.signal!, closing]) }), closing)
    const { text } = await fetchText(endpoint, init, closable, { timeoutMs, maxBytes }, [200])
    return readAnswer(text, maxEvents)
  }

  /** @returns the error of the event that could not be processed; it and those after it are left for the next time */
  const process = async (sets: Sets, { ack, setErrs }: Outcome, closing: AbortSignal): Promise<unknown> => {
    for (const [id, text] of Object.entries(sets)) {
      if (closing.aborted) return null
      try {
        if (typeof text !== 'string') throw setRefused('invalid_request', 'a security event token must be a string')
        const set = await receive(text)
        // RFC 8936 section 2.3: the name of the member is the jti.
        if (set.id !== id) throw setRefused('invalid_request', 'jti is not the name under which the security event token came')
        ack.push(id)
      } catch (error) {
        if (!(error instanceof SetError)) return error
        setErrs[id] = { err: error.err, description: error.message }
      }
    }
    return null
  }

  return {
    start () {
      if (running !== null) return
      const closing = new AbortController()
      running = { closing, ended: run(closing.signal) }
    },
    async stop () {
      running?.closing.abort()
      await running?.ended
      running = null
    }
  }
}

/** Security event tokens by their `jti`. */
type Sets = Readonly<Record<string, unknown>>

/** @throws TypeError that does not quote the answer */
function readAnswer (text: string, maxEvents: number): Sets {
  let body: unknown
  try {
    body = parseJson(text)
  } catch {
    throw new TypeError('the response is not JSON (RFC 8936 section 2.3)')
  }
  // `moreAvailable` says nothing that the next request does not.
  const { sets = {} } = Object(body) as { sets?: unknown }
  if (typeof sets !== 'object' || sets === null || Array.isArray(sets)) throw new TypeError('the response has no object as sets (RFC 8936 section 2.3)')
  // Those beyond what was asked for are not acknowledged, and come again.
  return Object.fromEntries(Object.entries(sets).slice(0, maxEvents))
}

/** Full jitter over the upper half: many servers that lost one transmitter must not come back as one. */
function backOff (failures: number): number {
  const ms = Math.min(backOffMs.first * 2 ** (failures - 1), backOffMs.longest)
  return ms / 2 + Math.random() * ms / 2
}

async function waitFor (ms: number, signal: AbortSignal): Promise<void> {
  // It keeps no process alive.
  await delay(ms, undefined, { signal, ref: false }).catch(() => {})
}

/** A function of the host may ignore the signal. */
function unlessAborted<T> (answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Error('the server is closing'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
