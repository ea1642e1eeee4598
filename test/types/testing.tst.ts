import { describe, expect, test } from 'tstyche'
import { createTestClient, createTestIssuer, createTestPrincipals } from '../../plugins/entry-points/testing.ts'
import type { TestIssuer, TestPrincipals } from '../../plugins/entry-points/testing.ts'

const resource = 'https://api.example.com'
declare const issuer: TestIssuer
declare const principals: TestPrincipals

describe('the kit for tests', () => {
  test('an issuer', () => {
    expect(createTestIssuer).type.toBeCallableWith({ resource, product: 'keycloak', algorithm: 'RS256' })
    expect(createTestIssuer).type.not.toBeCallableWith({})
    expect(createTestIssuer).type.not.toBeCallableWith({ resource, product: 'keyclock' })
    expect(createTestIssuer).type.not.toBeCallableWith({ resource, algorithm: 'HS256' })
    expect(createTestIssuer).type.not.toBeCallableWith({ resource, scopes: [] })
  })

  test('its tokens', () => {
    expect(issuer.token).type.toBeCallableWith({ scopes: ['a'], boundTo: createTestClient() })
    expect(issuer.token).type.not.toBeCallableWith({ scope: ['a'] })
    expect(issuer.headers).type.not.toBeCallableWith({ subject: 'ann', scope: ['a'] })
    expect(issuer.token).type.not.toBeCallableWith({ scopes: 'a' })
    expect(issuer.brokenToken).type.toBeCallableWith('expired')
    expect(issuer.brokenToken).type.not.toBeCallableWith('expird')
    expect(issuer.opaqueToken).type.not.toBeCallableWith({ scope: ['a'] })
  })

  test('its state', () => {
    expect(issuer.rotateKeys).type.not.toBeCallableWith({ keepold: true })
    expect(issuer.setOutage).type.not.toBeCallableWith()
    expect(issuer.respond).type.not.toBeCallableWith('keys', null)
  })

  test('clients and principals', () => {
    expect(createTestClient).type.not.toBeCallableWith({ alg: 'ES256' })
    expect(createTestClient().proof).type.not.toBeCallableWith({ token: 'x' })
    expect(createTestPrincipals().headers).type.toBeCallableWith({ subject: 'ann', scopes: ['a'] })
    expect(principals.headers).type.not.toBeCallableWith({ scope: ['a'] })
  })
})
