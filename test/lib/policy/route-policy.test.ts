import { test } from 'tap'
import { compileRoutePolicy } from '../../../lib/policy/route-policy.ts'
import { policyOf, routeDefaults } from '../../support/route-policy.ts'

const compile = (config: unknown): ReturnType<typeof compileRoutePolicy> => compileRoutePolicy(config, 'GET /x', routeDefaults)

test('what a rule is compiled to', t => {
  const rule = {
    token: 'required', scopes: null, stepUp: null, actors: 'any', organization: null, team: null, authorizationDetails: null,
    policy: null, dpop: 'off', challenge: 'merge', pinnedChallenge: null, pinnedPointer: null, defaultChallenges: ['Bearer resource_metadata="https://h/m"']
  }
  const challengeFor = (scopes: string): object => ({ defaultChallenges: [`Bearer resource_metadata="https://h/m", scope="${scopes}"`] })
  const ask = (): never => { throw new Error('not asked at registration') }
  const actor = { issuer: 'https://login.example.com', subject: 'gateway' }
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
    [{ scopes: ['b', 'a', 'b'] }, { ...rule, scopes: { alternatives: [['b', 'a']] }, ...challengeFor('b a') }],
    [{ anyOfScopes: ['a', ['b', 'c']] }, { ...rule, scopes: { alternatives: [['a'], ['b', 'c']] }, ...challengeFor('a') }],
    [{ scopes: ['x'], anyOfScopes: ['a', ['x', 'c']] }, { ...rule, scopes: { alternatives: [['x', 'a'], ['x', 'c']] }, ...challengeFor('x a') }],
    [{ acr: ['b', 'a'] }, { ...rule, stepUp: { acrValues: ['b', 'a'], maxAgeSeconds: null } }],
    [{ maxAgeSeconds: 0 }, { ...rule, stepUp: { acrValues: [], maxAgeSeconds: 0 } }],
    [{ acr: ['a'], maxAgeSeconds: 300 }, { ...rule, stepUp: { acrValues: ['a'], maxAgeSeconds: 300 } }],
    [{ actors: 'none' }, { ...rule, actors: 'none' }],
    [{ actors: [actor] }, { ...rule, actors: [actor] }],
    [{ organization: ask, team: ask }, { ...rule, organization: ask, team: ask }],
    [{ anyOrganization: true, anyTeam: true }, { ...rule, organization: 'any', team: 'any' }],
    [{ anyOrganization: false, anyTeam: false, organization: ask, team: ask }, { ...rule, organization: ask, team: ask }],
    [{ authorizationDetails: ask, policy: ask }, { ...rule, authorizationDetails: ask, policy: ask }],
    [{ token: 'optional', actors: 'any', anyOrganization: true, anyTeam: true },
      { ...rule, token: 'optional', organization: 'any', team: 'any' }],
    [{ token: 'none', anyOrganization: false }, { ...rule, token: 'none' }],
    [{ pinnedChallenge: pinned }, { ...rule, pinnedChallenge: pinned, pinnedPointer: pointer }],
    [{ pinnedChallenge: 'Basic realm="x"', challenge: 'merge' }, { ...rule, pinnedChallenge: 'Basic realm="x"' }]
  ] as const) {
    t.strictSame(compile(config), expected)
    t.ok(Object.isFrozen(compile(config)))
  }
  t.end()
})

test('a rule stays what it was, whatever becomes of the options', t => {
  const acr = ['a']
  const actors = [{ issuer: 'https://login.example.com', subject: 'gateway' }]
  const rule = compile({ acr, actors })
  acr.push('b')
  actors[0]!.subject = 'somebody else'
  actors.pop()
  t.strictSame(rule.stepUp?.acrValues, ['a'])
  t.strictSame(rule.actors, [{ issuer: 'https://login.example.com', subject: 'gateway' }])
  t.end()
})

const refused: ReadonlyArray<readonly [unknown, string]> = [
  [null, 'config.oauth of GET /x must be false or an object, got null'],
  [true, 'config.oauth of GET /x must be false or an object, got true'],
  ['none', 'config.oauth of GET /x must be false or an object, got "none"'],
  [{ scope: 'a' }, 'config.oauth of GET /x: unknown option "scope". Did you mean "scopes"?'],
  [{ token: 'maybe' }, 'config.oauth.token of GET /x must be one of "required", "optional", "none", got "maybe"'],
  [{ challenge: true }, 'config.oauth.challenge of GET /x must be one of "merge", "replace", "keep", "none", got true'],
  [{ scopes: 'a' }, 'config.oauth.scopes of GET /x must be an array, got "a"'],
  [{ scopes: [''] }, 'config.oauth.scopes[0] of GET /x must be a non-empty string, got ""'],
  [{ anyOfScopes: [] }, 'config.oauth.anyOfScopes of GET /x must be a non-empty array, got []'],
  [{ anyOfScopes: [[]] }, 'config.oauth.anyOfScopes[0] of GET /x must be a non-empty string or a non-empty array, got []'],
  [{ scopes: ['a b'] }, 'config.oauth of GET /x: "a b" is not a scope that RFC 6749 section 3.3 allows'],
  [{ anyOfScopes: ['a', ['b', 'c"']] }, 'config.oauth of GET /x: "c\\"" is not a scope that RFC 6749 section 3.3 allows'],
  [{ scopes: ['offline_access'] },
    'config.oauth of GET /x: offline_access is a matter between client and authorization server, not a scope of a route'],
  [{ anyOfScopes: ['a', 'offline_access'] },
    'config.oauth of GET /x: offline_access is a matter between client and authorization server, not a scope of a route'],
  [{ token: 'none', scopes: ['a'] }, 'config.oauth of GET /x: scopes cannot be combined with token: \'none\''],
  [{ token: 'optional', anyOfScopes: ['a'] }, 'config.oauth of GET /x: scopes cannot be combined with token: \'optional\''],
  [{ challenge: 'keep', pinnedChallenge: 'Basic realm="x"' },
    'config.oauth of GET /x: pinnedChallenge cannot be combined with challenge: \'keep\''],
  [{ pinnedChallenge: '' }, 'config.oauth.pinnedChallenge of GET /x must be a non-empty string, got ""'],
  [{ pinnedChallenge: ' , ' }, 'config.oauth of GET /x: pinnedChallenge " , " has no challenge'],
  [{ pinnedChallenge: 'Basic realm="x' },
    'config.oauth of GET /x: pinnedChallenge "Basic realm=\\"x" is not a list of challenges at character 14'],
  [{ pinnedChallenge: 'Basic realm="x"\r\nSet-Cookie: a=b' },
    'config.oauth of GET /x: pinnedChallenge "Basic realm=\\"x\\"\\r\\nSet-Cookie: a=b" is not a list of challenges at character 15'],
  [{ pinnedChallenge: 'bearer, Basic realm="x"' },
    'config.oauth of GET /x: pinnedChallenge "bearer, Basic realm=\\"x\\"" has a Bearer without parameters (RFC 6750 section 3)']
]

const ask = (): null => null
const refusedDemands: ReadonlyArray<readonly [unknown, string]> = [
  [{ acr: [] }, 'config.oauth.acr of GET /x must be a non-empty array without duplicates, got []'],
  [{ acr: 'urn:a' }, 'config.oauth.acr of GET /x must be a non-empty array without duplicates, got "urn:a"'],
  [{ acr: ['a', 'a'] }, 'config.oauth.acr of GET /x must be a non-empty array without duplicates, got ["a","a"]'],
  [{ acr: ['a', 'b c'] }, 'config.oauth of GET /x: acr "b c" cannot stand in the acr_values of RFC 9470 section 3'],
  [{ acr: ['a"'] }, 'config.oauth of GET /x: acr "a\\"" cannot stand in the acr_values of RFC 9470 section 3'],
  [{ maxAgeSeconds: -1 }, 'config.oauth.maxAgeSeconds of GET /x must be an integer of at least 0, got -1'],
  [{ maxAgeSeconds: 1.5 }, 'config.oauth.maxAgeSeconds of GET /x must be an integer of at least 0, got 1.5'],
  [{ maxAgeSeconds: NaN }, 'config.oauth.maxAgeSeconds of GET /x must be an integer of at least 0, got NaN'],
  [{ maxAgeSeconds: '300' }, 'config.oauth.maxAgeSeconds of GET /x must be an integer of at least 0, got "300"'],
  [{ actors: 'nobody' }, 'config.oauth.actors of GET /x must be one of "any", "none", "required" or a non-empty array, got "nobody"'],
  [{ actors: [] },
    'config.oauth.actors of GET /x must be one of "any", "none", "required" or a non-empty array, got []'],
  [{ actors: [{ issuer: 'i' }] }, '`config.oauth.actors[0].subject` of GET /x is required'],
  [{ actors: [{ issuer: 'i', subject: 's', client: 'c' }] }, 'config.oauth.actors[0] of GET /x: unknown option "client". Known options: issuer, subject.'],
  [{ organization: 'acme' }, 'config.oauth.organization of GET /x must be a function, got "acme"'],
  [{ team: null }, 'config.oauth.team of GET /x must be a function, got null'],
  [{ anyTeam: 1 }, 'config.oauth.anyTeam of GET /x must be true or false, got 1'],
  [{ authorizationDetails: {} }, 'config.oauth.authorizationDetails of GET /x must be a function, got {}'],
  [{ policy: true }, 'config.oauth.policy of GET /x must be a function, got true'],
  [{ anyOrganization: true, organization: ask }, 'config.oauth of GET /x: anyOrganization true and organization contradict each other'],
  [{ anyTeam: true, team: ask }, 'config.oauth of GET /x: anyTeam true and team contradict each other'],
  [{ maxAgeSeconds: 300, pinnedChallenge: 'Basic realm="x"' },
    'config.oauth of GET /x: pinnedChallenge "Basic realm=\\"x\\"" would replace the step-up challenge that acr and maxAgeSeconds need: remove one of them'],
  ...['none', 'optional'].flatMap(token => ([
    { acr: ['a'] }, { maxAgeSeconds: 0 }, { actors: 'none' }, { actors: [{ issuer: 'i', subject: 's' }] }, { organization: ask }, { team: ask },
    { authorizationDetails: ask }, { policy: ask }
  ] as const).map(demand => [
    { token, ...demand }, `config.oauth of GET /x: ${Object.keys(demand)[0]} cannot be combined with token: '${token}'`
  ] as const)),
  [{ token: 'optional', actors: 'any', acr: ['a'] }, 'config.oauth of GET /x: acr cannot be combined with token: \'optional\''],
  [{ token: 'none', anyOrganization: true }, 'config.oauth of GET /x: anyOrganization cannot be combined with token: \'none\''],
  [{ token: 'none', anyTeam: true }, 'config.oauth of GET /x: anyTeam cannot be combined with token: \'none\'']
]

for (const [config, message] of [...refused, ...refusedDemands]) {
  test(`refused: ${message}`, t => {
    t.throws(() => compile(config), { name: 'OptionError', message })
    t.end()
  })
}

test('RFC 9449: the dpop option of a route agrees with that of the resource, or stops the boot', t => {
  for (const [config, ofResource, expected] of [
    [{}, 'off', 'off'], [{}, 'required', 'required'], [{ token: 'none' }, 'allowed', 'allowed'],
    [{ dpop: 'off' }, 'off', 'off'], [{ dpop: 'required' }, 'required', 'required'],
    [{ dpop: 'off' }, 'allowed', 'off'], [{ dpop: 'allowed' }, 'allowed', 'allowed'], [{ dpop: 'required' }, 'allowed', 'required'],
    [{ token: 'none', dpop: 'allowed' }, 'allowed', 'allowed']
  ] as const) {
    t.equal(policyOf(config, ofResource).dpop, expected, JSON.stringify({ ...config, ofResource }))
  }
  for (const [config, ofResource, message] of [
    [{ dpop: 'required', token: 'none' }, 'allowed', /dpop cannot be combined with token: 'none'$/],
    [{ dpop: 'required' }, 'off', /dpop: 'required' has no effect without the dpop option of the plugin/],
    [{ dpop: 'allowed' }, 'required', /dpop: 'allowed' contradicts the dpop option of the plugin/],
    [{ dpop: 'off' }, 'required', /dpop: 'off' contradicts the dpop option of the plugin/],
    [{ dpop: 'always' }, 'allowed', /dpop of GET \/ must be one of "off", "allowed", "required", got "always"/]
  ] as const) {
    t.throws(() => policyOf(config, ofResource), { name: 'OptionError', message })
  }
  t.end()
})
