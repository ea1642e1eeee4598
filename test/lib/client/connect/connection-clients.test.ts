import { test } from 'tap'
import { createConnectionClients } from '../../../../lib/client/connect/connection-clients.ts'
import type { StoredClient } from '../../../../lib/stores/connections/connection-store.ts'
import { createMemoryConnectionStore, emptyConnection } from '../../../../lib/stores/connections/connection-store.ts'
import { machine } from '../../../support/connection-world.ts'
import { createFakeOAuth } from '../../../support/fake-oauth.ts'
import { accessTo } from '../../../support/outbound.ts'

const registration: StoredClient = {
  issuer: 'https://login.example.com', clientId: 'mine', clientSecret: null, authenticationMethod: 'none', expiresAt: null, redirectUris: []
}

test('nothing is stored for a client that is known already, registered in advance or earlier', async t => {
  const fake = createFakeOAuth()
  const { httpClient, clock, server } = accessTo(fake)
  const redirectUri = 'http://127.0.0.1/callback'
  const before = { ...emptyConnection, clients: { [registration.issuer]: { ...registration, redirectUris: [redirectUri] } } }
  const store = createMemoryConnectionStore()
  await store.write(before)
  const readOnly = { read: store.read, async write () { throw new Error('written') } }
  const found = { server, resource: { resource: fake.resource, authorizationServers: [fake.issuer], scopesSupported: null, needsProof: false, document: {} } }
  t.equal((await createConnectionClients({ clients: machine }, httpClient, readOnly, clock).clientFor(found, redirectUri, null)).clientId, 'machine')
  t.equal((await createConnectionClients({}, httpClient, readOnly, clock).clientFor(found, redirectUri, null)).clientId, 'mine')
  t.same(await store.read(), before)
  t.same(fake.received, [])
})

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
