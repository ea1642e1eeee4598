import { test } from 'tap'
import type { ClaimPath } from '../../../lib/token/claim-path.ts'
import { readClaim, readStrings } from '../../../lib/token/claim-path.ts'

const claims = {
  roles: ['a', 'b'],
  one: 'a',
  'https://example.com/roles': ['c'],
  'realm.access': 'with a dot',
  realm_access: { roles: ['d'], deeper: { roles: 'e' } },
  scim: [{ value: 'f', display: 'F' }, 'g'],
  empty: [],
  nothing: null,
  list: ['x'],
  mixed: ['a', 7],
  nested: [['a']],
  unnamed: [{ display: 'F' }],
  number: 7,
  object: { value: 'h' },
  withNull: ['a', null]
}

test('the value at a path', async t => {
  const cases: Array<[path: ClaimPath, value: unknown]> = [
    ['one', 'a'], [['one'], 'a'], ['https://example.com/roles', ['c']], ['realm.access', 'with a dot'],
    [['realm_access', 'roles'], ['d']], [['realm_access', 'deeper', 'roles'], 'e'],
    ['missing', undefined], [['realm_access', 'missing'], undefined], [['one', 'length'], undefined], [['missing', 'x'], undefined],
    [['nothing', 'x'], undefined], [['list', '0'], 'x'],
    ['toString', undefined], ['__proto__', undefined], [['realm_access', 'constructor'], undefined], [['list', 'map'], undefined],
    ['realm_access.roles', undefined]
  ]
  for (const [path, value] of cases) t.strictSame(readClaim(claims, path), value, JSON.stringify(path))
})

test('the strings at a path', async t => {
  const cases: Array<[path: ClaimPath, strings: string[] | null | undefined]> = [
    ['roles', ['a', 'b']], ['one', ['a']], [['realm_access', 'deeper', 'roles'], ['e']], ['scim', ['f', 'g']], ['object', ['h']],
    ['empty', []], ['missing', null], ['nothing', null],
    ['withNull', undefined], ['mixed', undefined], ['nested', undefined], ['unnamed', undefined], ['number', undefined], ['realm_access', undefined]
  ]
  for (const [path, strings] of cases) t.strictSame(readStrings(claims, path), strings, JSON.stringify(path))
})
