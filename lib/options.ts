import type { TSchema } from 'typebox'
import * as Value from 'typebox/value'

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
    const { additionalProperties } = unknown.params as { additionalProperties: string[] }
    const at = optionAt(name, unknown.instancePath)
    const keys = additionalProperties.map(key => JSON.stringify(key)).join(', ')
    return at === '' ? `there is no option ${keys}` : `${at} has no option ${keys}`
  }
  const first = found.find(error => error.keyword !== 'boolean') ?? found[0]!
  return `${optionAt(name, first.instancePath) || 'options'} ${first.message}, and is ${show(valueAt(value, first.instancePath))}`
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

/** A value as a message can show it: short, and with nothing in it that a log should not have. */
export function show (value: unknown): string {
  if (typeof value === 'function' || typeof value === 'symbol' || value === undefined) return typeof value
  if (typeof value === 'number') return String(value)
  let text: string
  try {
    text = JSON.stringify(value) ?? typeof value
  } catch {
    text = typeof value
  }
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}
