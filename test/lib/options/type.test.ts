import { test } from 'tap'
import { Type as TypeBox } from 'typebox'
import { Type } from '../../../lib/options/type.ts'

/** A schema by each function of the notation, with and without keywords. */
const schemas: ReadonlyArray<(T: typeof Type) => unknown> = [
  T => T.String(), T => T.String({ minLength: 1 }), T => T.String({ pattern: /^a$/ }), T => T.String({ pattern: '^a$' }),
  T => T.Number(), T => T.Number({ exclusiveMinimum: 0 }), T => T.Integer(), T => T.Integer({ minimum: 1, maximum: 2 }),
  T => T.Boolean(), T => T.Boolean({ description: 'd' }), T => T.Null(), T => T.Unknown(), T => T.Function([], T.Unknown()),
  T => T.Literal(false), T => T.Literal('x'), T => T.Literal(5), T => T.Literal('x', { description: 'd' }),
  T => T.Enum(['a', 'b']), T => T.Enum(['a'], { description: 'd' }),
  T => T.Array(T.String()), T => T.Array(T.Unknown(), { minItems: 1, uniqueItems: true }),
  T => T.Union([T.Literal(false), T.Null()]), T => T.Union([T.String()], { description: 'd' }),
  T => T.Record(T.String(), T.Unknown()), T => T.Record(T.String(), T.Number(), { minProperties: 1 }),
  T => T.Object({}), T => T.Object({ a: T.Optional(T.String()) }),
  T => T.Object({ a: T.Optional(T.String()), b: T.Number(), c: T.Object({ d: T.Null() }) }, { additionalProperties: false, maxProperties: 1 }),
  T => T.Optional(T.Array(T.String(), { minItems: 2 }))
]

test('each function of the notation makes the schema that TypeBox makes', t => {
  for (const [index, schema] of schemas.entries()) {
    const ours = schema(Type)
    // As plain data, without the marks of TypeBox that are not enumerable.
    t.strictSame(JSON.parse(JSON.stringify(ours)), JSON.parse(JSON.stringify(schema(TypeBox))), `schema ${index}: ${JSON.stringify(ours)}`)
  }
  t.end()
})
