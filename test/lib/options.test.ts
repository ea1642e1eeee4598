import { test } from 'tap'
import Type from 'typebox'
import { explain, show } from '../../lib/options.ts'

const closed = { additionalProperties: false }
const schema = Type.Object({
  name: Type.String({ minLength: 1 }),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 300 })),
  kind: Type.Optional(Type.Enum(['a', 'b'])),
  cache: Type.Optional(Type.Union([Type.Literal(false), Type.Object({ size: Type.Optional(Type.Integer({ minimum: 1 })) }, closed)])),
  audience: Type.Optional(Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String(), { minItems: 1, uniqueItems: true })])),
  'a/b~c': Type.Optional(Type.Object({}, closed))
}, closed)

const cases: ReadonlyArray<readonly [unknown, string, string]> = [
  [{ name: 5 }, 'name must be string, and is 5', 'x.name must be string, and is 5'],
  [{ name: '' }, 'name must not have fewer than 1 characters, and is ""', 'x.name must not have fewer than 1 characters, and is ""'],
  [{}, 'options must have required properties name, and is {}', 'x must have required properties name, and is {}'],
  [null, 'options must be object, and is null', 'x must be object, and is null'],
  [undefined, 'options must be object, and is undefined', 'x must be object, and is undefined'],
  [{ name: 'n', count: NaN }, 'count must be integer, and is NaN', 'x.count must be integer, and is NaN'],
  [{ name: 'n', count: 0 }, 'count must be >= 1, and is 0', 'x.count must be >= 1, and is 0'],
  [{ name: 'n', count: 5000 }, 'count must be <= 300, and is 5000', 'x.count must be <= 300, and is 5000'],
  [{ name: 'n', count: '5s' }, 'count must be integer, and is "5s"', 'x.count must be integer, and is "5s"'],
  [{ name: 'n', kind: 'c' }, 'kind must be one of "a", "b", and is "c"', 'x.kind must be one of "a", "b", and is "c"'],
  [{ name: 'n', other: 1 }, 'there is no option "other"', 'x has no option "other"'],
  [{ name: 'n', other: 1, more: 2 }, 'there is no option "other", "more"', 'x has no option "other", "more"'],
  [{ name: 'n', cache: { max: 1 } }, 'cache has no option "max"', 'x.cache has no option "max"'],
  [{ name: 'n', 'a/b~c': { d: 1 } }, 'a/b~c has no option "d"', 'x.a/b~c has no option "d"'],
  [{ name: 'n', cache: { size: 0 } }, 'cache.size must be >= 1, and is 0', 'x.cache.size must be >= 1, and is 0'],
  [{ name: 'n', cache: true }, 'cache must be false or must be object, and is true', 'x.cache must be false or must be object, and is true'],
  [{ name: 'n', audience: 5 }, 'audience must be string or must be array, and is 5', 'x.audience must be string or must be array, and is 5'],
  [{ name: 'n', audience: [] }, 'audience must not have fewer than 1 items, and is []', 'x.audience must not have fewer than 1 items, and is []'],
  [{ name: 'n', audience: ['a', 5] }, 'audience.1 must be string, and is 5', 'x.audience.1 must be string, and is 5'],
  [{ name: 'n', audience: ['a', 'a'] }, 'audience must not have duplicate items, and is ["a","a"]',
    'x.audience must not have duplicate items, and is ["a","a"]']
]

for (const [value, atTop, named] of cases) {
  test(`explains ${show(value)}`, t => {
    t.equal(explain('', schema, value), atTop)
    t.equal(explain('x', schema, value), named)
    t.end()
  })
}

test('values in messages', t => {
  const ring: { self?: object } = {}
  ring.self = ring
  for (const [value, shown] of [
    [undefined, 'undefined'], [null, 'null'], [NaN, 'NaN'], [Infinity, 'Infinity'], [-0.5, '-0.5'], [true, 'true'], ['a"b\n', '"a\\"b\\n"'],
    [() => 1, 'function'], [Symbol('s'), 'symbol'], [5n, 'bigint'], [ring, 'object'], [{ toJSON: () => undefined }, 'object'],
    [{ a: [1] }, '{"a":[1]}'], ['x'.repeat(200), `"${'x'.repeat(116)}...`],
    [[{ kty: 'EC', d: 'secret', k: 'secret' }], '[{"kty":"EC","d":"***","k":"***"}]'],
    ['https://user:secret@h/', '"https://***@h/"'], ['https://h/@a', '"https://h/@a"']
  ] as const) t.equal(show(value), shown)
  t.end()
})
