import fc from 'fast-check'
import { test } from 'tap'
import {
  checkAlgorithm, checkAudience, checkClaimValues, checkConfirmation, checkCritical, checkExpiry, checkIssuedAt, checkKeyId,
  checkNotAnIdToken, checkNotBefore, checkRequiredClaims, checkType, checks
} from '../../../lib/token/checks.ts'
import type { Check } from '../../../lib/token/checks.ts'
import type { ExpectedToken } from '../../../lib/token/expected-token.ts'
import { audienceOf } from '../../../lib/token/token-claims.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { reasonOf } from '../../support/reason.ts'
import { isOAuthResourceError } from '../../../lib/errors/errors.ts'
import type { RefusalDetail } from '../../../lib/errors/detail.ts'

const now = 1_800_000_000
const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const strict = createExpectedToken({ audiences: ['https://api.example.com', 'api'], algorithms: ['ES256', 'EdDSA'] })
const lenient: ExpectedToken = { ...strict, profile: 'jwt', scopeClaims: ['scope', 'scp'] }

type Fields = Record<string, unknown>
type Case = [given: Fields, reason: string | null]

/** What is written twice: the rows of a table, each against one check. */
function judge (check: Check, part: 'header' | 'claims', given: Fields, rule: ExpectedToken): string | null {
  const jwt = { header: {}, claims: {}, [part]: given }
  return reasonOf(() => check({ jwt, expected: rule, now, brokenRules: [] }))
}

const claimsOf = (changes: Fields): Fields => {
  const claims: Fields = { sub: 'user-1', client_id: 'client-1', jti: 'token-1', iat: now, ...changes }
  for (const name in claims) if (claims[name] === undefined) delete claims[name]
  return claims
}

const tables: Array<{ check: Check, part: 'header' | 'claims', rule: ExpectedToken, cases: Case[] }> = [
  {
    check: checkAlgorithm,
    part: 'header',
    rule: strict,
    cases: [
      [{ alg: 'ES256' }, null], [{ alg: 'EdDSA' }, null],
      [{}, 'algorithm_refused'], [{ alg: 'es256' }, 'algorithm_refused'], [{ alg: 'RS256' }, 'algorithm_refused'],
      [{ alg: 'none' }, 'algorithm_refused'], [{ alg: 'HS256' }, 'algorithm_refused'], [{ alg: '' }, 'algorithm_refused'],
      [{ alg: null }, 'algorithm_refused'], [{ alg: ['ES256'] }, 'algorithm_refused'], [{ alg: 'ES256 ' }, 'algorithm_refused']
    ]
  },
  {
    check: checkKeyId,
    part: 'header',
    rule: strict,
    cases: [
      [{}, null], [{ kid: '' }, null], [{ kid: '../../x' }, null], [{ kid: 'k'.repeat(512) }, null],
      [{ kid: 'k'.repeat(513) }, 'key_id_refused'], [{ kid: 1 }, 'key_id_refused'], [{ kid: null }, 'key_id_refused'],
      [{ kid: ['key-1'] }, 'key_id_refused'], [{ kid: {} }, 'key_id_refused']
    ]
  },
  {
    check: checkCritical,
    part: 'header',
    rule: strict,
    cases: [
      [{ alg: 'ES256' }, null],
      [{ crit: ['exp'] }, 'critical_header_refused'], [{ crit: [] }, 'critical_header_refused'],
      [{ crit: null }, 'critical_header_refused'], [{ b64: false }, 'critical_header_refused'], [{ b64: true }, 'critical_header_refused']
    ]
  },
  {
    check: checkType,
    part: 'header',
    rule: strict,
    cases: [
      [{ typ: 'at+jwt' }, null], [{ typ: 'application/at+jwt' }, null], [{ typ: 'AT+JWT' }, null], [{ typ: 'Application/At+Jwt' }, null],
      [{}, 'type_refused'], [{ typ: 'JWT' }, 'type_refused'], [{ typ: 'dpop+jwt' }, 'type_refused'], [{ typ: 'at+jwt ' }, 'type_refused'],
      [{ typ: 'application/application/at+jwt' }, 'type_refused'], [{ typ: 'text/at+jwt' }, 'type_refused'],
      [{ typ: 'xat+jwt' }, 'type_refused'], [{ typ: ['at+jwt'] }, 'type_refused'], [{ typ: null }, 'type_refused'], [{ typ: '' }, 'type_refused']
    ]
  },
  {
    check: checkType,
    part: 'header',
    rule: lenient,
    cases: [
      [{}, null], [{ typ: 'JWT' }, null], [{ typ: 'jwt' }, null], [{ typ: 'application/jwt' }, null], [{ typ: 'at+jwt' }, null],
      [{ typ: 'dpop+jwt' }, 'type_refused'], [{ typ: 'logout+jwt' }, 'type_refused'], [{ typ: '' }, 'type_refused'],
      [{ typ: null }, 'type_refused'], [{ typ: 7 }, 'type_refused']
    ]
  },
  {
    check: checkAudience,
    part: 'claims',
    rule: strict,
    cases: [
      [{ aud: 'https://api.example.com' }, null], [{ aud: 'api' }, null], [{ aud: ['other', 'api'] }, null],
      [{}, 'audience_missing'], [{ aud: [] }, 'audience_missing'], [{ aud: null }, 'audience_missing'], [{ aud: 7 }, 'audience_missing'],
      [{ aud: ['api', 7] }, 'audience_missing'], [{ aud: { api: true } }, 'audience_missing'], [{ aud: [['api']] }, 'audience_missing'],
      [{ aud: '' }, 'audience_foreign'], [{ aud: 'other' }, 'audience_foreign'], [{ aud: 'API' }, 'audience_foreign'],
      [{ aud: 'https://api.example.com/' }, 'audience_foreign'], [{ aud: 'https://api.example.co' }, 'audience_foreign'],
      [{ aud: 'https://api.example.com.evil.example' }, 'audience_foreign'], [{ aud: 'https://api.example.com api' }, 'audience_foreign']
    ]
  },
  {
    check: checkAudience,
    part: 'claims',
    rule: { ...strict, foreignAudiences: 'refuse' },
    cases: [
      [{ aud: 'api' }, null], [{ aud: ['api', 'https://api.example.com'] }, null], [{ aud: ['api', 'other'] }, 'audience_foreign']
    ]
  },
  {
    check: checkClaimValues,
    part: 'claims',
    rule: { ...strict, requiredClaims: { token_use: 'access', ver: '2.0' } },
    cases: [
      [{ token_use: 'access', ver: '2.0' }, null], [{ token_use: 'access', ver: '2.0', aud: 'x' }, null],
      [{}, 'type_refused'], [{ token_use: 'access' }, 'type_refused'], [{ token_use: 'id', ver: '2.0' }, 'type_refused'],
      [{ token_use: 'Access', ver: '2.0' }, 'type_refused'], [{ token_use: ['access'], ver: '2.0' }, 'type_refused'],
      [{ token_use: 'access', ver: 2 }, 'type_refused']
    ]
  },
  {
    check: checkClaimValues,
    part: 'claims',
    rule: { ...strict, requiredClaims: { constructor: 'x', toString: 'y' } },
    cases: [[{}, 'type_refused'], [{ constructor: 'x', toString: 'y' }, null]]
  },
  {
    check: checkExpiry,
    part: 'claims',
    rule: strict,
    cases: [
      [{ exp: now + 1 }, null], [{ exp: now }, null], [{ exp: now - 4 }, null], [{ exp: now - 4.5 }, null], [{ exp: 1e300 }, null],
      [{ exp: now - 5 }, 'token_expired'], [{ exp: now - 6 }, 'token_expired'], [{ exp: 0 }, 'token_expired'], [{ exp: -1 }, 'token_expired'],
      [{ exp: -1e300 }, 'token_expired'],
      [{}, 'claim_missing'], [{ exp: String(now + 60) }, 'claim_missing'], [{ exp: null }, 'claim_missing'], [{ exp: true }, 'claim_missing'],
      [{ exp: Infinity }, 'claim_missing'], [{ exp: NaN }, 'claim_missing'], [{ exp: [now + 60] }, 'claim_missing'], [{ exp: {} }, 'claim_missing']
    ]
  },
  {
    check: checkNotBefore,
    part: 'claims',
    rule: strict,
    cases: [
      [{}, null], [{ nbf: now }, null], [{ nbf: now + 5 }, null], [{ nbf: -1 }, null],
      [{ nbf: now + 6 }, 'token_not_yet_valid'], [{ nbf: 1e300 }, 'token_not_yet_valid'],
      [{ nbf: Infinity }, 'claim_malformed'], [{ nbf: '0' }, 'claim_malformed'], [{ nbf: null }, 'claim_malformed']
    ]
  },
  {
    check: checkIssuedAt,
    part: 'claims',
    rule: strict,
    cases: [
      [{}, null], [{ iat: now }, null], [{ iat: now + 5 }, null], [{ iat: 0 }, null],
      [{ iat: now + 6 }, 'token_not_yet_valid'], [{ iat: '0' }, 'claim_malformed'], [{ iat: null }, 'claim_malformed'],
      [{ iat: -Infinity }, 'claim_malformed']
    ]
  },
  {
    check: checkRequiredClaims,
    part: 'claims',
    rule: strict,
    cases: [
      [claimsOf({}), null],
      ...['sub', 'client_id', 'jti', 'iat'].map((name): Case => [claimsOf({ [name]: undefined }), 'claim_missing']),
      ...['sub', 'client_id', 'jti'].flatMap((name): Case[] => ['', 7, null, ['a'], {}].map(value =>
        [claimsOf({ [name]: value }), 'claim_missing']))
    ]
  },
  {
    check: checkRequiredClaims,
    part: 'claims',
    rule: lenient,
    cases: [
      [{ sub: 'user-1' }, null], [claimsOf({}), null],
      [{}, 'claim_missing'], [{ sub: '' }, 'claim_missing'], [{ sub: 7 }, 'claim_missing'],
      [{ sub: 'user-1', client_id: '' }, 'claim_malformed'], [{ sub: 'user-1', client_id: 7 }, 'claim_malformed'],
      [{ sub: 'user-1', jti: 7 }, 'claim_malformed'], [{ sub: 'user-1', jti: null, client_id: null }, null],
      // A client that acts for itself and has no subject of its own (B2).
      ...['client_id', 'azp', 'cid', 'appid'].flatMap((name): Case[] => [[{ [name]: 'client-1' }, null], [{ sub: null, [name]: 'client-1' }, null]]),
      [{ client_id: 'client-1', username: null }, null], [{ client_id: 'client-1', username: 'ann' }, 'claim_missing'],
      [{ sub: '', client_id: 'client-1' }, 'claim_missing']
    ]
  },
  {
    check: checkNotAnIdToken,
    part: 'claims',
    rule: strict,
    cases: [[{ nonce: 'n' }, null], [{}, null]]
  },
  {
    check: checkNotAnIdToken,
    part: 'claims',
    rule: lenient,
    cases: [
      [{ aud: 'api', client_id: 'client-1' }, null], [{ aud: 'api', azp: 'client-1' }, null], [{ aud: 'api', cid: 'client-1' }, null],
      [{ aud: 'api', scope: 'read' }, null], [{ aud: 'api', scp: ['read'] }, null],
      [{ aud: 'api', azp: 'api', scope: 'read' }, null], [{ aud: ['api', 'other'], azp: 'api' }, null],
      [{ aud: 'api', sub: 'user-1' }, 'type_refused'], [{ aud: 'api', azp: 'api' }, 'type_refused'], [{ aud: ['api'], azp: 'api' }, 'type_refused'],
      [{ aud: 'api', appid: 'client-1' }, null], [{ aud: 'api', client_id: null, scope: null }, 'type_refused'],
      ...['nonce', 'at_hash', 'c_hash', 's_hash'].flatMap((name): Case[] =>
        [[{ aud: 'api', scope: 'read', [name]: 'x' }, 'type_refused'], [{ aud: 'api', azp: 'client-1', [name]: 'x' }, 'type_refused']]),
      // Azure AD B2C and older Keycloaks write the nonce into access tokens (B1).
      [{ aud: 'api', scp: 'read', azp: 'client-1', nonce: 'x' }, null], [{ aud: 'api', scope: 'read', client_id: 'client-1', nonce: 'x' }, null],
      ...['at_hash', 'c_hash', 's_hash'].map((name): Case => [{ aud: 'api', scope: 'read', azp: 'client-1', [name]: 'x' }, 'type_refused']),
      [{ azp: 'api' }, null], [{ aud: 'api', azp: 7 }, null]
    ]
  },
  {
    // Claims that were found to have their values tell for certain what the rest of the claims only suggests (B1).
    check: checkNotAnIdToken,
    part: 'claims',
    rule: { ...lenient, requiredClaims: { type: 'app' } },
    cases: [[{ type: 'app', aud: 'api', sub: 'user-1' }, null], [{ type: 'app', aud: 'api', nonce: 'x', at_hash: 'x' }, null]]
  },
  {
    check: checkNotAnIdToken,
    part: 'claims',
    rule: { ...lenient, requiredClaims: { ver: '2.0' } },
    cases: [[{ ver: '2.0', aud: 'api', sub: 'user-1', nonce: 'x' }, 'type_refused'], [{ ver: '2.0', aud: 'api', azp: 'client-1' }, null]]
  },
  {
    // An issuer whose tokens nothing distinguishes, by the word of the user (B1).
    check: checkNotAnIdToken,
    part: 'claims',
    rule: { ...lenient, allowIdTokens: true },
    cases: [[{ aud: 'api', sub: 'user-1' }, null], [{ aud: 'api', nonce: 'x' }, null]]
  },
  {
    // An issuer that issues tokens for this resource alone (B3).
    check: checkAudience,
    part: 'claims',
    rule: { ...strict, allowMissingAudience: true },
    cases: [
      [{}, null], [{ aud: null }, null], [{ aud: [] }, null], [{ aud: '' }, null], [{ aud: 'api' }, null],
      [{ aud: 'other' }, 'audience_foreign'], [{ aud: ['other'] }, 'audience_foreign'], [{ aud: 7 }, 'audience_missing'],
      [{ aud: {} }, 'audience_missing'], [{ aud: [7] }, 'audience_missing']
    ]
  },
  {
    check: checkConfirmation,
    part: 'claims',
    rule: strict,
    cases: [
      [{}, null], [{ cnf: { jkt: thumbprint } }, null], [{ cnf: { jkt: thumbprint, 'x5t#S256': thumbprint } }, null],
      ...[{ jkt: 'x' }, {}, null, { 'x5t#S256': 'x' }, 'x', { kid: 'x' }, { jkt: thumbprint, jwk: {} }].map((cnf): Case => [{ cnf }, 'confirmation_unsupported'])
    ]
  },
  {
    check: checkConfirmation,
    part: 'claims',
    rule: { ...strict, allowUnknownConfirmation: true },
    cases: [[{ cnf: { kid: 'x' } }, null], [{ cnf: { jkt: thumbprint, jwk: {} } }, null], [{ cnf: { jkt: 'x', jwk: {} } }, 'confirmation_unsupported'], [{ cnf: {} }, 'confirmation_unsupported']]
  }
]

for (const { check, part, rule, cases } of tables) {
  test(`${check.name}, profile ${rule.profile}`, async t => {
    for (const [given, reason] of cases) t.equal(judge(check, part, given, rule), reason, show(given))
  })
}

/** What the log is told of a token that is refused. */
function detailOf (check: Check, part: 'header' | 'claims', given: Fields, expected: ExpectedToken): RefusalDetail | null {
  try {
    check({ jwt: { header: {}, claims: {}, [part]: given }, expected, now, brokenRules: [] })
    return null
  } catch (error) {
    if (!isOAuthResourceError(error)) throw error
    return error.detail
  }
}

test('the log is told what was expected, what came, and how to fix it (A1)', async t => {
  const cases: Array<[Check, 'header' | 'claims', Fields, ExpectedToken, { expected: RegExp, received: RegExp, fix?: RegExp | undefined }]> = [
    [checkAlgorithm, 'header', { alg: 'HS256' }, strict, { expected: /alg is one of ES256, EdDSA/, received: /alg is "HS256"/ }],
    [checkKeyId, 'header', { kid: 7 }, strict, { expected: /kid is a string/, received: /kid is 7/ }],
    [checkCritical, 'header', { crit: ['exp'] }, strict, { expected: /no crit/, received: /crit is \["exp"\]/ }],
    [checkType, 'header', { typ: 'JWT' }, strict, { expected: /^typ is at\+jwt \(RFC 9068\)$/, received: /typ is "JWT"/, fix: /another kind of token/ }],
    [checkType, 'header', {}, strict, { expected: /typ is at\+jwt/, received: /typ is missing/, fix: /send the access token/ }],
    [checkType, 'header', { typ: 'dpop+jwt' }, strict, { expected: /typ is at\+jwt/, received: /typ is "dpop\+jwt"/, fix: /another kind of token/ }],
    [checkType, 'header', { typ: 'dpop+jwt' }, lenient, { expected: /at\+jwt or JWT/, received: /typ is "dpop\+jwt"/, fix: /another kind of token/ }],
    [checkAudience, 'claims', { aud: ['x'] }, strict, { expected: /aud is https:\/\/api.example.com or api/, received: /aud is \["x"\]/, fix: /set authorizationServers\[0\]\.audience/ }],
    [checkAudience, 'claims', {}, strict, { expected: /aud is https/, received: /aud is missing/, fix: /allowMissingAudience/ }],
    [checkAudience, 'claims', { aud: ['api', 'x'] }, { ...strict, foreignAudiences: 'refuse' },
      { expected: /aud is/, received: /\["api","x"\]/, fix: /rejectForeignAudiences/ }],
    [checkAudience, 'claims', { aud: 'x' }, { ...strict, claims: { ...strict.claims, audience: ['a', 'b'] } }, { expected: /a.b is/, received: /a.b is missing/ }],
    [checkExpiry, 'claims', { exp: now - 60 }, strict, { expected: /exp is after 1800000000, now, with 5 s/, received: /exp is 1799999940/ }],
    [checkExpiry, 'claims', {}, strict, { expected: /exp is a number/, received: /exp is missing/ }],
    [checkNotBefore, 'claims', { nbf: now + 60 }, strict, { expected: /nbf is not after 1800000000/, received: /nbf is 1800000060/ }],
    [checkIssuedAt, 'claims', { iat: 'x' }, strict, { expected: /iat is a number/, received: /iat is "x"/ }],
    [checkRequiredClaims, 'claims', claimsOf({ sub: undefined }), strict, { expected: /claim sub/, received: /^sub is missing/, fix: undefined }],
    [checkRequiredClaims, 'claims', claimsOf({ jti: undefined }), strict, { expected: /claim jti/, received: /^jti is missing/, fix: undefined }],
    [checkRequiredClaims, 'claims', claimsOf({ client_id: 7 }), strict, { expected: /claim client_id/, received: /client_id is 7/, fix: undefined }],
    [checkRequiredClaims, 'claims', {}, lenient, { expected: /claim sub/, received: /^sub is missing/, fix: /configure the issuer/ }],
    [checkRequiredClaims, 'claims', { sub: 'a', jti: 7 }, lenient, { expected: /jti is a string/, received: /jti is 7/ }],
    [checkClaimValues, 'claims', { token_use: 'id' }, { ...strict, requiredClaims: { token_use: 'access' } },
      { expected: /token_use is access \(requiredClaims\)/, received: /token_use is "id"/, fix: /requiredClaims/ }],
    [checkNotAnIdToken, 'claims', { aud: 'api', nonce: 'n' }, lenient, { expected: /access token/, received: /nonce is in the token/, fix: /requiredClaims/ }],
    [checkNotAnIdToken, 'claims', { aud: 'api' }, lenient, { expected: /access token/, received: /no client and no scope/ }],
    [checkNotAnIdToken, 'claims', { aud: 'api', azp: 'api' }, lenient, { expected: /access token/, received: /azp is the audience/ }],
    [checkConfirmation, 'claims', { cnf: { jkt: 'x' } }, strict, { expected: /cnf has no other members than jkt/, received: /cnf is \{"jkt":"x"\}/ }]
  ]
  for (const [check, part, given, expected, detail] of cases) {
    const found = detailOf(check, part, given, expected)
    t.match(found, detail, `${check.name} ${show(given)}`)
    if ('fix' in detail && detail.fix === undefined) t.notOk('fix' in found!, show(given))
  }
})

test('what the log is told of a value that a stranger made up is bounded and has no control characters (A1)', async t => {
  for (const value of ['x'.repeat(100_000), 'a\nb\u0000\u001b[31m', Array(10_000).fill('x'), { deep: { x: 'x'.repeat(1000) } }]) {
    for (const [check, part, given] of [
      [checkType, 'header', { typ: value }], [checkKeyId, 'header', { kid: [value] }], [checkAudience, 'claims', { aud: value }],
      [checkConfirmation, 'claims', { cnf: value }], [checkRequiredClaims, 'claims', { sub: [value] }]
    ] as const) {
      const { received } = detailOf(check, part, given, strict)!
      t.ok(received!.length < 250, check.name)
      t.ok([...received!].every(character => character >= ' '), check.name)
    }
  }
})

test('every check is asked, and those of the header come first', async t => {
  t.strictSame(checks.map(check => check.name), [
    'checkAlgorithm', 'checkKeyId', 'checkCritical', 'checkType', 'checkAudience', 'checkExpiry', 'checkNotBefore',
    'checkIssuedAt', 'checkRequiredClaims', 'checkClaimValues', 'checkNotAnIdToken', 'checkConfirmation'
  ])
})

test('a further audience is told of where that is wanted, and the token is let in', async t => {
  const rule: ExpectedToken = { ...strict, foreignAudiences: 'report' }
  const cases: Array<[aud: unknown, reason: string | null, broken: string[]]> = [
    ['api', null, []], [['api', 'https://api.example.com'], null, []], [['api', 'other'], null, ['foreignAudiences']],
    [['other'], 'audience_foreign', []], [undefined, 'audience_missing', []]
  ]
  for (const [aud, reason, broken] of cases) {
    const brokenRules: string[] = []
    t.equal(reasonOf(() => checkAudience({ jwt: { header: {}, claims: { aud } }, expected: rule, now, brokenRules })), reason)
    t.strictSame(brokenRules, broken, JSON.stringify(aud))
  }
  const brokenRules: string[] = []
  checkAudience({ jwt: { header: {}, claims: { aud: ['api', 'other'] } }, expected: strict, now, brokenRules })
  t.strictSame(brokenRules, [], 'and not where further audiences are accepted')
})

test('the audience as a list', async t => {
  t.strictSame(audienceOf({ aud: 'a' }, strict), ['a'])
  t.strictSame(audienceOf({ aud: ['a', 'b'] }, strict), ['a', 'b'])
  t.equal(audienceOf({}, strict), null)
  const elsewhere = { ...strict, claims: { ...strict.claims, audience: 'client_id' } }
  t.strictSame(audienceOf({ aud: 'a', client_id: 'b' }, elsewhere), ['b'])
  t.equal(audienceOf({ aud: 'a' }, elsewhere), null)
})

test('only the very string of an audience will do', async t => {
  const near = fc.oneof(
    fc.constantFrom(...strict.audiences), fc.string(),
    fc.tuple(fc.constantFrom(...strict.audiences), fc.string()).map(([audience, more]) => audience + more),
    fc.constantFrom(...strict.audiences).chain(audience => fc.nat({ max: audience.length }).map(end => audience.slice(0, end))))
  const aud = fc.oneof(near, fc.array(fc.oneof(near, fc.jsonValue({ maxDepth: 1 })), { maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }))
  fc.assert(fc.property(aud, given => {
    const list: unknown[] = Array.isArray(given) ? given : [given]
    const expected = list.every(one => typeof one === 'string') && list.some(one => strict.audiences.includes(one))
    return (judge(checkAudience, 'claims', { aud: given }, strict) === null) === expected
  }))
})

test('no claims whatever make a check throw anything else than a refusal', async t => {
  const names = fc.constantFrom('aud', 'exp', 'nbf', 'iat', 'sub', 'client_id', 'jti', 'azp', 'cnf', 'scope', '__proto__', 'alg', 'kid', 'typ', 'crit')
  const fields = fc.dictionary(names, fc.oneof(fc.jsonValue(), fc.double(), fc.constant(undefined)))
  fc.assert(fc.property(fields, fields, fc.constantFrom(strict, lenient), (header, claims, rule) => {
    for (const check of checks) reasonOf(() => check({ jwt: { header, claims }, expected: rule, now, brokenRules: [] }))
    return true
  }))
})

/** JSON hides what makes some of the numbers special. */
function show (given: Fields): string {
  return JSON.stringify(given, (_name, value: unknown) => typeof value === 'number' && !Number.isFinite(value) ? String(value) : value).slice(0, 100)
}
