import type { Readable } from 'node:stream'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'
import { ForwardError } from '../errors/forward-errors.ts'
import { parseJson } from '../parse-json.ts'
import { valueOf } from './header-list.ts'
import { readWhole } from './request-body.ts'
import type { UpstreamAnswer } from './upstreams.ts'

export interface InspectionLimits {
  readonly maxBytes: number
  /** How long an answer may take to be read. A slower one is passed on unread, as it arrives. */
  readonly maxMs: number
}

/** An answer, with its body if it was read. */
export interface Inspected {
  /** The same answer; its body is the stream that has not been read, or the bytes that were. */
  readonly answer: UpstreamAnswer
  /** The parsed body; `undefined` where it was not read or is no JSON. */
  readonly body: unknown
  /** The body as text; `undefined` where it was not read. */
  readonly text: string | undefined
}

/**
 * Reads a body that may contain an error about the token. Long bodies, event streams and all others are not read: they are
 * passed on from the first byte without delay.
 *
 * @throws ForwardError when the body breaks off
 */
export async function inspect (answer: UpstreamAnswer<Readable>, method: string, limits: InspectionLimits): Promise<Inspected> {
  if (!isReadable(answer, method, limits.maxBytes)) return { answer, body: undefined, text: undefined }

  const bytes = await readWhole(answer.body, limits.maxBytes, limits.maxMs).catch((cause: unknown) => {
    throw new ForwardError('FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE', { cause })
  })
  if (bytes === null) return { answer, body: undefined, text: undefined }
  const text = decode(bytes, valueOf(answer.headers, 'content-encoding'), limits.maxBytes)
  return { answer: { ...answer, body: bytes }, text, body: parse(text) }
}

const noHeaders = new Headers()

/** The headers of an error response; none for a successful one, whose headers say nothing about the token. */
export function headersOf ({ status, headers: lines }: UpstreamAnswer): Headers {
  if (status < 400) return noHeaders
  const headers = new Headers()
  for (let i = 0; i < lines.length; i += 2) headers.append(lines[i]!, lines[i + 1]!)
  return headers
}

/**
 * Whether the body may contain an error about the token: error responses, and JSON responses to a POST, as a JSON-RPC error
 * comes with status 200.
 */
export function isReadable ({ status, headers }: UpstreamAnswer, method: string, maxBytes: number): boolean {
  if (method === 'HEAD' || Number(valueOf(headers, 'content-length') ?? 0) > maxBytes) return false
  const type = (valueOf(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  if (status >= 400) return type !== 'text/event-stream'
  return status < 300 && method === 'POST' && /^application\/(?:[^;]+\+)?json$/.test(type)
}

/** Decompresses a copy of the body for reading; the body itself is passed on compressed, as the caller negotiated it. */
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
    return text === undefined ? undefined : parseJson(text)
  } catch {
    return undefined
  }
}
