import fc from 'fast-check'
import { test } from 'tap'
import type { TSchema } from 'typebox'
import * as Value from 'typebox/value'
import { findFault, matches } from '../../../lib/options/find-fault.ts'
import { Type } from '../../../lib/options/type.ts'

const { schema: anySchema } = fc.letrec<{ schema: TSchema }>(tie => ({
  schema: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<TSchema>(
      Type.String(), Type.String({ minLength: 2 }), Type.String({ pattern: '^a' }), Type.String({ pattern: /b$/ }),
      Type.Number(), Type.Number({ exclusiveMinimum: 0 }), Type.Integer(), Type.Integer({ minimum: 1 }), Type.Integer({ minimum: 0, maximum: 2 }),
      Type.Boolean(), Type.Null(), Type.Unknown(), Type.Function([], Type.Unknown()), Type.Literal(false), Type.Literal('a'), Type.Enum(['a', 'ab']),
      Type.Array(Type.String(), { minItems: 1, uniqueItems: true })),
    tie('schema').map(items => Type.Array(items)),
    tie('schema').map(items => Type.Array(items, { minItems: 1 })),
    fc.array(tie('schema'), { minLength: 1, maxLength: 3 }).map(members => Type.Union(members)),
    tie('schema').map(member => Type.Record(Type.String(), member)),
    tie('schema').map(member => Type.Record(Type.String(), member, { minProperties: 1, maxProperties: 1 })),
    fc.tuple(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.tuple(tie('schema'), fc.boolean()), { maxKeys: 3 }), fc.boolean()).map(([properties, closed]) =>
      Type.Object(
        Object.fromEntries(Object.entries(properties).map(([name, [schema, optional]]) => [name, optional ? Type.Optional(schema) : schema])),
        closed ? { additionalProperties: false } : {})))
}))

const { value: anyValue } = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<unknown>('', 'a', 'ab', 'b', 0, 1, 2, 3, -1, 0.5, NaN, Infinity, true, false, null, undefined, () => 1),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value'), { maxKeys: 3 }))
}))

test('a value matches its schema exactly when TypeBox says so', t => {
  let matched = 0
  fc.assert(fc.property(anySchema, anyValue, (schema, value) => {
    const expected = Value.Check(schema, value)
    if (expected) matched++
    return matches(schema, value) === expected
  }), { numRuns: 3000 })
  t.ok(matched > 100, `both answers were given: ${matched} of 3000 matched`)
  t.end()
})

test('the fault says where, and in a union it is that of the member that was meant', t => {
  const closed = { additionalProperties: false }
  const pair = (method: string, key: string): TSchema => Type.Object({ method: Type.Literal(method), [key]: Type.String() }, closed)
  const ways = Type.Union([pair('basic', 'secret'), pair('mtls', 'certificate')])
  for (const [schema, value, fault] of [
    [Type.Object({ a: Type.Array(Type.Integer()) }), { a: [1, 'x'] }, { kind: 'invalid', path: ['a', 1], value: 'x' }],
    [Type.Object({ a: Type.Unknown() }), {}, { kind: 'required', path: [], key: 'a' }],
    [Type.Object({ a: Type.String() }), { a: undefined }, { kind: 'required', path: [], key: 'a' }],
    [Type.Object({ a: Type.String() }, closed), { b: 1, c: 2 }, { kind: 'unknown', path: [], keys: ['b', 'c'], known: ['a'] }],
    [Type.Record(Type.String(), Type.Object({ a: Type.Null() })), { x: { a: 1 } }, { kind: 'invalid', path: ['x', 'a'], value: 1 }],
    [Type.Union([Type.Literal(false), Type.Object({}, closed)]), { a: 1 }, { kind: 'unknown', path: [], keys: ['a'] }],
    [Type.Union([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })]), { c: 1 }, { kind: 'required', path: [] }],
    [Type.Union([Type.Literal(false), Type.Object({}, closed)]), true, { kind: 'invalid', path: [], value: true }],
    [Type.Union([Type.String(), Type.Array(Type.String())]), [5], { kind: 'invalid', path: [0], value: 5 }],
    [Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String())]), '', { kind: 'invalid', path: [], value: '' }],
    [ways, { method: 'mtls', secret: 'x' }, { kind: 'unknown', keys: ['secret'], known: ['method', 'certificate'] }],
    [ways, { method: 'basic' }, { kind: 'required', key: 'secret' }],
    [ways, { method: 'none' }, { kind: 'invalid', path: ['method'], schema: { enum: ['basic', 'mtls'] }, value: 'none' }],
    [ways, {}, { kind: 'required', path: [], key: 'method' }],
    [Type.Union([Type.Literal(false), Type.Object({ token: Type.Optional(Type.Enum(['a'])) }, closed)]), { scope: 'a' }, { kind: 'unknown', keys: ['scope'] }],
    [ways, 'basic', { kind: 'invalid', path: [], value: 'basic' }],
    [Type.Union([Type.Object({ a: Type.Enum(['x']) }), Type.Record(Type.String(), Type.String(), { minProperties: 2 })]), { a: 'y' }, { kind: 'invalid', path: [] }],
    [Type.Union([Type.Record(Type.String(), Type.String(), { minProperties: 2 }), Type.Object({ a: Type.Enum(['x']) })]), { a: 'y' }, { kind: 'invalid', path: [] }],
    [Type.Union([Type.Object({ a: Type.Literal(1) }), Type.Object({})]), { a: 1 }, null]
  ] as ReadonlyArray<readonly [TSchema, unknown, object | null]>) t[fault === null ? 'equal' : 'match'](findFault(schema, value), fault, JSON.stringify(value))
  t.end()
})
