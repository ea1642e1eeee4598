import { test } from 'tap'
import type { EndedImpersonation, ImpersonationEnds } from '../../../lib/impersonation/end.ts'
import { endImpersonation, isOfImpersonation } from '../../../lib/impersonation/end.ts'
import { createImpersonationRecord } from '../../../lib/impersonation/record.ts'
import type { Revocation } from '../../../lib/stores/revocations/revocation.ts'

const issuer = 'https://login.example.com'

function recorder (failing: ReadonlyArray<'grants' | 'tokens'> = []): { calls: unknown[], ends: ImpersonationEnds } {
  const calls: unknown[] = []
  const step = (name: 'grants' | 'tokens', what: unknown): void => {
    calls.push([name, what])
    if (failing.includes(name)) throw new Error(`${name} down`)
  }
  const revocations = { isRevoked: () => false, revoke: async (revocation: Revocation) => { step('tokens', revocation) } }
  return { calls, ends: { issuer, revocations, deleteGrants: async ended => { step('grants', ended) } } }
}

test('what one member of staff made as one customer, the grants first (G27)', async t => {
  const { calls, ends } = recorder()
  await endImpersonation({ staff: 'sam', customer: 'ann', sessionId: 's-1' } as EndedImpersonation, ends)
  t.strictSame(calls, [
    ['grants', { staff: 'sam', customer: 'ann' }],
    ['tokens', { issuer, subject: 'ann', actor: { issuer, subject: 'sam' } }]
  ])
})

test('what one member of staff made as anybody (G31)', async t => {
  const { calls, ends } = recorder()
  await endImpersonation({ staff: 'sam' }, { ...ends, actorIssuer: 'https://staff.example.com' })
  t.strictSame(calls, [['grants', { staff: 'sam' }], ['tokens', { issuer, actor: { issuer: 'https://staff.example.com', subject: 'sam' } }]])
})

test('nothing, when nobody impersonated (G29)', async t => {
  const { calls, ends } = recorder()
  await endImpersonation(null, ends)
  t.strictSame(calls, [])
})

test('nothing, when nobody says who', async t => {
  const { calls, ends } = recorder()
  for (const ended of [{}, { staff: 7 }, { customer: 'ann' }, { staff: 'sam', customer: null }]) {
    await t.rejects(endImpersonation(ended as never, ends), TypeError, JSON.stringify(ended))
  }
  t.strictSame(calls, [])
})

test('one of the two may be somebody else\'s business', async t => {
  const { calls, ends: { revocations, deleteGrants } } = recorder()
  await endImpersonation({ staff: 'sam', customer: 'ann' }, { issuer, revocations: revocations! })
  await endImpersonation({ staff: 'sam', customer: 'ann' }, { issuer, deleteGrants: deleteGrants! })
  t.strictSame(calls.map(call => (call as string[])[0]), ['tokens', 'grants'])
})

test('where one of the two fails, the other is done, and it is told', async t => {
  for (const [failing, error] of [
    [['grants'], new Error('grants down')], [['tokens'], new Error('tokens down')],
    [['grants', 'tokens'], { name: 'AggregateError', errors: [{ message: 'grants down' }, { message: 'tokens down' }] }]
  ] as const) {
    const { calls, ends } = recorder(failing)
    await t.rejects(endImpersonation({ staff: 'sam', customer: 'ann' }, ends), error)
    t.equal(calls.length, 2)
  }
})

test('the grants of exactly that pair (G27, G28)', t => {
  const stamp = createImpersonationRecord({ staff: 'sam', customer: 'ann' }, { grantedAt: 5 })
  t.equal(isOfImpersonation(stamp, { staff: 'sam', customer: 'ann' }), true)
  t.equal(isOfImpersonation(stamp, { staff: 'sam' }), true, 'and of every customer')
  t.equal(isOfImpersonation(stamp, { staff: 'tom', customer: 'ann' }), false)
  t.equal(isOfImpersonation(stamp, { staff: 'tom' }), false)
  t.equal(isOfImpersonation(stamp, { staff: 'sam', customer: 'bob' }), false)
  t.equal(isOfImpersonation(null, { staff: 'sam', customer: 'ann' }), false, 'not the customer\'s own')
  t.throws(() => isOfImpersonation(undefined as never, { staff: 'sam' }), TypeError, 'a stamp that was not found')
  t.end()
})
