import { test } from 'tap'
import { createAuthorizer } from '../../../lib/client/authorizer.ts'
import { createMemoryConnectionStore } from '../../../lib/stores/memory-connection-store.ts'
import { createFakeOAuth } from '../../support/fake-oauth.ts'
import { failed } from '../../support/failed.ts'
import { outboundTo } from '../../support/outbound.ts'

test('before an authorization there is no authorization server to go to', async t => {
  const fake = createFakeOAuth()
  const authorizer = createAuthorizer({ url: fake.resource }, outboundTo(fake), createMemoryConnectionStore(), { now: () => 0 })
  await t.rejects(authorizer.current(), failed('sign_in_needed'))
  t.equal(await authorizer.prover(), null)
  t.same(fake.received, [])
})
