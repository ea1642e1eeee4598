import { FetchError } from '../errors/fetch-error.ts'
import { parseJson } from '../parse-json.ts'
import type { Fetch, FetchLimits } from './limited-fetch.ts'
import { fetchIdempotent } from './limited-fetch.ts'

/** A JSON object that another server sent, from the very URL that was requested. */
export interface FetchedJson {
  readonly body: Readonly<Record<string, unknown>>
  /** How long the response may be kept, from its `Cache-Control: max-age`; `null` when it does not say. */
  readonly maxAgeSeconds: number | null
}

/**
 * GETs one JSON object.
 *
 * @throws FetchError
 */
export async function fetchJson (url: string, fetch: Fetch, limits: FetchLimits): Promise<FetchedJson> {
  const init = { method: 'GET', headers: { accept: 'application/json' } }
  const { status, headers, text } = await fetchIdempotent(url, init, fetch, limits, [200])
  let body: unknown
  try {
    body = parseJson(text)
  } catch (error) {
    throw new FetchError('not_json', url, status, { cause: error })
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new FetchError('not_json', url, status)
  return { body: body as Record<string, unknown>, maxAgeSeconds: maxAge(headers.get('cache-control')) }
}

function maxAge (cacheControl: string | null): number | null {
  if (cacheControl === null) return null
  if (/(?:^|,)\s*no-(?:store|cache)\b/i.test(cacheControl)) return 0
  const seconds = /(?:^|,)\s*max-age\s*=\s*"?(\d{1,10})/i.exec(cacheControl)?.[1]
  return seconds === undefined ? null : Number(seconds)
}
