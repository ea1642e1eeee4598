import { test } from 'tap'
import { emptyConnection } from '../../../../lib/stores/connections/connection-store.ts'
import { parseConnection } from '../../../../lib/stores/connections/stored-connection.ts'

const client = {
  issuer: 'https://login.example.com', clientId: 'c', clientSecret: 's', authenticationMethod: 'client_secret_post', expiresAt: 1, redirectUris: ['http://127.0.0.1/'],
  scopes: ['read']
}
const connection = {
  issuer: 'https://login.example.com', resource: 'https://mcp.example.com/mcp', requestedScopes: ['read'], proofKey: { kty: 'EC', alg: 'ES256', d: 'x' },
  clientId: 'c', registration: client, clients: { 'https://login.example.com': client }
}

test('connection data that was stored is read as it was, with members that may be null or missing', t => {
  const { clientId, registration, ...oldest } = connection
  const { scopes, ...unlimited } = client
  for (const given of [
    connection, oldest, emptyConnection,
    { ...connection, clients: { a: unlimited, b: { ...client, scopes: null, clientSecret: null, expiresAt: null } } },
    ...['none', 'client_secret_basic', 'client_secret_post'].map(authenticationMethod => ({ ...connection, registration: { ...client, authenticationMethod } }))
  ]) t.strictSame(parseConnection(JSON.stringify(given)), given)
  t.strictSame(emptyConnection, { issuer: null, resource: null, requestedScopes: null, proofKey: null, clientId: null, registration: null, clients: {} })
  t.end()
})

test('text that is no connection data is refused, whichever member is wrong', t => {
  const wrong = {
    issuer: [1, undefined], resource: [1, undefined], requestedScopes: ['read', [1], undefined], clientId: [1], registration: [1, {}],
    proofKey: [1, {}, { kty: 'EC' }, { alg: 'ES256' }, { kty: 1, alg: 'ES256' }, undefined], clients: [1, null, undefined, { a: 1 }, { a: {} }]
  }
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values) t.throws(() => parseConnection(JSON.stringify({ ...connection, [name]: value })), { name: 'TypeError' }, `${name} ${JSON.stringify(value)}`)
  }
  const wrongClient = {
    issuer: [1, null, undefined], clientId: [1, null, undefined], clientSecret: [1, undefined], authenticationMethod: ['private_key_jwt', '', null, undefined],
    expiresAt: ['1', undefined], redirectUris: ['a', [1], null, undefined], scopes: ['read', [1]]
  }
  for (const [name, values] of Object.entries(wrongClient)) {
    for (const value of values) {
      const broken = { ...client, [name]: value }
      for (const given of [{ ...connection, registration: broken }, { ...connection, clients: { a: client, b: broken } }]) {
        t.throws(() => parseConnection(JSON.stringify(given)), { name: 'TypeError' }, `${name} ${JSON.stringify(value)}`)
      }
    }
  }
  for (const text of ['', '{', 'null', '[]', '1']) t.throws(() => parseConnection(text), text)
  t.end()
})
