import type { FastifyRequest } from 'fastify'
import { describe, expect, test } from 'tstyche'
import type {
  AccessToken, ClientMark, IntrospectionOptions, IssuerOptions, OAuthResourceServerOptions, CustomToken, CustomTokensOptions, ScopeOptions
} from '../../plugins/index.ts'
import { createMemoryOrganizationDirectory } from '../../plugins/entry-points/impersonation.ts'

const least = { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] }

describe('options that make sense', () => {
  test('two are enough', () => {
    expect<OAuthResourceServerOptions>().type.toBeAssignableFrom(least)
  })

  test('all of them', () => {
    const issuer = {
      issuer: 'https://login.example.com',
      audience: ['https://api.example.com'],
      rejectForeignAudiences: true,
      algorithms: ['ES256' as const],
      profile: 'jwt' as const,
      scopeClaims: ['scp'],
      jwksUri: 'https://login.example.com/jwks',
      jwks: { keys: [] },
      advertised: false,
      clockToleranceSeconds: 0
    }
    expect<IssuerOptions>().type.toBeAssignableFrom(issuer)
    expect<OAuthResourceServerOptions>().type.toBeAssignableFrom({
      ...least,
      authorizationServers: ['https://login.example.com', issuer],
      scopes: { read: 'Read', write: { description: 'Write', advertised: false } },
      scopeImplies: (granted: string, required: string) => granted === 'write' && required === 'read',
      realm: 'api',
      metadata: { resource_name: 'Projects' },
      metadataMaxAgeSeconds: 60,
      rootAlias: true,
      documentServedElsewhere: false,
      clockToleranceSeconds: 5,
      tokenCache: { maxEntries: 1000, maxAgeSeconds: 60 },
      discovery: { timeoutMs: 1000, maxBytes: 100_000, keysMaxAgeSeconds: 60, retryAfterSeconds: 5 },
      fetch: globalThis.fetch,
      clock: Date
    })
  })

  test('introspection, by each way of saying who asks', async () => {
    const { privateKey } = await globalThis.crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
    for (const authentication of [
      { method: 'client_secret_basic', clientSecret: 's' }, { method: 'client_secret_post', clientSecret: 's' },
      { method: 'private_key_jwt', privateKey }, { method: 'private_key_jwt', privateKey, keyId: 'k' }, { method: 'tls_client_auth' }
    ] as const) {
      expect<IntrospectionOptions>().type.toBeAssignableFrom({ clientId: 'api', authentication })
    }
    expect<IssuerOptions>().type.toBeAssignableFrom({
      issuer: 'https://login.example.com',
      allowMissingAudience: true,
      introspection: {
        clientId: 'api',
        authentication: { method: 'tls_client_auth' as const },
        endpoint: 'https://login.example.com/introspect',
        signedResponseAlgorithm: 'ES256' as const,
        opaquePrefix: null,
        cacheSeconds: 0,
        refusedCacheSeconds: 5,
        maxConcurrent: 10,
        fetch: globalThis.fetch
      }
    })
  })

  test('tokens of one\'s own, and what tells clients from users', () => {
    expect<CustomTokensOptions>().type.toBeAssignableFrom({ prefix: 'pat_', verify: () => null })
    expect<CustomTokensOptions>().type.toBeAssignableFrom({
      prefix: 'pat_', verify: async (token: string) => ({ subject: token, scopes: ['read'] }), issuer: 'https://keys.example', cacheSeconds: 5
    })
    expect<CustomToken>().type.toBeAssignableFrom({ subject: 'ann', principalType: 'client' as const, expiresAt: null })
    expect<ClientMark>().type.toBeAssignableFrom({ gty: 'client-credentials', clientAddress: true as const })
    expect<IssuerOptions>().type.toBeAssignableFrom({ issuer: 'https://login.example.com', clientTokens: [{ oid: '{subject}' }] })
  })

  test('frozen ones', () => {
    expect<OAuthResourceServerOptions>().type.toBeAssignableFrom({
      resource: 'https://api.example.com',
      authorizationServers: ['https://login.example.com', { issuer: 'https://other.example.com', audience: ['a', 'b'] }]
    } as const)
  })

  test('no cache', () => {
    expect<OAuthResourceServerOptions>().type.toBeAssignableFrom({ ...least, tokenCache: false as const })
  })

  test('functions about every request get the request of Fastify', () => {
    const options: OAuthResourceServerOptions = {
      ...least,
      organizationOf: request => {
        expect(request).type.toBe<FastifyRequest>()
        return (request.params as { organization?: string }).organization
      },
      teamOf: async request => {
        expect(request).type.toBe<FastifyRequest>()
        return null
      },
      policy: async (accessToken, request) => {
        expect(accessToken).type.toBe<AccessToken>()
        expect(request).type.toBe<FastifyRequest>()
        return true
      }
    }
    expect(options).type.toBeAssignableTo<OAuthResourceServerOptions>()
  })

  test('callbacks of the impersonation guard get the request of Fastify', () => {
    const options: OAuthResourceServerOptions = {
      ...least,
      impersonationGuard: {
        directory: createMemoryOrganizationDirectory({ organizations: [], memberships: [] }),
        impersonationOf: request => {
          expect(request).type.toBe<FastifyRequest>()
          return null
        }
      }
    }
    expect(options).type.toBeAssignableTo<OAuthResourceServerOptions>()
  })
})

describe('options that make no sense', () => {
  test('without a resource, or without an authorization server', () => {
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({})
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ resource: 'https://api.example.com' })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ authorizationServers: [] as string[] })
  })

  test('of the wrong kind', () => {
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, resource: new URL('https://api.example.com') })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, authorizationServers: 'https://login.example.com' })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, authorizationServers: [{ audience: 'a' }] })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, scopes: ['read'] })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, tokenCache: true })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, clockToleranceSeconds: '5' })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, clock: { now: () => new Date() } })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, impersonationGuard: {} })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, policy: () => 'yes' })
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, organizationOf: 'acme' })
    expect<IssuerOptions>().type.not.toBeAssignableFrom({ issuer: 'https://login.example.com', profile: 'oidc' })
    expect<IssuerOptions>().type.not.toBeAssignableFrom({ issuer: 'https://login.example.com', clientTokens: [{ gty: false }] })
    expect<IntrospectionOptions['authentication']>().type.not.toBeAssignableFrom({ method: 'client_secret_basic' as const })
    expect<IntrospectionOptions['authentication']>().type.not.toBeAssignableFrom({ method: 'private_key_jwt' as const, privateKey: 'PEM' })
    expect<IntrospectionOptions['authentication']>().type.not.toBeAssignableFrom({ method: 'client_secret_jwt' as const, clientSecret: 's' })
    expect<IntrospectionOptions['authentication']>().type.not.toBeAssignableFrom('secret')
    expect<IntrospectionOptions>().type.not.toBeAssignableFrom({ authentication: { method: 'tls_client_auth' as const } })
    expect<CustomTokensOptions>().type.not.toBeAssignableFrom({ prefix: 'pat_', verify: () => 'ann' })
    expect<CustomTokensOptions>().type.not.toBeAssignableFrom({ prefix: 'pat_', verify: () => ({ scopes: ['read'] }) })
    expect<CustomToken>().type.not.toBeAssignableFrom({ subject: 'ann', expiresAt: new Date() })
  })

  test('undefined is not a value of an option', () => {
    expect<OAuthResourceServerOptions>().type.not.toBeAssignableFrom({ ...least, realm: undefined })
  })

  test('unknown ones', () => {
    expect<OAuthResourceServerOptions>().type.not.toHaveProperty('issuer')
    expect<IssuerOptions>().type.not.toHaveProperty('audiences')
    expect<ScopeOptions>().type.not.toHaveProperty('title')
  })
})
