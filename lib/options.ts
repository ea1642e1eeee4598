import type { TSchema } from 'typebox'
import type { TLocalizedValidationError } from 'typebox/error'
import * as Value from 'typebox/value'

/** What a web framework puts among the options of whatever is registered with it. */
const ofRegistration: readonly string[] = ['prefix', 'logLevel', 'logSerializers']

/** Options as the user wrote them, without those that are about the registration itself. */
export function ownOptions (given: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !ofRegistration.includes(name)))
}

/**
 * The sentence that says why options are not of their schema: it names the option and the value, and never prints what
 * could be a secret.
 *
 * @param name what the options are called where the user wrote them
 */
export function explain (name: string, schema: TSchema, value: unknown): string {
  const found = Value.Errors(schema, value)
  const unknown = found.find(error => error.keyword === 'additionalProperties')
  if (unknown !== undefined) {
    const { additionalProperties } = unknown.params
    const at = optionAt(name, unknown.instancePath)
    const keys = additionalProperties.map(key => JSON.stringify(key)).join(', ')
    return at === '' ? `there is no option ${keys}` : `${at} has no option ${keys}`
  }
  const { path, sentences } = worst(found)
  return `${optionAt(name, path) || 'options'} ${sentences.join(' or ')}, and is ${show(valueAt(value, path))}`
}

/**
 * What is wrong deepest inside: of the members of a union, the one that got furthest is the one that was meant. Where
 * one member is wrong in more than its type, the others' types do not matter.
 */
function worst (found: readonly TLocalizedValidationError[]): { path: string, sentences: string[] } {
  const depth = Math.max(...found.map(error => segments(error.instancePath).length))
  const deepest = found.filter(error => error.keyword !== 'anyOf' && segments(error.instancePath).length === depth)
  const path = deepest[0]!.instancePath
  const here = deepest.filter(error => error.instancePath === path)
  const telling = here.filter(error => error.keyword !== 'type' && error.keyword !== 'const')
  return { path, sentences: (telling.length > 0 ? telling : here).map(sentenceOf) }
}

function sentenceOf (error: TLocalizedValidationError): string {
  if (error.keyword === 'const') return `must be ${show(error.params.allowedValue)}`
  if (error.keyword === 'enum') return `must be one of ${error.params.allowedValues.map(show).join(', ')}`
  return error.message
}

function segments (path: string): string[] {
  return path.split('/').slice(1).map(segment => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function optionAt (name: string, path: string): string {
  return [name, ...segments(path)].filter(part => part !== '').join('.')
}

function valueAt (value: unknown, path: string): unknown {
  return segments(path).reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], value)
}

/** The members of a JWK that are private or secret (RFC 7518 section 6), and options that are secrets. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'clientSecret', 'secret', 'headers']

/** A value as a message can show it: short, without private keys, and without the password of a URL. */
export function show (value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol' || value === undefined) return typeof value
  if (typeof value === 'number') return String(value)
  let text: string
  try {
    text = JSON.stringify(value, (key, member: unknown) => secretMembers.includes(key) ? '***' : member) ?? typeof value
  } catch {
    text = typeof value
  }
  text = text.replace(/\/\/[^/?#@"]*@/g, '//***@')
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}
