import Fastify from 'fastify'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { describe, expect, test } from 'tstyche'
import { actorChain } from '../../plugins/index.ts'
import type {
  AccessToken, AccessTokenVerifier, Actor, AuthorizationDetailsRule, OAuthConfig, OAuthResourceError, Policy, PrincipalType, RouteConfig, RouteOptions, RoutePolicy, TenantOf
} from '../../plugins/index.ts'

const app = Fastify()
declare const request: FastifyRequest
declare const reply: FastifyReply

describe('config.oauth', () => {
  const handler = async (): Promise<string> => 'ok'

  test('takes a rule, false, or nothing', () => {
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: false } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: {} } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { scopes: ['read'] } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { anyOfScopes: ['read', ['write', 'admin']] } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { token: 'optional', challenge: 'keep' } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: {} }, handler)
    expect(app.get).type.toBeCallableWith('/', handler)
    expect(app.route).type.toBeCallableWith({ method: 'GET', url: '/', config: { oauth: { token: 'none' } }, handler })
  })

  test('takes what a route asks for beside scopes', () => {
    const actors = [{ issuer: 'https://login.example.com', subject: 'gateway' }]
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { acr: ['urn:gold'], maxAgeSeconds: 300 } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { actors: 'none' } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { actors } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { anyOrganization: true, anyTeam: true } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { organization: () => null, team: async () => undefined } } }, handler)
    expect(app.get).type.toBeCallableWith('/', { config: { oauth: { policy: async () => true, authorizationDetails: () => false } } }, handler)
  })

  test('functions of a route get the request of Fastify', () => {
    app.get('/', {
      config: {
        oauth: {
          organization: request => {
            expect(request).type.toBe<FastifyRequest>()
            return null
          },
          team: request => {
            expect(request).type.toBe<FastifyRequest>()
            return null
          },
          authorizationDetails: (details, request) => {
            expect(details).type.toBe<AccessToken['authorizationDetails']>()
            expect(request).type.toBe<FastifyRequest>()
            return true
          },
          policy: (accessToken, request) => {
            expect(accessToken).type.toBe<AccessToken>()
            expect(request).type.toBe<FastifyRequest>()
            return true
          }
        }
      }
    }, handler)
    expect<RouteOptions>().type.toBeAssignableFrom<{ policy: Policy<FastifyRequest>, organization: TenantOf<FastifyRequest> }>()
    expect<RouteOptions>().type.toBeAssignableFrom<{ authorizationDetails: AuthorizationDetailsRule<FastifyRequest> }>()
    expect<RouteOptions>().type.not.toBeAssignableFrom<{ policy: (accessToken: AccessToken) => string }>()
    expect<RouteOptions>().type.not.toBeAssignableFrom<{ organization: () => number }>()
  })

  test('refuses values that it does not know', () => {
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { acr: 'urn:gold' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { maxAgeSeconds: '300' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { actors: 'some' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { actors: [{ subject: 'gateway' }] } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { organization: 'acme' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { policy: () => 'yes' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: null } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { scopes: 'read' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { token: 'maybe' } } }, handler)
    expect(app.get).type.not.toBeCallableWith('/', { config: { oauth: { challenge: 'drop' } } }, handler)
    expect(app.route).type.not.toBeCallableWith({ method: 'GET', url: '/', config: { oauth: { anyOfScopes: 'read' } }, handler })
  })

  // Fastify infers the type of `config` from what is written there, and then knows every key of it: among the options
  // of a route an unknown one is found by the check at boot alone. Elsewhere the compiler finds it.
  test('refuses keys that it does not know', () => {
    const take = (rule: RouteConfig): RouteConfig => rule
    expect(take).type.toBeCallableWith({ scopes: ['read'] })
    expect(take).type.not.toBeCallableWith({ scope: ['read'] })
    expect(take).type.not.toBeCallableWith({ scopes: ['read'], roles: ['admin'] })
    expect(take).type.not.toBeCallableWith(true)
  })

  test('is what the rule of a request was compiled from', () => {
    expect(request.routeOptions.config.oauth).type.toBe<RouteConfig | undefined>()
    expect(request.oauthPolicy).type.toBe<RoutePolicy>()
  })
})

describe('request.accessToken', () => {
  test('is null until somebody looked', () => {
    expect(request.accessToken).type.toBe<AccessToken | null>()
    expect(request.accessToken!.subject).type.toBe<string>()
    if (request.accessToken !== null) {
      expect(request.accessToken.clientId).type.toBe<string | null>()
      expect(request.accessToken.scopes).type.toBe<readonly string[]>()
      expect(request.accessToken.audience).type.toBe<readonly string[]>()
      expect(request.accessToken.actor).type.toBe<Actor | null>()
      expect(request.accessToken.principalType).type.toBe<PrincipalType>()
      expect(request.accessToken.expiresAt).type.toBe<number | null>()
      expect(request.accessToken.claims).type.toBe<Readonly<Record<string, unknown>>>()
    }
  })

  test('tells who acted', () => {
    expect(actorChain(request.accessToken!)).type.toBe<Actor[]>()
    expect(actorChain).type.toBeCallableWith(request.accessToken as AccessToken<{ tenant: string }>)
    expect(actorChain).type.not.toBeCallableWith(request.accessToken)
  })

  test('has the claims of your issuer when you say so', () => {
    const accessToken = request.accessToken as AccessToken<{ tenant: string, plan?: 'free' | 'paid' }>
    expect(accessToken.claims.tenant).type.toBe<string>()
    expect(accessToken.claims.plan).type.toBe<'free' | 'paid' | undefined>()
    expect(accessToken.claims).type.not.toHaveProperty('tenants')
  })

  test('asks for more where only the handler knows', () => {
    expect(request.requireScopes).type.toBeCallableWith('read', 'write')
    expect(request.requireScopes).type.not.toBeCallableWith(['read'])
    expect(request.oauthRefusal).type.toBe<OAuthResourceError | null>()
    expect(reply.oauthChallengeHeaders()).type.toBe<Record<string, string | string[]>>()
  })
})

describe('what the server is decorated with', () => {
  // `toBe` tells a readonly property from one that can be written to.
  test('app.oauthConfig is read-only', () => {
    expect<Pick<typeof app, 'oauthConfig'>>().type.toBe<{ readonly oauthConfig: OAuthConfig }>()
    expect<Pick<OAuthConfig, 'resource'>>().type.toBe<{ readonly resource: string }>()
    expect<OAuthConfig>().type.toBe<Readonly<OAuthConfig>>()
    expect<OAuthConfig['issuers']>().type.not.toHaveProperty('push')
    expect<OAuthConfig['scopes']>().type.not.toHaveProperty('push')
  })

  test('app.accessTokenVerifier and app.verifyAccessToken', () => {
    expect<Pick<typeof app, 'accessTokenVerifier'>>().type.toBe<{ readonly accessTokenVerifier: AccessTokenVerifier }>()
    expect(app.accessTokenVerifier.verify('token')).type.toBe<AccessToken | Promise<AccessToken>>()
    expect(app.verifyAccessToken).type.toBeCallableWith(request, reply, (error?: Error) => { app.log.info(error) })
  })
})
