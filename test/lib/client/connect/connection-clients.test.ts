import { test } from 'tap'
import { createConnectionClients } from '../../../../lib/client/connect/connection-clients.ts'
import type { StoredClient } from '../../../../lib/stores/connections/connection-store.ts'
import { createMemoryConnectionStore, emptyConnection } from '../../../../lib/stores/connections/connection-store.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { accessTo } from '../../../support/outbound.ts'

const registration: StoredClient = {
  issuer: 'https://login.example.com', clientId: 'mine', clientSecret: null, authenticationMethod: 'none', expiresAt: null, redirectUris: []
}

test('a registration is dropped where it is stored, and that of another process stays (F2)', async t => {
  const { httpClient, clock } = accessTo(createFakeOAuth())
  const store = createMemoryConnectionStore()
  const clients = createConnectionClients({}, httpClient, store, clock)
  await clients.drop(registration)
  t.equal(await store.read(), null, 'nothing is stored, nothing is written')
  const anew = { ...registration, clientId: 'anew' }
  await store.write({ ...emptyConnection, clients: { [registration.issuer]: anew } })
  await clients.drop(registration)
  t.same((await store.read())?.clients, { [registration.issuer]: anew })
  await clients.drop(anew)
  t.same((await store.read())?.clients, {})
})
