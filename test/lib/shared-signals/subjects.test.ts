import { test } from 'tap'
import type { SetError } from '../../../lib/errors/set-error.ts'
import type { SubjectIdentifier } from '../../../lib/shared-signals/security-event-token.ts'
import { findTargets } from '../../../lib/shared-signals/subjects.ts'
import type { FoundTargets } from '../../../lib/shared-signals/subjects.ts'

const one = 'https://one.example'
const two = 'https://two.example'
const foreign = 'https://foreign.example'
const issuers = [one, two]
const user = { format: 'iss_sub', iss: two, sub: 'ann' }
const session = { format: 'opaque', id: 's-1' }
const sessions = issuers.map(issuer => ({ issuer, sessionId: 's-1' }))

const cases: ReadonlyArray<readonly [title: string, identifier: SubjectIdentifier, found: Partial<FoundTargets>]> = [
  ['RFC 9493 3.2.3 iss_sub', user, { targets: [{ issuer: two, subject: 'ann' }] }],
  ['iss_sub of another issuer', { ...user, iss: foreign }, { foreignIssuers: [foreign] }],
  ['SSF 1.0 3.5.1 jwt_id', { format: 'jwt_id', iss: one, jti: 't-1' }, { targets: [{ issuer: one, tokenId: 't-1' }] }],
  ['jwt_id of another issuer', { format: 'jwt_id', iss: foreign, jti: 't-1' }, { foreignIssuers: [foreign] }],
  ['RFC 9493 3.2.4 opaque', session, { targets: sessions }],
  ['RFC 9493 3.2.2 email', { format: 'email', email: 'ann@example.com' }, {}],
  ['RFC 9493 3.2.1 account', { format: 'account', uri: 'acct:ann@example.com' }, {}],
  ['RFC 9493 3.2.5 phone_number', { format: 'phone_number', phone_number: '+1206' }, {}],
  ['RFC 9493 3.2.6 did', { format: 'did', url: 'did:example:1' }, {}],
  ['RFC 9493 3.2.7 uri', { format: 'uri', uri: 'https://ann.example' }, {}],
  ['SSF 1.0 3.5.2 saml_assertion_id', { format: 'saml_assertion_id', issuer: one, assertion_id: '_1' }, {}],
  ['a format of their own', { format: 'toString', x: 1 }, {}],
  ['RFC 9493 3.2.8 aliases', { format: 'aliases', identifiers: [{ format: 'email', email: 'a@b' }, user, { ...user, iss: foreign }] },
    { targets: [{ issuer: two, subject: 'ann' }], foreignIssuers: [foreign] }],
  ['SSF 1.0 3.3 the session of a user', { format: 'complex', user, session }, { targets: [{ issuer: two, sessionId: 's-1' }], usedMembers: ['user', 'session'] }],
  ['a session alone', { format: 'complex', session }, { targets: sessions, usedMembers: ['session'] }],
  ['a session that names its issuer', { format: 'complex', user, session: { format: 'iss_sub', iss: one, sub: 's-1' } }, { targets: [{ issuer: one, sessionId: 's-1' }], usedMembers: ['user', 'session'] }],
  ['a session of another issuer', { format: 'complex', session: { format: 'iss_sub', iss: foreign, sub: 's-1' } }, { foreignIssuers: [foreign] }],
  ['a session of a format that tokens do not have', { format: 'complex', user, session: { format: 'email', email: 'a@b' } }, { targets: [{ issuer: two, subject: 'ann' }], usedMembers: ['user'] }],
  ['a user of another issuer', { format: 'complex', user: { ...user, iss: foreign }, session }, { foreignIssuers: [foreign] }],
  ['a user that tokens do not name', { format: 'complex', user: { format: 'email', email: 'a@b' }, session }, { targets: sessions, usedMembers: ['session'] }],
  ['an opaque user is no session', { format: 'complex', user: session }, {}],
  ['a user and a tenant', { format: 'complex', user, tenant: session }, { targets: [{ issuer: two, subject: 'ann' }], usedMembers: ['user'] }],
  ['a tenant alone', { format: 'complex', tenant: session }, {}]
]
for (const [title, identifier, found] of cases) {
  test(`${title} names these tokens [SSF-08]`, t => {
    t.strictSame(findTargets(identifier, { issuers, opaqueIsSession: true }), { targets: [], foreignIssuers: [], usedMembers: [], ...found })
    t.end()
  })
}

test('an opaque identifier is that of a session only where the event is about one', t => {
  t.strictSame(findTargets(session, { issuers, opaqueIsSession: false }).targets, [])
  t.end()
})

test('an identifier without the members of its format is refused', t => {
  const unfit: SubjectIdentifier[] = [
    { format: 'iss_sub', iss: one }, { format: 'iss_sub', iss: one, sub: '' }, { format: 'jwt_id', jti: 'x' }, { format: 'opaque', id: 7 }, { format: 'email' },
    { format: 'aliases' }, { format: 'aliases', identifiers: [] }, { format: 'aliases', identifiers: [{ format: 'aliases', identifiers: [user] }] },
    { format: 'aliases', identifiers: [{ format: 'complex', user }] }, { format: 'aliases', identifiers: Array.from({ length: 21 }, () => user) },
    { format: 'aliases', identifiers: [{ format: 'email' }] }, { format: 'complex', user: 'ann' }, { format: 'complex', user: { format: 'complex', user } },
    { format: 'complex', user, device: { format: 'opaque' } }
  ]
  for (const identifier of unfit) {
    try {
      findTargets(identifier, { issuers, opaqueIsSession: true })
      t.fail(JSON.stringify(identifier))
    } catch (error) {
      t.equal((error as SetError).err, 'invalid_request', JSON.stringify(identifier))
    }
  }
  t.end()
})
