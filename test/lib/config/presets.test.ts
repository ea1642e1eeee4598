import { test } from 'tap'
import type { IssuerOptions } from '../../../lib/config/issuer.ts'
import type { PresetName } from '../../../lib/config/presets.ts'
import { issuerPresets } from '../../../lib/config/presets.ts'
import { resolveIssuer } from '../../../lib/config/issuer.ts'
import type { TestServer } from '../../support/server.ts'
import { answerOf, accepted, createTestServer, invalidToken } from '../../support/server.ts'
import type { Fields, Vendor } from '../../support/vendor-tokens.ts'
import { vendors } from '../../support/vendor-tokens.ts'

const keysUrl = 'https://keys.example/jwks'

async function serverOf (t: Parameters<typeof createTestServer>[0], preset: PresetName): Promise<TestServer> {
  const { issuer, audience, jwksUri = false, tokenHeader, alg = 'RS256' } = vendors[preset]
  const server = await createTestServer(t, {
    issuer: { issuer, alg },
    rule: { preset, ...audience !== undefined && { audience }, ...jwksUri && { jwksUri: keysUrl } },
    ...tokenHeader !== undefined && { options: { tokenHeader } }
  })
  server.issuer.answer(keysUrl, () => Response.json({ keys: server.issuer.keys.map(key => key.publicJwk) }))
  return server
}

for (const [preset, vendor] of Object.entries(vendors) as Array<[PresetName, Vendor]>) {
  test(`preset ${preset}: access tokens of the product are accepted, its ID tokens and others are not [R9068-14 R9700-08 F52]`, async t => {
    const { header, accessTokens, clientTokens, otherTokens, read, tokenHeader } = vendor
    const server = await serverOf(t, preset)
    const get = async (token: string): Promise<Awaited<ReturnType<TestServer['get']>>> => tokenHeader === undefined
      ? await server.get(token)
      : await server.app.inject({ url: '/', headers: { [tokenHeader]: token } })
    for (const [i, [title, claims]] of Object.entries(accessTokens).entries()) {
      const response = await get(await server.issuer.token(claims, header))
      t.strictSame(answerOf(response), accepted, title)
      const { accessToken } = response.json() as { accessToken: Fields }
      t.equal(accessToken.principalType, clientTokens.includes(title) ? 'client' : 'user', title)
      if (i === 0) t.match(accessToken, read)
    }
    for (const [title, claims] of Object.entries(otherTokens)) {
      t.strictSame(answerOf(await get(await server.issuer.token(claims, header))), invalidToken, title)
    }
    for (const typ of ['dpop+jwt', 'logout+jwt', 'token-introspection+jwt']) {
      t.strictSame(answerOf(await get(await server.issuer.token(Object.values(accessTokens)[0], { ...header, typ }))), invalidToken, typ)
    }
  })
}

test('Auth0 and Keycloak can issue tokens by RFC 9068', async t => {
  for (const preset of ['auth0', 'keycloak'] as const) {
    const server = await serverOf(t, preset)
    t.strictSame(answerOf(await server.get(await server.issuer.token(Object.values(vendors[preset].accessTokens)[0], { typ: 'at+jwt' }))), accepted, preset)
  }
})

test('what a preset says can be overridden, part by part', async t => {
  const issuer = 'https://sso.example.com/realms/main'
  const ruleOf = (options: Partial<IssuerOptions>) => resolveIssuer({ issuer, ...options }, 'x', { resource: 'https://api.example.com', clockToleranceSeconds: 5, allowInsecureHttp: false }, []).rule
  t.match(ruleOf({ preset: 'keycloak' }), {
    profile: 'jwt', scopeClaims: ['scope'], claims: { roles: ['realm_access', 'roles'], audience: 'aud' }, requiredClaims: { typ: 'Bearer' },
    audiences: ['https://api.example.com']
  })
  t.match(ruleOf({ preset: 'keycloak', claims: { organizations: 'org' }, requiredClaims: { azp: 'client-1' }, algorithms: ['ES256'], profile: 'rfc9068' }), {
    profile: 'rfc9068', algorithms: ['ES256'], claims: { roles: ['realm_access', 'roles'], organizations: 'org' },
    requiredClaims: { typ: 'Bearer', azp: 'client-1' }
  })
  t.strictSame(ruleOf({ preset: 'auth0', clientTokens: [] }).clientTokens, [])
  t.strictSame(ruleOf({ preset: 'auth0' }).clientTokens, issuerPresets.auth0.clientTokens)
  t.strictSame(ruleOf({ preset: 'keycloak', requiredClaims: { typ: 'DPoP' } }).requiredClaims, { typ: 'DPoP' })
  t.strictSame(ruleOf({ ...issuerPresets.keycloak, requiredClaims: {} }).requiredClaims, {}, 'and it is plain data, to be spread')
  t.strictSame(JSON.parse(JSON.stringify(issuerPresets)), issuerPresets)
})
