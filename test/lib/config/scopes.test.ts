import { test } from 'tap'
import { resolveScopes } from '../../../lib/config/scopes.ts'

test('scopes with their descriptions', t => {
  const warnings: string[] = []
  const { scopes } = resolveScopes({ scopes: { a: 'Read', b: { description: 'Write', advertised: false }, c: {}, '*': { advertised: false } } }, warnings)
  t.strictSame(scopes, [
    { name: 'a', description: 'Read', advertised: true },
    { name: 'b', description: 'Write', advertised: false },
    { name: 'c', description: '', advertised: true },
    { name: '*', description: '', advertised: false }
  ])
  t.strictSame(warnings, [])
  t.end()
})

test('what no client should ask for is not advertised (S3)', t => {
  const warnings: string[] = []
  t.strictSame(resolveScopes({ scopes: { '*': 'All', offline_access: {} } }, warnings).scopes.map(one => one.advertised), [false, false])
  t.strictSame(warnings, ['*', 'offline_access'].map(name =>
    `scopes["${name}"] is not advertised: no client should request it from the document`))
  t.end()
})

test('refused', t => {
  for (const [scopes, message] of [
    [{ 'a b': 'x' }, 'scopes has "a b", which is not a scope that RFC 6749 section 3.3 allows'],
    [{ 'a"': 'x' }, 'scopes has "a\\"", which is not a scope that RFC 6749 section 3.3 allows'],
    [{ 'a\\': 'x' }, 'scopes has "a\\\\", which is not a scope that RFC 6749 section 3.3 allows'],
    [{ '': 'x' }, 'scopes has "", which is not a scope that RFC 6749 section 3.3 allows'],
    [{ a: { hidden: true } }, 'scopes["a"]: unknown option "hidden". Known options: description, advertised.'],
    [{ a: { description: 5 } }, 'scopes["a"].description must be a string, got 5'],
    [{ a: 5 }, 'scopes["a"] must be an object, got 5']
  ] as ReadonlyArray<readonly [Record<string, string>, string]>) {
    t.throws(() => resolveScopes({ scopes }, []), { name: 'OptionError', message })
  }
  t.end()
})
