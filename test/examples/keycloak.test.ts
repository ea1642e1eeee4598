import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import type { Test } from 'tap'
import { test } from 'tap'
import { startExample } from '../support/example.ts'

interface ClientScope {
  name: string
  attributes: Record<string, string>
  protocolMappers?: Array<{ protocolMapper: string, config: Record<string, string> }>
}

interface Realm {
  realm: string
  clientScopes: ClientScope[]
  clients: Array<{ clientId: string, publicClient: boolean, defaultClientScopes: string[], optionalClientScopes: string[] }>
}

const realm = JSON.parse(await readFile(new URL('../../examples/keycloak/realm.json', import.meta.url), 'utf8')) as Realm

/**
 * The claims that the mappers of the client's scopes add to an access token, in the shape that Keycloak's documentation gives
 * them: there is no Keycloak here.
 *
 * @see https://www.keycloak.org/docs/latest/server_admin/#_protocol-mappers
 */
function claimsOf (clientId: string, requested: readonly string[], session: { subject: string, notes: Readonly<Record<string, string>> }): Record<string, unknown> {
  const client = realm.clients.find(one => one.clientId === clientId)!
  const names = [...client.defaultClientScopes, ...client.optionalClientScopes.filter(name => requested.includes(name))]
  const scopes = names.map(name => realm.clientScopes.find(scope => scope.name === name)!)
  const claims: Record<string, unknown> = {
    typ: 'Bearer', azp: clientId, scope: scopes.filter(({ attributes }) => attributes['include.in.token.scope'] === 'true').map(({ name }) => name).join(' ')
  }
  for (const { protocolMapper, config } of scopes.flatMap(({ protocolMappers = [] }) => protocolMappers)) {
    if (config['access.token.claim'] !== 'true') continue
    if (protocolMapper === 'oidc-sub-mapper') claims.sub = session.subject
    if (protocolMapper === 'oidc-audience-mapper') claims.aud = config['included.custom.audience']
    const note = session.notes[config['user.session.note'] ?? '']
    if (protocolMapper === 'oidc-usersessionmodel-note-mapper' && note !== undefined) {
      // A dot in `claim.name` makes an object.
      const [outer = '', inner] = config['claim.name']!.split('.')
      claims[outer] = inner === undefined ? note : { [inner]: note }
    }
  }
  return claims
}

async function startRealm (t: Test): Promise<{ url: string, token (claims: Record<string, unknown>): Promise<string> }> {
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const server = createServer((request, response) => {
    const issuer = `${url}/realms/${realm.realm}`
    const documents: Record<string, object> = {
      '/realms/main/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/protocol/openid-connect/certs` },
      '/realms/main/protocol/openid-connect/certs': { keys: [{ ...publicJwk, kid: 'key-1', alg: 'RS256', use: 'sig' }] }
    }
    const document = documents[request.url!]
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(document ?? {}))
  })
  const publicJwk = await exportJWK(publicKey)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => { server.closeAllConnections(); server.close() })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    token: claims => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'key-1' })
      .setIssuer(`${url}/realms/main`).setIssuedAt().setExpirationTime('5m').setJti('1').sign(privateKey)
  }
}

test('keycloak/realm.json: tokens of its clients are accepted with the preset, those of an impersonator are checked', async t => {
  const { url, token } = await startRealm(t)
  process.env.KEYCLOAK_URL = url
  t.teardown(() => { delete process.env.KEYCLOAK_URL })
  const { origin } = await startExample(t, 'keycloak/server.ts')
  const get = async (claims: Record<string, unknown>): Promise<{ status: number, body: unknown }> => {
    const response = await fetch(`${origin}/projects`, { headers: { authorization: `Bearer ${await token(claims)}` } })
    return { status: response.status, body: await response.json() }
  }
  const ann = { subject: 'user-1', notes: {} }

  t.same(await get(claimsOf('desk', ['projects:read'], ann)), { status: 200, body: { subject: 'user-1', principalType: 'user', clientId: 'desk' } })
  const machine = { subject: 'service-1', notes: { clientAddress: '127.0.0.1' } }
  t.same(await get(claimsOf('nightly-report', ['projects:read'], machine)),
    { status: 200, body: { subject: 'service-1', principalType: 'client', clientId: 'nightly-report' } })
  t.equal((await get(claimsOf('desk', [], ann))).status, 403, 'the scope is optional, and has to be requested')
  t.equal((await get(claimsOf('desk', ['projects:read'], { ...ann, notes: { IMPERSONATOR_ID: 'sam' } }))).status, 403, 'the mapper marks the token of an impersonator')
  t.equal((await get({ ...claimsOf('desk', ['projects:read'], ann), aud: 'account' })).status, 401, 'the audience of a realm without the mapper')
  t.equal((await get({ ...claimsOf('desk', ['projects:read'], ann), typ: 'ID' })).status, 401, 'an ID token')
})
