import { test } from 'tap'
import { compileRouteRule, defaultRule } from '../../../lib/policy/route-rule.ts'

const compile = (config: unknown): ReturnType<typeof compileRouteRule> => compileRouteRule(config, 'GET /x')

test('what a rule is compiled to', t => {
  const rule = { token: 'required', scopes: null, challenge: 'merge', pinnedChallenge: null, pinnedPointer: null }
  const pointer = 'https://h/.well-known/oauth-protected-resource'
  const pinned = `Basic realm="x", Bearer resource_metadata="${pointer}"`
  for (const [config, expected] of [
    [undefined, rule],
    [false, { ...rule, token: 'none' }],
    [{}, rule],
    [{ token: 'none' }, { ...rule, token: 'none' }],
    [{ token: 'optional', challenge: 'keep' }, { ...rule, token: 'optional', challenge: 'keep' }],
    [{ challenge: 'none' }, { ...rule, challenge: 'none' }],
    [{ challenge: 'replace' }, { ...rule, challenge: 'replace' }],
    [{ scopes: [] }, rule],
    [{ scopes: ['b', 'a', 'b'] }, { ...rule, scopes: { alternatives: [['b', 'a']] } }],
    [{ anyOfScopes: ['a', ['b', 'c']] }, { ...rule, scopes: { alternatives: [['a'], ['b', 'c']] } }],
    [{ scopes: ['x'], anyOfScopes: ['a', ['x', 'c']] }, { ...rule, scopes: { alternatives: [['x', 'a'], ['x', 'c']] } }],
    [{ pinnedChallenge: pinned }, { ...rule, pinnedChallenge: pinned, pinnedPointer: pointer }],
    [{ pinnedChallenge: 'Basic realm="x"', challenge: 'merge' }, { ...rule, pinnedChallenge: 'Basic realm="x"' }]
  ] as const) {
    t.strictSame(compile(config), expected)
    t.ok(Object.isFrozen(compile(config)))
  }
  t.equal(compile(undefined), defaultRule)
  t.end()
})

const refused: ReadonlyArray<readonly [unknown, string]> = [
  [null, 'config.oauth of GET /x must be object, and is null'],
  [true, 'config.oauth of GET /x must be object, and is true'],
  ['none', 'config.oauth of GET /x must be object, and is "none"'],
  [{ scope: 'a' }, 'config.oauth of GET /x has no option "scope"'],
  [{ token: 'maybe' }, 'config.oauth of GET /x.token must be one of "required", "optional", "none", and is "maybe"'],
  [{ challenge: true }, 'config.oauth of GET /x.challenge must be one of "merge", "replace", "keep", "none", and is true'],
  [{ scopes: 'a' }, 'config.oauth of GET /x.scopes must be array, and is "a"'],
  [{ scopes: [''] }, 'config.oauth of GET /x.scopes.0 must not have fewer than 1 characters, and is ""'],
  [{ anyOfScopes: [] }, 'config.oauth of GET /x.anyOfScopes must not have fewer than 1 items, and is []'],
  [{ anyOfScopes: [[]] }, 'config.oauth of GET /x.anyOfScopes.0 must not have fewer than 1 items, and is []'],
  [{ scopes: ['a b'] }, 'config.oauth of GET /x: "a b" is not a scope that RFC 6749 section 3.3 allows'],
  [{ anyOfScopes: ['a', ['b', 'c"']] }, 'config.oauth of GET /x: "c\\"" is not a scope that RFC 6749 section 3.3 allows'],
  [{ scopes: ['offline_access'] },
    'config.oauth of GET /x: offline_access is a matter between client and authorization server, not a scope of a route'],
  [{ anyOfScopes: ['a', 'offline_access'] },
    'config.oauth of GET /x: offline_access is a matter between client and authorization server, not a scope of a route'],
  [{ token: 'none', scopes: ['a'] }, 'config.oauth of GET /x: scopes cannot be asked for with token: \'none\''],
  [{ token: 'optional', anyOfScopes: ['a'] }, 'config.oauth of GET /x: scopes cannot be asked for with token: \'optional\''],
  [{ challenge: 'keep', pinnedChallenge: 'Basic realm="x"' },
    'config.oauth of GET /x: pinnedChallenge cannot be combined with challenge: \'keep\''],
  [{ pinnedChallenge: '' }, 'config.oauth of GET /x.pinnedChallenge must not have fewer than 1 characters, and is ""'],
  [{ pinnedChallenge: ' , ' }, 'config.oauth of GET /x: pinnedChallenge " , " has no challenge'],
  [{ pinnedChallenge: 'Basic realm="x' },
    'config.oauth of GET /x: pinnedChallenge "Basic realm=\\"x" is not a list of challenges at character 14'],
  [{ pinnedChallenge: 'Basic realm="x"\r\nSet-Cookie: a=b' },
    'config.oauth of GET /x: pinnedChallenge "Basic realm=\\"x\\"\\r\\nSet-Cookie: a=b" is not a list of challenges at character 15'],
  [{ pinnedChallenge: 'bearer, Basic realm="x"' },
    'config.oauth of GET /x: pinnedChallenge "bearer, Basic realm=\\"x\\"" has a Bearer without parameters (RFC 6750 section 3)']
]

for (const [config, message] of refused) {
  test(`refused: ${message}`, t => {
    t.throws(() => compile(config), { name: 'OptionError', message })
    t.end()
  })
}
