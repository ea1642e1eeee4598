import { test } from 'tap'
import { checkOptions, explain, optionAt, ownOptions } from '../../../lib/options/check-options.ts'
import { findFault } from '../../../lib/options/find-fault.ts'
import { kindOf, show } from '../../../lib/options/show.ts'
import { Type } from '../../../lib/options/type.ts'

const closed = { additionalProperties: false }
const text = Type.String({ minLength: 1 })
const schema = Type.Object({
  name: text,
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 300 })),
  size: Type.Optional(Type.Integer({ minimum: 1 })),
  seconds: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  any: Type.Optional(Type.Number()),
  kind: Type.Optional(Type.Enum(['entra', 'keycloak', 5])),
  scopes: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'name → description' })),
  cache: Type.Optional(Type.Union([Type.Literal(false), Type.Object({ size: Type.Optional(Type.Integer({ minimum: 1 })) }, closed)])),
  audience: Type.Optional(Type.Union([text, Type.Array(Type.String(), { minItems: 1, uniqueItems: true })])),
  words: Type.Optional(Type.Array(Type.String({ pattern: '^a+$' }))),
  one: Type.Optional(Type.Object({}, { minProperties: 1, maxProperties: 1 })),
  some: Type.Optional(Type.Object({}, { minProperties: 1 })),
  flag: Type.Optional(Type.Boolean()),
  check: Type.Optional(Type.Function([], Type.Unknown())),
  nothing: Type.Optional(Type.Null()),
  authentication: Type.Optional(Type.Object({ clientSecret: Type.Optional(text), keyId: Type.Optional(text) }, closed)),
  'a/b~c': Type.Optional(Type.Object({}, closed))
}, closed)

const cases: ReadonlyArray<readonly [unknown, string, string]> = [
  [{ name: 5 }, 'name must be a non-empty string, got 5', 'x.name must be a non-empty string, got 5'],
  [{ name: '' }, 'name must be a non-empty string, got ""', 'x.name must be a non-empty string, got ""'],
  [{}, '`name` is required', '`x.name` is required'],
  [{ name: undefined }, '`name` is required', '`x.name` is required'],
  [null, 'options must be an object, got null', 'x must be an object, got null'],
  [undefined, 'options must be an object, got undefined', 'x must be an object, got undefined'],
  [[], 'options must be an object, got []', 'x must be an object, got []'],
  [{ name: 'n', count: NaN }, 'count must be an integer from 1 to 300, got NaN', 'x.count must be an integer from 1 to 300, got NaN'],
  [{ name: 'n', count: '5s' }, 'count must be an integer from 1 to 300, got "5s"', 'x.count must be an integer from 1 to 300, got "5s"'],
  [{ name: 'n', size: 0 }, 'size must be an integer of at least 1, got 0', 'x.size must be an integer of at least 1, got 0'],
  [{ name: 'n', seconds: 0 }, 'seconds must be a number greater than 0, got 0', 'x.seconds must be a number greater than 0, got 0'],
  [{ name: 'n', any: 'x' }, 'any must be a number, got "x"', 'x.any must be a number, got "x"'],
  [{ name: 'n', kind: 'entre' }, 'kind must be one of "entra", "keycloak", 5, got "entre". Did you mean "entra"?',
    'x.kind must be one of "entra", "keycloak", 5, got "entre". Did you mean "entra"?'],
  [{ name: 'n', kind: 6 }, 'kind must be one of "entra", "keycloak", 5, got 6', 'x.kind must be one of "entra", "keycloak", 5, got 6'],
  [{ name: 'n', scope: 1 }, 'unknown option "scope". Did you mean "scopes"?', 'x: unknown option "scope". Did you mean "scopes"?'],
  [{ name: 'n', scope: 1, zzz: 2 }, 'unknown options "scope", "zzz". Did you mean "scopes"?', 'x: unknown options "scope", "zzz". Did you mean "scopes"?'],
  [{ name: 'n', cache: { max: 1 } }, 'cache: unknown option "max". Known options: size.', 'x.cache: unknown option "max". Known options: size.'],
  [{ name: 'n', 'a/b~c': { d: 1 } }, '["a/b~c"]: unknown option "d". Known options: none.', 'x["a/b~c"]: unknown option "d". Known options: none.'],
  [{ name: 'n', scopes: ['projects:read'] }, 'scopes must be an object (name → description), got ["projects:read"]',
    'x.scopes must be an object (name → description), got ["projects:read"]'],
  [{ name: 'n', scopes: { 'a:b': 5 } }, 'scopes["a:b"] must be a string, got 5', 'x.scopes["a:b"] must be a string, got 5'],
  [{ name: 'n', cache: { size: 0 } }, 'cache.size must be an integer of at least 1, got 0', 'x.cache.size must be an integer of at least 1, got 0'],
  [{ name: 'n', cache: true }, 'cache must be false or an object, got true', 'x.cache must be false or an object, got true'],
  [{ name: 'n', audience: 5 }, 'audience must be a non-empty string or a non-empty array without duplicates, got 5',
    'x.audience must be a non-empty string or a non-empty array without duplicates, got 5'],
  [{ name: 'n', audience: ['a', 5] }, 'audience[1] must be a string, got 5', 'x.audience[1] must be a string, got 5'],
  [{ name: 'n', words: 'a' }, 'words must be an array, got "a"', 'x.words must be an array, got "a"'],
  [{ name: 'n', words: ['b'] }, 'words[0] must be a string that matches /^a+$/, got "b"', 'x.words[0] must be a string that matches /^a+$/, got "b"'],
  [{ name: 'n', one: { a: 1, b: 2 } }, 'one must be an object with exactly one member, got {"a":1,"b":2}',
    'x.one must be an object with exactly one member, got {"a":1,"b":2}'],
  [{ name: 'n', some: {} }, 'some must be a non-empty object, got {}', 'x.some must be a non-empty object, got {}'],
  [{ name: 'n', flag: 'yes' }, 'flag must be true or false, got "yes"', 'x.flag must be true or false, got "yes"'],
  [{ name: 'n', check: 'x' }, 'check must be a function, got "x"', 'x.check must be a function, got "x"'],
  [{ name: 'n', nothing: 0 }, 'nothing must be null, got 0', 'x.nothing must be null, got 0'],
  [{ name: 'n', authentication: { clientSecret: 90210417 } }, 'authentication.clientSecret must be a non-empty string, got a number',
    'x.authentication.clientSecret must be a non-empty string, got a number'],
  [{ name: 'n', authentication: { clientSecret: '' } }, 'authentication.clientSecret must be a non-empty string, got an empty string',
    'x.authentication.clientSecret must be a non-empty string, got an empty string'],
  [{ name: 'n', authentication: { clientSecret: ['hunter2'] } }, 'authentication.clientSecret must be a non-empty string, got an array',
    'x.authentication.clientSecret must be a non-empty string, got an array'],
  [{ name: 'n', authentication: 'hunter2' }, 'authentication must be an object, got a string', 'x.authentication must be an object, got a string'],
  [{ name: 'n', authentication: { secret: 'hunter2' } }, 'authentication: unknown option "secret". Did you mean "clientSecret"?',
    'x.authentication: unknown option "secret". Did you mean "clientSecret"?']
]

for (const [value, atTop, named] of cases) {
  test(`the message about ${show(value)} says what is wrong, what was given and what was expected [A8, A9]`, t => {
    t.throws(() => checkOptions('', schema, value), { name: 'OptionError', message: atTop })
    t.throws(() => checkOptions('x', schema, value), { name: 'OptionError', message: named })
    t.end()
  })
}

test('options that are of their schema are given back as they are', t => {
  const given = { name: 'n' }
  t.equal(checkOptions('', schema, given), given)
  t.end()
})

test('a message can be told not to show values', t => {
  t.equal(explain('', findFault(schema, { name: 5 })!, kindOf), 'name must be a non-empty string, got a number')
  t.end()
})

test('the options that Fastify adds to a registration are not the plugin\'s own', t => {
  t.strictSame(ownOptions({ prefix: '/x', logLevel: 'warn', logSerializers: {}, realm: 'r' }), { realm: 'r' })
  t.equal(optionAt('a', ['b', 0, 'c d']), 'a.b[0]["c d"]')
  t.end()
})
