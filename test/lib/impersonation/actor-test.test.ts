import { test } from 'tap'
import { createActorTest } from '../../../lib/impersonation/actor-test.ts'
import { createTokenClassifier } from '../../../lib/impersonation/token-impersonation.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { accessTokenOf } from '../../support/access-token.ts'

interface FakeRequest { session?: { staff: string, customer: string }, apiKey?: string, accessToken?: AccessToken | null }

const isImpersonated = createActorTest<FakeRequest>({
  impersonationOf: ({ session }) => session ?? null,
  impersonationOfToken: createTokenClassifier()
})
const stamped = accessTokenOf({ actor: { issuer: 'https://login.example.com', subject: 'sam' }, claims: { impersonation: { granted_at: 5 } } })

test('who is a member of staff who acts as a customer, and who is not (G32)', async t => {
  t.equal(await isImpersonated({ session: { staff: 'sam', customer: 'ann' } }), true, 'by the session')
  t.equal(await isImpersonated({ session: { staff: 'sam', customer: 'ann' }, accessToken: accessTokenOf() }), true, 'by the session, whatever the token')
  t.equal(await isImpersonated({ accessToken: stamped }), true, 'by the token')
  t.equal(await isImpersonated({}), false, 'a plain session')
  t.equal(await isImpersonated({ accessToken: null }), false, 'no token')
  t.equal(await isImpersonated({ accessToken: accessTokenOf() }), false, 'the customer\'s token')
  t.equal(await isImpersonated({ accessToken: accessTokenOf({ actor: { issuer: 'x', subject: 'agent' } }) }), false, 'a delegate\'s token')
  t.equal(await isImpersonated({ apiKey: 'key' }), false, 'whoever authenticates in another way')
})

test('no answer is not a no (G32)', async t => {
  await t.rejects(createActorTest({ impersonationOf: () => { throw new Error('down') } })({}), { message: 'down' })
  await t.rejects(createActorTest({ impersonationOf: () => ({ staff: 'sam' }) })({}), TypeError)
  await t.rejects(createActorTest({ impersonationOf: () => undefined })({}), TypeError)
  await t.rejects(createActorTest({ impersonationOfToken: () => undefined })({ accessToken: stamped }), TypeError)
  await t.rejects(createActorTest({ impersonationOfToken: () => Promise.reject(new Error('down')) })({ accessToken: stamped }), { message: 'down' })
})

test('what is not there is not looked at (G32)', async t => {
  const test = createActorTest({})
  t.equal(await test({}), false)
  t.equal(await test({ accessToken: stamped }), false)
})
