import type { Type as TypeBox } from 'typebox'

/** The part of TypeBox that this package writes its schemas with. */
type SchemaBuilder = Pick<typeof TypeBox,
  'Array' | 'Boolean' | 'Enum' | 'Function' | 'Integer' | 'Literal' | 'Null' | 'Number' | 'Object' | 'Optional' | 'Record' | 'String' | 'Union' | 'Unknown'>

type Keywords = Readonly<Record<string, unknown>>

/** The name of TypeBox's own mark of an optional property, which is not enumerable there either. */
const optionalMark = '~optional'

const builder = {
  Array: (items: object, keywords?: Keywords) => ({ type: 'array', items, ...keywords }),
  Boolean: (keywords?: Keywords) => ({ type: 'boolean', ...keywords }),
  Enum: (values: readonly unknown[], keywords?: Keywords) => ({ enum: values, ...keywords }),
  Function: (parameters: readonly object[], returnType: object) => ({ type: 'function', parameters, returnType }),
  Integer: (keywords?: Keywords) => ({ type: 'integer', ...keywords }),
  Literal: (value: unknown, keywords?: Keywords) => ({ type: typeof value, const: value, ...keywords }),
  Null: () => ({ type: 'null' }),
  Number: (keywords?: Keywords) => ({ type: 'number', ...keywords }),
  Object (properties: Readonly<Record<string, object>>, keywords?: Keywords) {
    const required = Object.keys(properties).filter(name => !Object.hasOwn(properties[name]!, optionalMark))
    return { type: 'object', ...required.length > 0 && { required }, properties, ...keywords }
  },
  Optional: (schema: object) => Object.defineProperty({ ...schema }, optionalMark, { value: true }),
  Record: (key: { pattern?: string | RegExp }, value: object, keywords?: Keywords) =>
    ({ type: 'object', patternProperties: { '^.*$': value }, ...keywords }),
  String: (keywords?: Keywords) => ({ type: 'string', ...keywords }),
  Union: (anyOf: readonly object[], keywords?: Keywords) => ({ anyOf, ...keywords }),
  Unknown: () => ({})
}

/**
 * TypeBox's notation, its types and the JSON Schemas that it makes, without TypeBox itself at run time: loading it takes
 * longer than loading Fastify. A test holds each of these functions against the one of TypeBox.
 */
export const Type: SchemaBuilder = builder as unknown as SchemaBuilder
