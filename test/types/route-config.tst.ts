import Fastify from 'fastify'
import { describe, expect, test } from 'tstyche'
import '../../plugins/index.ts'
import type { IssuerOptions, SignatureAlgorithm } from '../../plugins/index.ts'

const app = Fastify()
const handler = async (): Promise<string> => 'x'

describe('config.oauth of a route [A9]', () => {
  test('what it can be', () => {
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { scopes: ['a'] } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: false, rateLimit: {} } }, handler)
  })

  test('likely typing errors are refused', () => {
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { scope: ['a'] } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { scopes: 'a' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oath: { scopes: ['a'] } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oAuth: false } }, handler)
    expect(app.route).type.not.toBeCallableWith({ method: 'GET', url: '/', config: { oauth: { scope: ['a'] } }, handler })
  })
})

describe('literal unions of an issuer [A9]', () => {
  test('algorithms and presets', () => {
    expect<SignatureAlgorithm>().type.toBeAssignableFrom('ES256' as const)
    expect<SignatureAlgorithm>().type.not.toBeAssignableFrom('HS256' as const)
    expect<IssuerOptions>().type.toBeAssignableFrom({ issuer: 'https://as', preset: 'keycloak' as const, algorithms: ['ES256'] as const })
    expect<IssuerOptions>().type.not.toBeAssignableFrom({ issuer: 'https://as', algorithms: ['HS256'] as const })
    expect<IssuerOptions>().type.not.toBeAssignableFrom({ issuer: 'https://as', preset: 'keyclock' as const })
  })
})
