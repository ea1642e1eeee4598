import type { Static, TSchema } from 'typebox'

/** The keywords of JSON Schema that schemas of this package use, and no others. */
export interface JsonSchema {
  readonly type?: 'array' | 'boolean' | 'function' | 'integer' | 'null' | 'number' | 'object' | 'string'
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: boolean
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly uniqueItems?: boolean
  readonly minLength?: number
  readonly pattern?: string | RegExp
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  /** What a message adds in parentheses to what is expected. */
  readonly description?: string
}

export type Path = ReadonlyArray<string | number>

/** The first thing that is wrong with a value, and where. */
export type Fault =
  | { readonly kind: 'unknown', readonly path: Path, readonly keys: readonly string[], readonly known: readonly string[] }
  | { readonly kind: 'required', readonly path: Path, readonly key: string }
  | { readonly kind: 'invalid', readonly path: Path, readonly schema: JsonSchema, readonly value: unknown }

type Properties = Readonly<Record<string, unknown>>

/** Whether a value is of its schema. */
export function matches<Schema extends TSchema> (schema: Schema, value: unknown): value is Static<Schema> {
  return findFault(schema, value) === null
}

/** Holds a value against its schema; `null` when it is of it. The same answer as TypeBox's `Value.Check`. */
export function findFault (schema: TSchema, value: unknown): Fault | null {
  return faultOf(schema as JsonSchema, value, [])
}

function faultOf (schema: JsonSchema, value: unknown, path: Path): Fault | null {
  if (schema.anyOf !== undefined) return faultOfUnion(schema, schema.anyOf, value, path)
  if (!isOfKind(schema, value) || !isInRange(schema, value)) return { kind: 'invalid', path, schema, value }
  if (schema.type === 'array' && schema.items !== undefined) return faultOfItems(schema.items, value as readonly unknown[], path)
  if (schema.type === 'object') return faultOfObject(schema, value as Properties, path)
  return null
}

/**
 * Of the members of a union, the one that the value has the shape of is the one that was meant, and says what is wrong
 * inside. Where no member has it, the value is held against all of them.
 */
function faultOfUnion (schema: JsonSchema, members: readonly JsonSchema[], value: unknown, path: Path): Fault | null {
  if (members.some(member => faultOf(member, value, path) === null)) return null
  const ofKind = members.filter(member => isOfKind(member, value))
  const meant = ofKind.length === 1 ? ofKind : ofKind.filter(member => hasValuesOf(member, value))
  const inside = meant.map(member => faultOf(member, value, path)!).find(fault => fault.kind !== 'invalid' || fault.path.length > path.length)
  if (inside !== undefined) return inside
  const choice = ofKind.length > 1 ? choiceOf(ofKind) : null
  if (choice === null) return { kind: 'invalid', path, schema, value }
  return { kind: 'invalid', path: [...path, choice.key], schema: { enum: choice.values }, value: (value as Properties)[choice.key] }
}

/** Objects are distinguished by properties with few possible values, as `method` does for ways to authenticate. */
function hasValuesOf ({ properties = {} }: JsonSchema, value: unknown): boolean {
  return Object.entries(properties).every(([key, property]) => {
    const values = valuesOf(property)
    const given = (value as Properties)[key]
    return values === null || given === undefined || values.includes(given)
  })
}

/** The property that distinguishes all members of a union, and its values; `null` when there is none. */
function choiceOf (members: readonly JsonSchema[]): { key: string, values: readonly unknown[] } | null {
  for (const key of Object.keys(members[0]?.properties ?? {})) {
    const values = members.map(({ properties = {} }) => Object.hasOwn(properties, key) ? valuesOf(properties[key]!) : null)
    if (values.every(one => one !== null)) return { key, values: values.flat() }
  }
  return null
}

function valuesOf (schema: JsonSchema): readonly unknown[] | null {
  return schema.enum ?? (schema.const === undefined ? null : [schema.const])
}

function faultOfItems (items: JsonSchema, value: readonly unknown[], path: Path): Fault | null {
  for (const [index, item] of value.entries()) {
    const fault = faultOf(items, item, [...path, index])
    if (fault !== null) return fault
  }
  return null
}

function faultOfObject (schema: JsonSchema, value: Properties, path: Path): Fault | null {
  const { properties = {}, required = [], patternProperties = {}, additionalProperties = true } = schema
  if (!additionalProperties) {
    const keys = Object.keys(value).filter(key => !Object.hasOwn(properties, key))
    if (keys.length > 0) return { kind: 'unknown', path, keys, known: Object.keys(properties) }
  }
  for (const [key, property] of Object.entries(properties)) {
    if (value[key] === undefined) {
      if (!required.includes(key) || (key in value && isAnything(property))) continue
      return { kind: 'required', path, key }
    }
    const fault = faultOf(property, value[key], [...path, key])
    if (fault !== null) return fault
  }
  for (const property of Object.values(patternProperties)) {
    for (const [key, member] of Object.entries(value)) {
      const fault = faultOf(property, member, [...path, key])
      if (fault !== null) return fault
    }
  }
  return null
}

function isAnything (schema: JsonSchema): boolean {
  return Object.keys(schema).length === 0
}

function isOfKind (schema: JsonSchema, value: unknown): boolean {
  if (schema.const !== undefined) return value === schema.const
  if (schema.enum !== undefined) return schema.enum.includes(value)
  const { type } = schema
  if (type === undefined) return true
  switch (type) {
    case 'array': return Array.isArray(value)
    case 'integer': return Number.isInteger(value)
    case 'null': return value === null
    case 'number': return Number.isFinite(value)
    case 'object': return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'boolean': return typeof value === 'boolean'
    case 'function': return typeof value === 'function'
    case 'string': return typeof value === 'string'
  }
}

/** Whether a value of the right kind is neither too small nor too large, and has the form that is asked for. */
function isInRange (schema: JsonSchema, value: unknown): boolean {
  if (typeof value === 'string') {
    const { minLength = 0, pattern } = schema
    return value.length >= minLength && (pattern === undefined || new RegExp(pattern).test(value))
  }
  if (typeof value === 'number') {
    // NaN is neither below nor above anything; kinds of numbers have refused it already.
    const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum } = schema
    return !(value < minimum) && !(value > maximum) && !(exclusiveMinimum !== undefined && value <= exclusiveMinimum)
  }
  if (Array.isArray(value)) {
    const { minItems = 0, uniqueItems = false } = schema
    return value.length >= minItems && (!uniqueItems || new Set(value).size === value.length)
  }
  if (typeof value === 'object' && value !== null) {
    const { minProperties = 0, maxProperties = Infinity } = schema
    if (minProperties === 0 && maxProperties === Infinity) return true
    const count = Object.keys(value).length
    return count >= minProperties && count <= maxProperties
  }
  return true
}
