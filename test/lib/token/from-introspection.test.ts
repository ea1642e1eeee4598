import fc from 'fast-check'
import { test } from 'tap'
import { accessTokenFromIntrospection } from '../../../lib/token/from-introspection.ts'
import type { ExpectedToken } from '../../../lib/token/expected-token.ts'
import { createExpectedToken } from '../../support/expected-token.ts'
import { reasonOf } from '../../support/reason.ts'

const now = 1_800_000_000
const thumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const rule = createExpectedToken({ audiences: ['api', 'alias'] })
const answer = {
  active: true, iss: rule.issuer, sub: 'user-1', client_id: 'client-1', aud: 'api', iat: now - 1, exp: now + 60, scope: 'read write',
  token_type: 'Bearer', jti: 'token-1'
}

type Members = Record<string, unknown>

function judge (changes: Members, by: ExpectedToken = rule, allowMissingAudience = false): string | null {
  const given: Members = { ...answer, ...changes }
  for (const name in given) if (given[name] === undefined) delete given[name]
  return reasonOf(() => accessTokenFromIntrospection(given, { ...by, allowMissingAudience }, now))
}

test('an access token says what the answer says', async t => {
  const { accessToken, brokenRules } = accessTokenFromIntrospection({ ...answer, act: { sub: 'staff-1' }, sid: 's' }, rule, now)
  t.match(accessToken, {
    issuer: rule.issuer, subject: 'user-1', principalType: 'user', clientId: 'client-1', audience: ['api'], scopes: ['read', 'write'],
    actor: { issuer: rule.issuer, subject: 'staff-1' }, tokenId: 'token-1', expiresAt: now + 60, issuedAt: now - 1, sessionId: 's'
  })
  t.strictSame(brokenRules, [])
  const bare = accessTokenFromIntrospection({ active: true, sub: 'user-1', aud: ['api', 'other'] }, { ...rule, foreignAudiences: 'report' }, now)
  t.match(bare.accessToken, { clientId: null, scopes: [], expiresAt: null, issuedAt: null, tokenId: null })
  t.strictSame(bare.brokenRules, ['foreignAudiences'])
})

test('what is refused', async t => {
  const cases: Array<[changes: Members, reason: string | null]> = [
    [{}, null],
    [{ active: false }, 'token_inactive'], [{ active: undefined }, 'token_inactive'], [{ active: 'true' }, 'token_inactive'],
    [{ active: 1 }, 'token_inactive'], [{ active: null }, 'token_inactive'], [{ active: [true] }, 'token_inactive'],
    [{ iss: undefined }, null], [{ iss: 'https://evil.example' }, 'issuer_unknown'], [{ iss: `${rule.issuer}/` }, 'issuer_unknown'],
    [{ iss: null }, null], [{ iss: [rule.issuer] }, 'issuer_unknown'],
    [{ token_type: undefined }, null], [{ token_type: 'bearer' }, null], [{ token_type: 'DPoP' }, 'type_refused'],
    [{ token_type: 'N_A' }, 'type_refused'], [{ token_type: 'refresh_token' }, 'type_refused'], [{ token_type: null }, null],
    [{ cnf: { jkt: thumbprint }, token_type: undefined }, null], [{ cnf: { jkt: thumbprint }, token_type: 'dpop' }, null],
    [{ cnf: { jkt: thumbprint }, token_type: 'Bearer' }, 'type_refused'], [{ cnf: { 'x5t#S256': thumbprint }, token_type: 'Bearer' }, null],
    [{ token_type: 7 }, 'type_refused'], [{ token_type: '' }, 'type_refused'],
    [{ aud: ['other', 'alias'] }, null], [{ aud: 'other' }, 'audience_foreign'], [{ aud: undefined }, 'audience_missing'],
    [{ aud: [] }, 'audience_missing'], [{ aud: null }, 'audience_missing'],
    [{ exp: undefined }, null], [{ exp: now - 4 }, null], [{ exp: now - 5 }, 'token_expired'], [{ exp: '1900000000' }, 'claim_missing'],
    [{ exp: null }, null], [{ scope: null, jti: null, nbf: null, iat: null }, null], [{ exp: 0 }, 'token_expired'],
    [{ nbf: now + 6 }, 'token_not_yet_valid'], [{ iat: now + 6 }, 'token_not_yet_valid'], [{ nbf: 'soon' }, 'claim_malformed'],
    [{ iat: undefined }, null],
    [{ cnf: { jkt: 'x' } }, 'confirmation_unsupported'], [{ cnf: null }, 'confirmation_unsupported'],
    [{ sub: undefined, client_id: undefined }, 'claim_missing'], [{ sub: '' }, 'claim_missing'], [{ sub: 7 }, 'claim_missing'],
    [{ sub: undefined, client_id: 7 }, 'claim_missing'], [{ client_id: 7 }, 'claim_malformed'], [{ client_id: '' }, 'claim_malformed'],
    [{ jti: 7 }, 'claim_malformed'], [{ client_id: undefined, jti: undefined }, null],
    [{ scope: ['read'] }, 'claim_malformed'], [{ scope: undefined }, null], [{ act: 'staff-1' }, 'actor_malformed'],
    [{ authorization_details: [{}] }, 'claim_malformed']
  ]
  for (const [changes, reason] of cases) t.equal(judge(changes), reason, JSON.stringify(changes))
})

test('a client that acts for itself, and a user without a subject, who is not to be taken for it', async t => {
  const cases: Array<[changes: Members, subject: string | null]> = [
    [{ sub: undefined }, 'client-1'], [{ sub: null }, 'client-1'], [{ sub: undefined, username: null }, 'client-1'],
    [{ sub: undefined, username: 'ann' }, null], [{ sub: null, username: '' }, null]
  ]
  for (const [changes, subject] of cases) {
    const title = JSON.stringify(changes)
    if (subject === null) t.equal(judge(changes), 'claim_missing', title)
    else t.match(accessTokenFromIntrospection({ ...answer, ...changes }, rule, now).accessToken, { subject, principalType: 'client' }, title)
  }
})

test('an answer without an audience is believed where that was said, and one with another never', async t => {
  const byClient = { ...rule, claims: { ...rule.claims, audience: ['access', 'for'] } }
  const cases: Array<[changes: Members, by: ExpectedToken, reason: string | null]> = [
    [{ aud: undefined }, rule, null], [{ aud: 'other' }, rule, 'audience_foreign'],
    // Ory Hydra writes an empty list (B3).
    [{ aud: [] }, rule, null], [{ aud: null }, rule, null], [{ aud: '' }, rule, null], [{ aud: 7 }, rule, 'audience_missing'],
    [{ aud: undefined }, byClient, null], [{ aud: 'other' }, byClient, null], [{ access: { for: 'alias' } }, byClient, null],
    [{ access: { for: 'other' } }, byClient, 'audience_foreign']
  ]
  for (const [changes, by, reason] of cases) t.equal(judge(changes, by, true), reason, JSON.stringify(changes))
  t.equal(judge({ aud: 'api' }, byClient), 'audience_missing')
  const { aud: _, ...silent } = answer
  t.strictSame(accessTokenFromIntrospection(silent, { ...byClient, allowMissingAudience: true }, now).accessToken.audience, ['api'])
})

test('what its access tokens say word for word is asked of an answer, too', async t => {
  const keycloak = { ...rule, profile: 'jwt' as const, requiredClaims: { typ: 'Bearer' } }
  t.equal(judge({ typ: 'Bearer' }, keycloak), null)
  for (const typ of [undefined, 'Refresh', 'ID']) t.equal(judge({ typ }, keycloak), 'type_refused', String(typ))
  t.equal(judge({ typ: 'Bearer', at_hash: 'x' }, keycloak), null, 'and tells it for certain (B1)')
  t.equal(judge({ at_hash: 'x' }, { ...keycloak, requiredClaims: {} }), 'type_refused', 'without it a trace of an ID token does not pass')
})

test('whatever an issuer answers, only what is well-formed and meant for us is let in', async t => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.constantFrom('api', 'bearer', true, rule.issuer, 'user-1', now, now + 60))
  const names = fc.constantFrom(...Object.keys(answer), 'nbf', 'cnf', 'act', 'username', '__proto__', 'authorization_details')
  const changes = fc.dictionary(names, value, { maxKeys: 4 })
  fc.assert(fc.property(changes, fc.boolean(), fc.boolean(), (given, complete, allowMissingAudience) => {
    const members: Members = complete ? { ...answer, ...given } : given
    let accepted = false
    reasonOf(() => { accessTokenFromIntrospection(members, { ...rule, allowMissingAudience }, now); accepted = true })
    if (!accepted) return true
    const { active, iss, aud, exp, cnf, sub, client_id: clientId, token_type: type } = members
    return active === true && (iss === undefined || iss === null || iss === rule.issuer) && cnf === undefined &&
      (exp === undefined || exp === null || (typeof exp === 'number' && exp > now - 5)) &&
      (isEmpty(aud) ? allowMissingAudience : [aud].flat().some(one => rule.audiences.includes(one as string))) &&
      typeof (sub ?? clientId) === 'string' && (type === undefined || type === null || /^bearer$/i.test(type as string))
  }), { numRuns: 2000 })
})

function isEmpty (aud: unknown): boolean {
  return aud === undefined || aud === null || aud === '' || (Array.isArray(aud) && aud.length === 0)
}

test('the log is told what the response says (A1)', async t => {
  const detail = (changes: Members): unknown => {
    try {
      return accessTokenFromIntrospection({ ...answer, ...changes }, rule, now)
    } catch (error) {
      return (error as { detail: unknown }).detail
    }
  }
  t.strictSame(detail({ active: false }), { expected: 'active is true (RFC 7662)', received: 'active is false' })
  t.strictSame(detail({ iss: 'https://evil.example' }), { expected: `iss is ${rule.issuer}`, received: 'iss is "https://evil.example"' })
  t.strictSame(detail({ token_type: 'DPoP' }), { expected: 'token_type is Bearer, or missing', received: 'token_type is "DPoP"' })
})
