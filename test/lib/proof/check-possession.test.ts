import { test } from 'tap'
import type { InvalidTokenError } from '../../../lib/errors/errors.ts'
import { createPossessionCheck } from '../../../lib/proof/check-possession.ts'
import type { Presentation } from '../../../lib/token/confirmation.ts'
import { accessTokenOf } from '../../support/access-token.ts'

const keyThumbprint = 'key'
const certificateThumbprint = 'certificate'
const bound = (confirmation: Partial<Record<'keyThumbprint' | 'certificateThumbprint', string>>) =>
  accessTokenOf({ confirmation: { keyThumbprint: null, certificateThumbprint: null, ...confirmation } })
const presentation = (members: Partial<Presentation> = {}): Presentation => ({
  scheme: 'Bearer', requirement: 'allowed', method: 'GET', proofs: [], targetUris: ['https://h/'], certificateThumbprint: null, provideNonce: () => {}, ...members
})

test('a token that is bound is refused without the proof, and the log says which option is missing [R9449-21, R8705-07]', async t => {
  const check = createPossessionCheck({ checkProof: null, readsCertificates: false, requiresCertificates: false })
  for (const [accessToken, given, reason, fix] of [
    [bound({ keyThumbprint }), undefined, 'proof_missing', /set the dpop option/],
    [bound({ keyThumbprint }), presentation({ scheme: 'DPoP' }), 'proof_missing', /set the dpop option/],
    [bound({ certificateThumbprint }), undefined, 'proof_missing', /set the clientCertificates option/],
    [bound({ certificateThumbprint }), presentation({ certificateThumbprint: 'another' }), 'certificate_foreign', undefined],
    [accessTokenOf(), presentation({ scheme: 'DPoP' }), 'token_unbound', undefined],
    [accessTokenOf(), presentation({ requirement: 'required' }), 'token_unbound', undefined]
  ] as const) {
    let found: unknown = null
    try { await check(accessToken, 'digest', given) } catch (error) { found = error }
    const { reason: actual, detail } = found as InvalidTokenError
    t.equal(actual, reason)
    t.match(detail?.fix, fix)
  }
  t.equal(check(bound({ certificateThumbprint }), 'digest', presentation({ certificateThumbprint })), undefined)
  t.equal(check(accessTokenOf(), 'digest', undefined), undefined)
})

test('where certificates are required, a token that is bound to none is refused, however it is presented', async t => {
  const check = createPossessionCheck({ checkProof: () => {}, readsCertificates: true, requiresCertificates: true })
  for (const [accessToken, given] of [
    [accessTokenOf(), presentation()], [accessTokenOf(), undefined], [bound({ keyThumbprint }), presentation({ scheme: 'DPoP', certificateThumbprint })]
  ] as const) {
    let found: unknown = null
    try { await check(accessToken, 'digest', given) } catch (error) { found = error }
    t.match(found, { reason: 'token_unbound', detail: { expected: /clientCertificates\.required/ } })
  }
  t.equal(check(bound({ certificateThumbprint }), 'digest', presentation({ certificateThumbprint })), undefined)
  t.equal(check(bound({ certificateThumbprint, keyThumbprint }), 'digest', presentation({ scheme: 'DPoP', certificateThumbprint })), undefined)
})

test('a proof is checked once for a request and its token, at once or later, however often the host verifies them', async t => {
  for (const answer of [undefined, Promise.resolve()]) {
    const checked: string[] = []
    const check = createPossessionCheck({ checkProof: ({ tokenHash, provideNonce }) => { checked.push(tokenHash); provideNonce('next'); return answer }, readsCertificates: true, requiresCertificates: false })
    const nonces: string[] = []
    const given = presentation({ scheme: 'DPoP', provideNonce: nonce => nonces.push(nonce) })
    for (const digest of ['a', 'a', 'b', 'b']) await check(bound({ keyThumbprint }), digest, given)
    t.strictSame([checked, nonces], [['a', 'b'], ['next', 'next']])
  }
  const check = createPossessionCheck({ checkProof: () => { throw new Error('no proof') }, readsCertificates: true, requiresCertificates: false })
  for (let i = 0; i < 2; i++) await t.rejects(async () => await check(bound({ keyThumbprint }), 'a', presentation({ scheme: 'DPoP' })), { message: 'no proof' })
})

test('what was proven with one presentation counts for no other, no other check, and needs no place in it', async t => {
  let checked = 0
  const create = () => createPossessionCheck({ checkProof: () => { checked++ }, readsCertificates: true, requiresCertificates: false })
  const check = create()
  const given = Object.freeze(presentation({ scheme: 'DPoP' }))
  await check(bound({ keyThumbprint }), 'a', given)
  await check(bound({ keyThumbprint }), 'a', given)
  t.equal(checked, 1)
  await check(bound({ keyThumbprint }), 'a', { ...given, method: 'DELETE' })
  t.equal(checked, 2, 'a copy with another method has proven nothing')
  await create()(bound({ keyThumbprint }), 'a', given)
  t.equal(checked, 3, 'nor has the same one at another resource, whose rules may be stricter')
})
