import Fastify from 'fastify'
import { describe, expect, test } from 'tstyche'
import '../../plugins/index.ts'
import type { IssuerOptions, RouteOptions, SignatureAlgorithm } from '../../plugins/index.ts'

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

describe('options of a route that contradict each other', () => {
  const organization = (): string => 'globex'

  test('requirements need a token that is required', () => {
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, scopes: ['a'] })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'optional' as const, scopes: ['a'] })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'optional' as const, anyOfScopes: ['a'] })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, acr: ['a'] })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, maxAgeSeconds: 1 })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, actors: 'none' as const })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'optional' as const, actors: 'required' as const })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, organization })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'optional' as const, team: organization })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, authorizationDetails: () => true })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'optional' as const, policy: () => true })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, anyOrganization: true as const })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, anyTeam: true as const })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ token: 'none' as const, dpop: 'required' as const })
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { token: 'none', scopes: ['a'] } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { token: 'optional', policy: () => true } } }, handler)
  })

  test('pairs', () => {
    expect<RouteOptions>().type.not.toBeAssignableFrom({ anyOrganization: true as const, organization })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ anyTeam: true as const, team: organization })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ pinnedChallenge: 'Bearer realm="a"', challenge: 'keep' as const })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ pinnedChallenge: 'Bearer realm="a"', maxAgeSeconds: 1 })
    expect<RouteOptions>().type.not.toBeAssignableFrom({ pinnedChallenge: 'Bearer realm="a"', acr: ['a'] })
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { anyTeam: true, team: organization } } }, handler)
  })

  test('what does not contradict', () => {
    expect<RouteOptions>().type.toBeAssignableFrom({ token: 'required' as const, scopes: ['a'], acr: ['a'], organization, team: organization, dpop: 'required' as const })
    expect<RouteOptions>().type.toBeAssignableFrom({ token: 'optional' as const, anyOrganization: true as const, anyTeam: true as const, actors: 'any' as const, dpop: 'allowed' as const })
    expect<RouteOptions>().type.toBeAssignableFrom({ token: 'none' as const, anyOrganization: false as const, challenge: 'none' as const })
    expect<RouteOptions>().type.toBeAssignableFrom({ anyOrganization: true as const, team: organization })
    expect<RouteOptions>().type.toBeAssignableFrom({ pinnedChallenge: 'Bearer realm="a"', challenge: 'merge' as const, scopes: ['a'] })
    expect<RouteOptions>().type.toBeAssignableFrom<{ token: 'required' | 'optional' }>()
    expect<RouteOptions>().type.toBeAssignableFrom<{ scopes: string[], anyOrganization: boolean }>()
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { token: 'optional' } } }, handler)
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
