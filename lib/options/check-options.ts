import type { TSchema } from 'typebox'
import { OptionError } from '../errors/errors.ts'
import type { Fault, JsonSchema, Path } from './find-fault.ts'
import { findFault } from './find-fault.ts'
import { isSecretName, kindOf, show } from './show.ts'
import { didYouMean } from './suggest.ts'

/** What Fastify adds to the options of whatever is registered with it. */
const registrationOptions: readonly string[] = ['prefix', 'logLevel', 'logSerializers']

/** Options as the user wrote them, without those that are about the registration itself. */
export function ownOptions (given: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([name]) => !registrationOptions.includes(name)))
}

/**
 * Holds options against their schema.
 *
 * @param name what the options are called where the user wrote them; `''` for those of the plugin itself
 * @throws OptionError that says what is wrong, what was given, what was expected and, for a typing error, what was likely
 *   meant; it prints no secret
 */
export function checkOptions<Options> (name: string, schema: TSchema, given: unknown): Options {
  const fault = findFault(schema, given)
  if (fault !== null) throw new OptionError(explain(name, fault))
  return given as Options
}

/**
 * The sentence that says what is wrong.
 *
 * @param showValue how the value is written; by default, in full where it is under no name of a secret
 */
export function explain (name: string, fault: Fault, showValue: (value: unknown) => string = show): string {
  // As in `config.oauth of GET /projects`: the option first, then where it is.
  const place = / of .*/.exec(name)?.[0] ?? ''
  const options = name.slice(0, name.length - place.length)
  const at = optionAt(options, fault.path) + place
  switch (fault.kind) {
    case 'unknown': {
      const prefix = at === '' ? '' : `${at}: `
      const keys = fault.keys.map(key => JSON.stringify(key)).join(', ')
      const known = didYouMean(fault.keys[0]!, fault.known) || (fault.known.length > 12 ? '' : ` Known options: ${fault.known.join(', ') || 'none'}.`)
      return `${prefix}unknown option${fault.keys.length > 1 ? 's' : ''} ${keys}.${known}`
    }
    case 'required':
      return `\`${optionAt(options, [...fault.path, fault.key])}\`${place} is required`
    case 'invalid': {
      const { schema, value, path } = fault
      const got = path.some(key => isHidden(key, value)) ? kindOf(value) : showValue(value)
      const meant = typeof value === 'string' && schema.enum !== undefined ? didYouMean(value, schema.enum.filter(one => typeof one === 'string')) : ''
      return `${at || 'options'} must be ${describe(schema)}, got ${got}${meant === '' ? '' : `.${meant}`}`
    }
  }
}

/** Text in the place of ways to authenticate is likely the secret itself. */
function isHidden (key: string | number, value: unknown): boolean {
  return typeof key === 'string' && (isSecretName(key) || (key === 'authentication' && typeof value === 'string'))
}

/** As JavaScript would write it: `authorizationServers[0].issuer`, `metadata["a b"]`. */
export function optionAt (name: string, path: Path): string {
  return path.reduce<string>((at, key) => {
    if (typeof key === 'number') return `${at}[${key}]`
    if (!/^[\w$]+$/.test(key)) return `${at}[${JSON.stringify(key)}]`
    return at === '' ? key : `${at}.${key}`
  }, name)
}

/** What a schema asks for, in words. */
function describe (schema: JsonSchema): string {
  const words = schema.anyOf !== undefined
    ? [...new Set(schema.anyOf.map(describe))].join(' or ')
    : schema.const !== undefined
      ? show(schema.const)
      : schema.enum !== undefined ? `one of ${schema.enum.map(show).join(', ')}` : describeType(schema)
  return schema.description === undefined ? words : `${words} (${schema.description})`
}

function describeType (schema: JsonSchema): string {
  const { type = 'object', minLength = 0, pattern, minItems = 0, uniqueItems = false, minProperties = 0, maxProperties } = schema
  switch (type) {
    case 'string': return pattern === undefined
      ? minLength > 0 ? 'a non-empty string' : 'a string'
      : `a string that matches ${String(new RegExp(pattern))}`
    case 'integer': return `an integer${describeRange(schema)}`
    case 'number': return `a number${describeRange(schema)}`
    case 'array': return `${minItems > 0 ? 'a non-empty array' : 'an array'}${uniqueItems ? ' without duplicates' : ''}`
    case 'object': return maxProperties === 1 ? 'an object with exactly one member' : minProperties > 0 ? 'a non-empty object' : 'an object'
    case 'boolean': return 'true or false'
    case 'function': return 'a function'
    case 'null': return 'null'
  }
}

function describeRange ({ minimum, maximum, exclusiveMinimum }: JsonSchema): string {
  if (exclusiveMinimum !== undefined) return ` greater than ${exclusiveMinimum}`
  if (minimum === undefined) return ''
  return maximum === undefined ? ` of at least ${minimum}` : ` from ${minimum} to ${maximum}`
}
