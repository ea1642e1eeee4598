import { test } from 'tap'
import { createImpersonationRecord } from '../../../lib/impersonation/record.ts'
import type { ImpersonationMarker } from '../../../lib/impersonation/token-impersonation.ts'
import { impersonationClaims, createTokenClassifier } from '../../../lib/impersonation/token-impersonation.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { accessTokenOf } from '../../support/access-token.ts'

const issuer = 'https://login.example.com'
const staffIssuer = 'https://staff.example.com'
const actor = { issuer, subject: 'sam' }
const record = createImpersonationRecord({ staff: 'sam', customer: 'ann', sessionId: 's-1', readOnly: true, endsAt: 90 }, { grantedAt: 5, client: 'c' })

test('what is written into a token is read from it', t => {
  const claims = impersonationClaims(record)
  t.strictSame(claims, { act: { sub: 'sam' }, impersonation: { actor: { sub: 'sam' }, granted_at: 5, ends_at: 90, session: 's-1', read_only: true } })
  t.strictSame(createTokenClassifier()(accessTokenOf({ actor, claims: claims as never })),
    { staff: 'sam', staffIssuer: issuer, customer: 'ann', sessionId: 's-1', readOnly: true, endsAt: 90, grantedAt: 5 })
  t.end()
})

test('a customer\'s token gets no mark (G26)', t => {
  t.strictSame(impersonationClaims(null), {})
  t.end()
})

test('staff of another issuer', t => {
  t.match(impersonationClaims(record, staffIssuer), { act: { sub: 'sam', iss: staffIssuer }, impersonation: { actor: { sub: 'sam', iss: staffIssuer } } })
  const claims = impersonationClaims(record, staffIssuer) as never
  t.match(createTokenClassifier()(accessTokenOf({ claims })), { staff: 'sam', staffIssuer }, 'the mark alone says so, too')
  t.end()
})

const byClaim: ImpersonationMarker = { claim: 'impersonator' }
const bySubject: ImpersonationMarker = { actorSubject: /^staff:/g }
const cases: ReadonlyArray<readonly [title: string, markers: readonly ImpersonationMarker[] | undefined, token: Partial<AccessToken>, staff: string | null | undefined]> = [
  ['nothing marks it', undefined, {}, undefined],
  ['R8693-14 who acts by act alone is a delegate', undefined, { actor, claims: { act: { sub: 'sam' } } }, undefined],
  ['R8693-06 who may act does not', undefined, { claims: { may_act: { sub: 'sam' } } }, undefined],
  ['R8693-14 the claim of our own', undefined, { actor, claims: { impersonation: {} } }, 'sam'],
  ['R8693-14 the claim of our own, whatever it says', undefined, { claims: { impersonation: true } }, null],
  ['R8693-14 a claim of the issuer\'s', [byClaim], { claims: { impersonator: 'sam' } }, 'sam'],
  ['R8693-14 a claim of the issuer\'s, and who acts', [byClaim], { actor, claims: { impersonator: 'Sam the great' } }, 'sam'],
  ['R8693-14 a claim that says who in its own way', [byClaim], { claims: { impersonator: { id: 7 } } }, null],
  ['R8693-14 a claim that is empty is there', [byClaim], { claims: { impersonator: '' } }, null],
  ['R8693-14 a claim that is 0 is there', [byClaim], { claims: { impersonator: 0 } }, null],
  ['a claim that is null', [byClaim], { claims: { impersonator: null } }, undefined],
  ['a claim that says no', [byClaim], { claims: { impersonator: false } }, undefined],
  ['R8693-14 the claim of our own, where others mark', [byClaim], { claims: { impersonation: {} } }, null],
  ['R8693-14 the claim of our own, where nothing else marks', [], { claims: { impersonation: 'sam' } }, 'sam'],
  ['R8693-14 a claim of the issuer\'s says who, beside that of our own', [byClaim], { claims: { impersonator: 'sam', impersonation: 'session-1' } }, 'sam'],
  ['R8693-14 a claim deep inside', [{ claim: ['ext', 'impersonator'] }], { claims: { ext: { impersonator: 'sam' } } }, 'sam'],
  ['a name that objects have of their own', [{ claim: 'constructor' }], {}, undefined],
  ['R8693-14 an actor of the issuer of staff', [{ actorIssuer: staffIssuer }], { actor: { issuer: staffIssuer, subject: 'sam' } }, 'sam'],
  ['an actor of another issuer', [{ actorIssuer: staffIssuer }], { actor }, undefined],
  ['nobody acts, of any issuer', [{ actorIssuer: staffIssuer }], {}, undefined],
  ['R8693-14 an actor whose subject is of the pattern', [bySubject], { actor: { issuer, subject: 'staff:sam' } }, 'staff:sam'],
  ['an actor whose subject is not of the pattern', [bySubject], { actor }, undefined],
  ['nobody acts, of any subject', [bySubject], {}, undefined],
  ['R8693-02 who acted before', [bySubject], { actor, claims: { act: { sub: 'sam', act: { sub: 'staff:tom' } } } }, undefined],
  ['R8693-14 any of several marks is enough', [bySubject, byClaim], { claims: { impersonator: 'sam' } }, 'sam']
]
for (const [title, markers, token, staff] of cases) {
  test(title, t => {
    const classify = createTokenClassifier(markers)
    // Twice: a pattern must not remember where it was.
    for (let i = 0; i < 2; i++) {
      const found = classify(accessTokenOf({ claims: {}, ...token }))
      if (staff === undefined) t.equal(found, null)
      else t.match(found, { staff, customer: 'ann', staffIssuer: staff === null ? null : token.actor?.issuer ?? issuer })
    }
    t.end()
  })
}

test('what cannot be read of a mark is at the impersonator\'s cost (G19)', t => {
  const classify = createTokenClassifier()
  const unclear = [
    [{ granted_at: '5', ends_at: '90', session: 7, read_only: 'yes' }, { grantedAt: null, endsAt: 0, sessionId: null, readOnly: false }],
    [{ ends_at: null }, { grantedAt: null, endsAt: null }],
    [{ ends_at: NaN, granted_at: Infinity }, { grantedAt: null, endsAt: 0 }],
    ['sam', { grantedAt: null, endsAt: null }],
    [[], { grantedAt: null, endsAt: null }]
  ] as const
  for (const [impersonation, expected] of unclear) t.match(classify(accessTokenOf({ claims: { impersonation } })), expected, JSON.stringify(impersonation))
  t.end()
})
