import { AuthorizationError } from '../errors/authorization-error.ts'
import { FetchError } from '../errors/fetch-error.ts'
import { parseIdentifier } from '../identifier.ts'
import { metadataUrl } from '../metadata/well-known.ts'
import { parseStrictObject } from '../token/strict-json.ts'
import type { Exchange } from './exchange.ts'
import { describeFailure } from './exchange.ts'
import type { Subject } from './subject.ts'
import { Unchecked } from './subject.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** A URL at which a document was looked for. */
export interface Attempt {
  readonly url: string
  /** `null` when the request failed. */
  readonly exchange: Exchange | null
  /** Why it failed. */
  readonly failure: string | null
  /** Whether the failure is that of the other server. The doctor does not request every address, and stops when requests are limited. */
  readonly isOutage: boolean
}

/** GETs a URL, and keeps the failure where there is no response. */
export async function attempt (subject: Subject, url: string): Promise<Attempt> {
  return await subject.once(`GET ${url}`, async () => {
    try {
      return { url, exchange: await subject.get(url), failure: null, isOutage: false }
    } catch (error) {
      return { url, exchange: null, failure: describeFailure(error), isOutage: error instanceof FetchError && !(error.cause instanceof AuthorizationError) }
    }
  })
}

/**
 * What is wrong with a URL that gave no response.
 *
 * @throws Unchecked when the failure is not that of the server
 */
export function outageOf ({ url, failure, isOutage }: Attempt): string {
  const message = `${url} was not read: ${failure!}`
  if (!isOutage) throw new Unchecked(message)
  return message
}

/** Where clients look for the document, in their order (RFC 9728 section 3, Model Context Protocol). */
export async function documentUrls (subject: Subject): Promise<readonly string[]> {
  const pointer = await subject.pointer()
  const { publicUrl } = subject
  const parts = parseIdentifier(publicUrl, true)
  const { pathname, search } = new URL(publicUrl)
  const places = [metadataUrl({ ...parts, path: pathname, query: search }), metadataUrl({ ...parts, path: '', query: '' })]
  return [...new Set([...pointer !== null && URL.canParse(pointer) ? [pointer] : [], ...places])]
}

/**
 * The response with the metadata document of the resource, from the first URL that has one.
 *
 * @throws Unchecked when there is none
 */
export async function documentExchange (subject: Subject): Promise<Exchange> {
  for (const url of await documentUrls(subject)) {
    const { exchange } = await attempt(subject, url)
    if (exchange?.response.status === 200) return exchange
  }
  throw new Unchecked('no metadata document was found')
}

/** @throws Unchecked when there is no document, or it is not a JSON object */
export async function documentOf (subject: Subject): Promise<JsonObject> {
  const document = parseObject(await documentExchange(subject))
  if (typeof document === 'string') throw new Unchecked('the metadata document is not a JSON object')
  return document
}

/** A JSON object of a response, or a sentence about what the response has instead. */
export function parseObject ({ response: { text, isTruncated } }: Exchange): JsonObject | string {
  if (isTruncated) return 'the body is larger than 256 KiB'
  try {
    return parseStrictObject(Buffer.from(text))
  } catch (error) {
    return `the body is ${(error as SyntaxError).message}`
  }
}

/** @throws Unchecked when the document has no `resource` that is a URL */
export async function resourceOf (subject: Subject): Promise<string> {
  const { resource } = await documentOf(subject)
  if (typeof resource !== 'string' || identifierFault(resource) !== null) throw new Unchecked('the document has no resource that is an https URL')
  return resource
}

/**
 * The identifier of the resource: that of the document, or where it has none, the one that the user named.
 *
 * @throws Unchecked where neither is known
 */
export async function resourceIdentifier (subject: Subject): Promise<string> {
  try {
    return await resourceOf(subject)
  } catch (error) {
    const { resource } = subject.options
    if (resource !== null) return resource
    throw error instanceof Unchecked ? new Unchecked(`${error.message}, and no identifier was given (--resource)`) : error
  }
}

/** What is wrong with an identifier or a URL of metadata; `null` when nothing is. */
export function identifierFault (value: unknown): string | null {
  if (typeof value !== 'string') return 'is not a string'
  try {
    parseIdentifier(value)
    return null
  } catch (error) {
    return (error as Error).message
  }
}
