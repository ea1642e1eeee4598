import fc from 'fast-check'
import { test } from 'tap'
import { accessTokenFrom, principalTypeOf } from '../../../lib/token/from-claims.ts'
import type { ClientMark, ExpectedToken } from '../../../lib/token/expected-token.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { reasonOf } from '../../support/reason.ts'

const rule = createExpectedToken({ audiences: ['api'] })
const lenient: ExpectedToken = { ...rule, profile: 'jwt', scopeClaims: ['scope', 'scp'] }
const claims = { iss: rule.issuer, aud: 'api', sub: 'user-1', client_id: 'client-1', iat: 1, exp: 2, jti: 'token-1' }

test('an access token says what the claims say', async t => {
  const all = { ...claims, aud: ['api', 'other'], scope: 'read write', act: { sub: 'staff-1' }, groups: ['a'] }
  t.strictSame(accessTokenFrom(all, rule), {
    issuer: rule.issuer,
    subject: 'user-1',
    principalType: 'user',
    clientId: 'client-1',
    audience: ['api', 'other'],
    scopes: ['read', 'write'],
    actor: { issuer: rule.issuer, subject: 'staff-1' },
    tokenId: 'token-1',
    expiresAt: 2,
    issuedAt: 1,
    roles: [],
    organizations: null,
    teams: null,
    sessionId: null,
    grantId: null,
    authenticationContext: null,
    authenticatedAt: null,
    authorizationDetails: [],
    confirmation: null,
    claims: all
  })
  t.match(accessTokenFrom({ iss: rule.issuer, aud: 'api', sub: 'user-1', exp: 2 }, lenient), {
    clientId: null, audience: ['api'], scopes: [], actor: null, tokenId: null, issuedAt: null
  })
})

test('who the client is, and whether it acts for itself', async t => {
  const cases: Array<[Record<string, unknown>, string | null, 'user' | 'client']> = [
    [{ client_id: 'a', azp: 'b', cid: 'c' }, 'a', 'user'],
    [{ azp: 'b', cid: 'c' }, 'b', 'user'],
    [{ cid: 'c' }, 'c', 'user'],
    [{ appid: 'd' }, 'd', 'user'],
    [{ cid: 'c', appid: 'd' }, 'c', 'user'],
    [{ sub: undefined, appid: 'd' }, 'd', 'client'],
    [{ sub: null, client_id: 'a' }, 'a', 'client'],
    [{ azp: 7, cid: 'c' }, 'c', 'user'],
    [{ azp: '', cid: 'c' }, 'c', 'user'],
    [{}, null, 'user'],
    [{ client_id: 'user-1' }, 'user-1', 'client'],
    [{ azp: 'user-1' }, 'user-1', 'client'],
    [{ client_id: 'USER-1' }, 'USER-1', 'user']
  ]
  for (const [given, clientId, principalType] of cases) {
    const { client_id: _, ...rest } = claims
    t.match(accessTokenFrom({ ...rest, ...given }, lenient), { clientId, principalType }, JSON.stringify(given))
  }
})

test('scopes', async t => {
  const cases: Array<[Record<string, unknown>, ExpectedToken, string[] | null]> = [
    [{}, rule, []],
    [{ scope: '' }, rule, []],
    [{ scope: 'read' }, rule, ['read']],
    [{ scope: ' read  write read ' }, rule, ['read', 'write']],
    [{ scope: 'read,write' }, rule, ['read,write']],
    [{ scope: 'read\twrite' }, rule, ['read\twrite']],
    [{ scope: ['read'] }, rule, null],
    [{ scope: null }, rule, null],
    [{ scope: { read: true } }, rule, null],
    [{ scp: ['read'], scope: 'write' }, rule, ['write']],
    [{ permissions: ['read'] }, { ...rule, scopeClaims: ['permissions'] }, ['read']],
    [{ permissions: 'read write' }, { ...rule, scopeClaims: ['permissions'] }, ['read', 'write']],
    [{ permissions: ['read', 7] }, { ...rule, scopeClaims: ['permissions'] }, null],
    [{ permissions: 7 }, { ...rule, scopeClaims: ['permissions'] }, null],
    [{ permissions: ['read', ''] }, { ...rule, scopeClaims: ['permissions'] }, ['read']],
    [{ scope: null }, lenient, []],
    [{ scope: ['read'], scp: 'write' }, lenient, ['read', 'write']],
    [{ scope: 'read', scp: ['read', 'write'] }, lenient, ['read', 'write']]
  ]
  for (const [given, by, scopes] of cases) {
    const title = JSON.stringify(given)
    if (scopes === null) t.equal(reasonOf(() => accessTokenFrom({ ...claims, ...given }, by)), 'claim_malformed', title)
    else t.strictSame(accessTokenFrom({ ...claims, ...given }, by).scopes, scopes, title)
  }
})

test('tokens with the same text of scopes share one list, as many of them are kept', async t => {
  const scopesOf = (scope: string): readonly string[] => accessTokenFrom({ ...claims, scope }, rule).scopes
  t.equal(scopesOf('read write'), scopesOf('read write'))
})

test('who acts for the subject', async t => {
  const nested = (depth: number): unknown => depth === 0 ? undefined : { sub: `staff-${depth}`, act: nested(depth - 1) }
  const cases: Array<[act: unknown, actor: { issuer: string, subject: string } | null | 'refused']> = [
    [{ sub: 'staff-1' }, { issuer: rule.issuer, subject: 'staff-1' }],
    [{ sub: 'staff-1', iss: 'https://other.example' }, { issuer: 'https://other.example', subject: 'staff-1' }],
    [{ sub: 'user-1', iss: 'https://other.example' }, { issuer: 'https://other.example', subject: 'user-1' }],
    [{ sub: 'staff-1', exp: 1, aud: 'other', nbf: 1e9 }, { issuer: rule.issuer, subject: 'staff-1' }],
    [{ sub: 'staff-1', act: { sub: 'staff-2' } }, { issuer: rule.issuer, subject: 'staff-1' }],
    [nested(8), { issuer: rule.issuer, subject: 'staff-8' }],
    [{ sub: 'user-1' }, null],
    [{ sub: 'user-1', iss: rule.issuer }, null],
    [undefined, null],
    [nested(9), 'refused'],
    [{}, 'refused'],
    [{ sub: '' }, 'refused'],
    [{ sub: 7 }, 'refused'],
    [{ sub: 'staff-1', iss: 7 }, 'refused'],
    [{ sub: 'staff-1', act: 'staff-2' }, 'refused'],
    [{ sub: 'staff-1', act: null }, 'refused'],
    [{ sub: 'staff-1', act: [] }, 'refused'],
    ['staff-1', 'refused'],
    [null, 'refused'],
    [[], 'refused'],
    [false, 'refused']
  ]
  for (const [act, actor] of cases) {
    const title = JSON.stringify(act) ?? 'nobody'
    if (actor === 'refused') t.equal(reasonOf(() => accessTokenFrom({ ...claims, act }, rule)), 'actor_malformed', title)
    else t.strictSame(accessTokenFrom({ ...claims, act }, rule).actor, actor, title)
  }
  const marked = (given: object) => accessTokenFrom({ ...claims, ...given }, rule).actor
  const same = { sub: claims.sub }
  t.strictSame(marked({ act: same, impersonation: { actor: same } }), { issuer: rule.issuer, subject: claims.sub }, 'staff with the identifier of the customer [D2]')
  t.strictSame(marked({ impersonation: { actor: { sub: 'sam', iss: 'https://staff.example' } } }), { issuer: 'https://staff.example', subject: 'sam' }, 'a mark without act [D2]')
  t.strictSame(marked({ act: { sub: 'tom' }, impersonation: { actor: { sub: 'sam' } } }), { issuer: rule.issuer, subject: 'tom' }, 'act comes first')
  for (const impersonation of [true, 'sam', null, {}, { actor: null }, { actor: { sub: '' } }, { actor: { sub: 7 } }, { actor: { sub: 'sam', iss: 7 } }]) {
    t.equal(marked({ impersonation }), null, `a mark that names nobody: ${JSON.stringify(impersonation)}`)
  }
  t.equal(accessTokenFrom({ ...claims, may_act: { sub: 'staff-1' } }, rule).actor, null, 'who may act does not act')
})

test('what an issuer says in claims of its own choice', async t => {
  const mapped: ExpectedToken = {
    ...rule,
    claims: { ...rule.claims, roles: ['realm', 'roles'], organizations: 'org', teams: 'teams', session: 'session_state', grant: ['ext', 'grant'] }
  }
  const cases: Array<[given: Record<string, unknown>, by: ExpectedToken, expected: object | null]> = [
    [{ roles: ['a'], sid: 's' }, rule, { roles: ['a'], sessionId: 's', organizations: null, teams: null, grantId: null }],
    [{ org: 'o', teams: ['t'], grant: 'g' }, rule, { organizations: null, teams: null, grantId: null }],
    [{ realm: { roles: ['a'] }, org: 'o', teams: ['t', 'u'], session_state: 's', ext: { grant: 'g' } }, mapped,
      { roles: ['a'], organizations: ['o'], teams: ['t', 'u'], sessionId: 's', grantId: 'g' }],
    [{ roles: ['a'], sid: 's' }, mapped, { roles: [], sessionId: null }],
    [{ org: [], teams: null }, mapped, { organizations: [], teams: null }],
    [{ roles: [{ value: 'a', display: 'A' }] }, rule, { roles: ['a'] }],
    [{ session_state: 7, ext: { grant: '' } }, mapped, { sessionId: null, grantId: null }],
    // Roles of a shape of the issuer's own, which nobody asked for, refuse nothing and grant nothing (B4).
    ...[7, [{ id: 1, name: 'admin' }], { admin: true }, [1, 2], ['a', 7], null, true].map((roles): [Record<string, unknown>, ExpectedToken, object] =>
      [{ roles }, rule, { roles: [], claims: { roles } }]),
    [{ org: { id: 'o' } }, mapped, null], [{ teams: ['t', 7] }, mapped, null],
    [{ acr: 'gold', auth_time: 7 }, rule, { authenticationContext: 'gold', authenticatedAt: 7 }],
    [{ acr: 7, auth_time: '7' }, rule, { authenticationContext: null, authenticatedAt: null }],
    [{ authorization_details: [{ type: 'a', x: 1 }] }, rule, { authorizationDetails: [{ type: 'a', x: 1 }] }],
    [{ authorization_details: [] }, rule, { authorizationDetails: [] }],
    [{ authorization_details: { type: 'a' } }, rule, null], [{ authorization_details: [{}] }, rule, null],
    [{ authorization_details: [null] }, rule, null], [{ authorization_details: [{ type: 7 }] }, rule, null]
  ]
  for (const [given, by, expected] of cases) {
    const title = JSON.stringify(given)
    if (expected === null) t.equal(reasonOf(() => accessTokenFrom({ ...claims, ...given }, by)), 'claim_malformed', title)
    else t.match(accessTokenFrom({ ...claims, ...given }, by), expected, title)
  }
})

test('who acts for the subject, in a claim of the issuer\'s own', async t => {
  const by: ExpectedToken = { ...rule, claims: { ...rule.claims, actor: ['impersonator', 'id'] } }
  const cases: Array<[given: Record<string, unknown>, subject: string | null | 'refused']> = [
    [{}, null], [{ impersonator: { id: 'staff-1' } }, 'staff-1'], [{ impersonator: { id: { sub: 'staff-1' } } }, 'staff-1'],
    [{ impersonator: { id: 'user-1' } }, null], [{ act: { sub: 'staff-1' } }, 'staff-1'], [{ impersonator: {}, act: { sub: 'staff-1' } }, 'staff-1'],
    [{ impersonator: { id: 'staff-2' }, act: { sub: 'staff-1' } }, 'staff-2'],
    [{ impersonator: { id: 7 } }, 'refused'], [{ impersonator: { id: null } }, 'refused'], [{ impersonator: { id: '' } }, 'refused'],
    [{ impersonator: { id: [] } }, 'refused']
  ]
  for (const [given, subject] of cases) {
    const title = JSON.stringify(given)
    if (subject === 'refused') t.equal(reasonOf(() => accessTokenFrom({ ...claims, ...given }, by)), 'actor_malformed', title)
    else t.equal(accessTokenFrom({ ...claims, ...given }, by).actor?.subject ?? null, subject, title)
  }
})

const party = { subject: 'user-1', clientId: 'client-1' }

test('a subject that is the client acts for itself, letter for letter (R9068-14)', async t => {
  for (const [subject, clientId, type] of [
    ['a', 'a', 'client'], ['a', 'A', 'user'], ['a', 'b', 'user'], ['a', null, 'user'], ['null', null, 'user']
  ] as const) t.equal(principalTypeOf({}, { subject, clientId }, []), type, `${subject} ${clientId}`)
})

test('what else says that a client acts for itself (R9068-14)', async t => {
  const cases: Array<[mark: ClientMark, claims: Record<string, unknown>, isClient: boolean]> = [
    [{ gty: 'client-credentials' }, { gty: 'client-credentials' }, true],
    [{ gty: 'client-credentials' }, { gty: 'password' }, false],
    [{ gty: 'client-credentials' }, { gty: ['client-credentials'] }, false],
    [{ gty: 'client-credentials' }, {}, false],
    [{ sub: '{clientId}@clients' }, { sub: 'client-1@clients' }, true],
    [{ sub: '{clientId}@clients' }, { sub: 'client-2@clients' }, false],
    [{ sub: '{clientId}@clients' }, { sub: '{clientId}@clients' }, false],
    [{ oid: '{subject}' }, { oid: 'user-1' }, true],
    [{ oid: '{subject}' }, { oid: 'user-2' }, false],
    [{ both: '{clientId} {subject} {clientId}' }, { both: 'client-1 user-1 client-1' }, true],
    [{ address: true }, { address: '127.0.0.1' }, true],
    [{ address: true }, { address: false }, true],
    [{ address: true }, { address: null }, false],
    [{ address: true }, {}, false],
    [{ a: 'x', b: true }, { a: 'x', b: 1 }, true],
    [{ a: 'x', b: true }, { a: 'x' }, false],
    [{ a: 'x', b: true }, { b: 1 }, false],
    [JSON.parse('{"constructor":true}') as ClientMark, {}, false],
    [JSON.parse('{"toString":true}') as ClientMark, {}, false]
  ]
  for (const [mark, claims, isClient] of cases) {
    t.equal(principalTypeOf(claims, party, [mark]), isClient ? 'client' : 'user', JSON.stringify([mark, claims]))
  }
  t.equal(principalTypeOf({ b: 'y' }, party, [{ a: 'x' }, { b: 'y' }]), 'client', 'any one will do')
  t.equal(principalTypeOf({ sub: '@clients' }, { subject: '@clients', clientId: null }, [{ sub: '{clientId}@clients' }]), 'user', 'of no client')
  t.equal(principalTypeOf({ sub: 'null@clients' }, { subject: 'null@clients', clientId: null }, [{ sub: '{clientId}@clients' }]), 'user', 'no client is not one with the name null')
  t.equal(principalTypeOf({ oid: 'user-1' }, { subject: 'user-1', clientId: null }, [{ oid: '{subject}' }]), 'client')
})

test('what stands for the client is its name and nothing more, whatever is in it', async t => {
  fc.assert(fc.property(fc.string({ minLength: 1 }), fc.string(), (clientId, subject) => {
    fc.pre(subject !== clientId)
    const mark = { sub: 'service-{clientId}' }
    return principalTypeOf({ sub: `service-${clientId}` }, { subject, clientId }, [mark]) === 'client' &&
      principalTypeOf({ sub: `service-${clientId}x` }, { subject, clientId }, [mark]) === 'user'
  }))
  t.equal(principalTypeOf({ sub: 'service-$&{subject}' }, { subject: 's', clientId: '$&{subject}' }, [{ sub: 'service-{clientId}' }]), 'client')
})

test('is frozen all the way down, whatever the claims', async t => {
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), more => {
    return isFrozen(accessTokenFrom({ ...more, ...claims, act: { sub: 'staff-1' }, scope: 'read' }, rule))
  }))
  t.equal(isFrozen({ a: Object.freeze({}) }), false, 'and the test would notice')
})

function isFrozen (value: unknown): boolean {
  return Object.isFrozen(value) && (typeof value !== 'object' || value === null || Object.values(value).every(isFrozen))
}

test('the log is told which claim has a shape that cannot be read (A1)', async t => {
  const detail = (changes: Record<string, unknown>, by = rule): unknown => {
    try {
      return accessTokenFrom({ ...claims, ...changes }, by)
    } catch (error) {
      return (error as { detail: unknown }).detail
    }
  }
  t.match(detail({ scope: ['a'] }), { expected: /^scope is a string/, received: 'scope is ["a"]', fix: /profile: 'jwt'/ })
  t.strictSame(detail({ scope: 7 }), { expected: 'scope is a string of scopes with spaces between them', received: 'scope is 7' })
  t.match(detail({ act: 'x' }), { expected: /RFC 8693/, received: 'act is "x"' })
  t.match(detail({ authorization_details: {} }), { expected: /^authorization_details is a list/, received: 'authorization_details is {}' })
  t.match(detail({ org: { teams: 7 } }, { ...rule, claims: { ...rule.claims, teams: ['org', 'teams'] } }), { expected: /^org.teams is/, received: 'org.teams is 7' })
})
