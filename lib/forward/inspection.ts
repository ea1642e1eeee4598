import { PassThrough } from 'node:stream'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { ForwardError } from '../errors/forward-errors.ts'
import { valueOf } from './header-list.ts'
import { readWhole } from './request-body.ts'
import type { UpstreamAnswer } from './upstreams.ts'

export interface InspectionLimits {
  readonly maxBytes: number
  /** How long the caller waits for an answer to be read; what is longer on its way is passed on as it comes. */
  readonly maxMs: number
}

/** An answer as it may be judged. */
export interface Inspected {
  /** The same answer, its body not read. */
  readonly answer: UpstreamAnswer
  readonly status: number
  /** Empty below status 400. */
  readonly headers: Headers
  /** What its JSON says; undefined where there is none, or none that was read. */
  readonly body: unknown
  /** Undefined where it was not read. */
  readonly text: string | undefined
}

/**
 * Reads what a verdict may depend on: the body of a failure, and JSON that answers a POST, as a JSON-RPC error looks like
 * success. Anything else, what is too long and event streams most of all, is not touched: its first byte does not wait.
 *
 * @throws ForwardError when the body breaks off
 */
export async function inspect (answer: UpstreamAnswer, method: string, limits: InspectionLimits): Promise<Inspected> {
  const signs = { status: answer.status, headers: headersOf(answer), body: undefined, text: undefined }
  if (!isTelling(answer, method, limits.maxBytes)) return { ...signs, answer }

  const bytes = await readWhole(answer.body, limits.maxBytes, limits.maxMs).catch((cause: unknown) => {
    throw new ForwardError('FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE', { cause })
  })
  if (bytes === null) return { ...signs, answer }
  const text = decode(bytes, valueOf(answer.headers, 'content-encoding'), limits.maxBytes)
  return { ...signs, answer: { ...answer, body: new PassThrough().end(bytes), isWhole: true }, text, body: parse(text) }
}

const noHeaders = new Headers()

/** Those of a failure: of a good answer they say nothing about the token, and most answers are good. */
export function headersOf ({ status, headers: lines }: UpstreamAnswer): Headers {
  if (status < 400) return noHeaders
  const headers = new Headers()
  for (let i = 0; i < lines.length; i += 2) headers.append(lines[i]!, lines[i + 1]!)
  return headers
}

function isTelling ({ status, headers }: UpstreamAnswer, method: string, maxBytes: number): boolean {
  if (method === 'HEAD' || Number(valueOf(headers, 'content-length') ?? 0) > maxBytes) return false
  const type = (valueOf(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (status >= 400) return type !== 'text/event-stream'
  return status < 300 && method === 'POST' && /^application\/(?:[^;]+\+)?json$/.test(type)
}

/** The caller may have asked for it, and got it, compressed. It goes on as it came; only the reading needs it plain. */
function decode (bytes: Buffer, encoding: string | null, maxOutputLength: number): string | undefined {
  try {
    switch (encoding?.trim().toLowerCase() ?? 'identity') {
      case 'identity': return bytes.toString('utf8')
      case 'gzip': case 'x-gzip': return gunzipSync(bytes, { maxOutputLength }).toString('utf8')
      case 'deflate': return inflateSync(bytes, { maxOutputLength }).toString('utf8')
      case 'br': return brotliDecompressSync(bytes, { maxOutputLength }).toString('utf8')
      default: return undefined
    }
  } catch {
    return undefined
  }
}

function parse (text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
