import type { Wait } from '../session/time-limit.ts'
import { within } from '../session/time-limit.ts'

export interface InspectLimits {
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly wait: Wait
}

/** What was read of a body; both are missing where nothing was. */
export interface Inspected {
  readonly text?: string
  /** Parsed, where it is JSON. */
  readonly body?: unknown
}

export type MediaKind = 'json' | 'text' | 'other'

/** What may be looked at. An event stream is text, too, and nobody knows when it ends. */
export function mediaKindOf (headers: Headers): MediaKind {
  const type = (headers.get('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (/^application\/(?:[a-z0-9.!#$&^_-]+\+)?json$/.test(type)) return 'json'
  return /^text\/(?!event-stream$)/.test(type) ? 'text' : 'other'
}

/**
 * Reads a body, and leaves it to be read again by whoever gets the response: one that is longer than the limit, takes
 * longer than the limit or breaks off was not read.
 */
export async function inspectBody (response: Response, { maxBytes, timeoutMs, wait }: InspectLimits, signal: AbortSignal | null): Promise<Inspected> {
  if (response.body === null || Number(response.headers.get('content-length') ?? 0) > maxBytes) return {}
  const reader = response.clone().body!.getReader()
  const bytes = await within(timeoutMs, signal ?? new AbortController().signal, wait, async () => await readUpTo(reader, maxBytes)).catch(() => null)
  // It resolves when the other copy is cancelled, too. That it failed is seen there.
  reader.cancel().catch(() => {})
  if (bytes === null) return {}
  const text = bytes.toString('utf8')
  return { text, ...mediaKindOf(response.headers) === 'json' && { body: parsed(text) } }
}

async function readUpTo (reader: ReadableStreamDefaultReader<Uint8Array>, maxBytes: number): Promise<Buffer | null> {
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return Buffer.concat(chunks)
    length += value.byteLength
    if (length > maxBytes) return null
    chunks.push(value)
  }
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
