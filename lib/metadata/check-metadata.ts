import { isDeepStrictEqual } from 'node:util'
import type { ProtectedResourceMetadata } from './document.ts'
import type { IdentifierError } from '../errors/syntax-errors.ts'
import { parseIdentifier } from '../identifier.ts'

/** A member of the `metadata` option that cannot be served: the name of the member, and what is wrong with it. */
export class MetadataMemberError extends Error {
  readonly member: string
  constructor (member: string, message: string) {
    super(message)
    this.member = member
  }
}

/** Members that follow from other options, so that document, challenge and checks cannot disagree. */
const derivedMembers: ReadonlyMap<string, string> = new Map([
  ['resource', 'follows from resource'],
  ['authorization_servers', 'follows from authorizationServers'],
  ['scopes_supported', 'follows from scopes'],
  ['bearer_methods_supported', 'is always header: tokens are read from nowhere else'],
  ['tls_client_certificate_bound_access_tokens', 'follows from clientCertificates'],
  ['dpop_signing_alg_values_supported', 'follows from dpop'],
  ['dpop_bound_access_tokens_required', 'follows from dpop']
])
/** RFC 9728 section 2.1. */
const humanReadable = ['resource_name', 'resource_documentation', 'resource_policy_uri', 'resource_tos_uri']
const urls = ['resource_documentation', 'resource_policy_uri', 'resource_tos_uri', 'jwks_uri']
const lists = ['resource_signing_alg_values_supported', 'authorization_details_types_supported']
/** Members of the RFC without language tags. Unknown members may have them. */
const forMachines = [...lists, 'jwks_uri', 'signed_metadata']
// A simplified check of BCP 47 (RFC 5646) language tags, which finds typing errors.
const languageTag = /^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*$/

/**
 * Checks the `metadata` option by RFC 9728 section 2.
 *
 * @returns warnings about values that are allowed but not recommended
 * @throws MetadataMemberError
 */
export function checkMetadata (metadata: Readonly<ProtectedResourceMetadata>): string[] {
  const warnings: string[] = []
  const seen = new Set<string>()

  for (const [name, value] of Object.entries(metadata)) {
    if (value === undefined) continue
    const [base = '', tag, ...rest] = name.split('#')
    const comparable = tag === undefined ? base : `${base}#${tag.toLowerCase()}`
    if (seen.has(comparable)) throw new MetadataMemberError(name, 'stands twice; language tags compare without case')
    seen.add(comparable)

    const derived = derivedMembers.get(base)
    if (derived !== undefined) throw new MetadataMemberError(name, derived)
    if (tag !== undefined) {
      if (forMachines.includes(base)) throw new MetadataMemberError(name, 'must not have a language tag')
      if (rest.length > 0 || !languageTag.test(tag)) throw new MetadataMemberError(name, 'has no BCP 47 language tag')
    }
    if (urls.includes(base)) checkUrl(name, value, base === 'jwks_uri')
    else if (humanReadable.includes(base) && typeof value !== 'string') throw new MetadataMemberError(name, 'must be a string')
    if (lists.includes(base)) checkList(name, value)
    if (!isJson(value)) throw new MetadataMemberError(name, 'must be a JSON value')
  }

  for (const name of humanReadable) {
    const tagged = Object.keys(metadata).some(member => member.startsWith(`${name}#`))
    if (tagged && metadata[name] === undefined) warnings.push(`metadata.${name} should also stand without a language tag`)
  }
  if (!metadata.resource_name) warnings.push('metadata.resource_name should say what a person calls this resource')
  return warnings
}

/**
 * Checks that `signed_metadata` (RFC 9728 section 2.2) has the same values as the document that contains it. Its signature is
 * verified by clients, not here.
 *
 * @throws MetadataMemberError
 */
export function checkSignedMetadata (signed: unknown, members: Readonly<Record<string, unknown>>): void {
  const fail = (message: string): never => { throw new MetadataMemberError('signed_metadata', message) }
  const parts = typeof signed === 'string' ? signed.split('.') : []
  if (parts.length !== 3 || parts.some(part => !/^[A-Za-z0-9_-]+$/.test(part))) fail('must be a compact JWS')
  const [header, claims] = parts.slice(0, 2).map(part => decodeObject(part) ?? fail('must be a compact JWS'))
  if (typeof header!.alg !== 'string' || header!.alg.toLowerCase() === 'none') fail('must be signed')
  if (typeof claims!.iss !== 'string') fail('must have an iss claim')
  for (const [name, value] of Object.entries(claims!)) {
    if (name === 'signed_metadata') fail('must not be nested in itself')
    if (Object.hasOwn(members, name) && !isDeepStrictEqual(value, JSON.parse(JSON.stringify(members[name])))) {
      fail(`says something else than the document about ${name}`)
    }
  }
  if (claims!.resource !== members.resource) fail('is about another resource')
}

function decodeObject (part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Record<string, unknown> : null
  } catch {
    return null
  }
}

function checkUrl (name: string, value: unknown, secure: boolean): void {
  if (typeof value !== 'string') throw new MetadataMemberError(name, 'must be a URL')
  if (!secure) {
    if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) throw new MetadataMemberError(name, 'must be a URL')
    return
  }
  try {
    parseIdentifier(value)
  } catch (error) {
    throw new MetadataMemberError(name, (error as IdentifierError).message)
  }
}

/** False for values that JSON cannot represent, and for circular ones. */
function isJson (value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}

function checkList (name: string, value: unknown): void {
  if (!Array.isArray(value) || value.some(entry => typeof entry !== 'string' || entry === '')) {
    throw new MetadataMemberError(name, 'must be a list of strings')
  }
  if (name === 'resource_signing_alg_values_supported' && value.some(entry => String(entry).toLowerCase() === 'none')) {
    throw new MetadataMemberError(name, 'must not hold none')
  }
}
