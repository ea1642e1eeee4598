import { test } from 'tap'
import { LookupTimeout, within } from '../../../lib/impersonation/within.ts'
import { createDeferred } from '../../support/deferred.ts'

test('what answers at once, or later, is what was asked for', async t => {
  t.equal(await within(1, () => 5), 5)
  t.equal(await within(1, () => null), null)
  t.equal(await within(1, () => undefined), undefined)
  t.equal(await within(60_000, async () => 5), 5)
  t.equal(await within(60_000, () => ({ then: (resolve: (value: number) => void) => resolve(5) }) as Promise<number>), 5, 'a promise of any kind')
})

test('what fails, fails as it does', async t => {
  const error = new Error('down')
  await t.rejects(within(1, () => { throw error }), error)
  await t.rejects(within(60_000, () => Promise.reject(error)), error)
})

test('what does not answer has failed, and may still answer to nobody', async t => {
  const late = createDeferred<number>()
  await t.rejects(within(1, () => late.promise), new LookupTimeout(1))
  late.reject(new Error('too late to matter'))
  t.equal(new LookupTimeout(7).message, 'no answer within 7 ms')
})
