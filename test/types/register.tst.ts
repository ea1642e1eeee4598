import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyPluginCallback } from 'fastify'
import { describe, expect, test } from 'tstyche'
import oauthResourceServer, {
  authenticate, authorize, challenge, config, metadata, oauthResourceServer as byName
} from '../../plugins/index.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'

const app = Fastify()
const options = { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] }

describe('the composed plugin', () => {
  test('is a plugin with options', () => {
    expect(oauthResourceServer).type.toBe<FastifyPluginAsync<OAuthResourceServerOptions>>()
    expect(byName).type.toBe<FastifyPluginAsync<OAuthResourceServerOptions>>()
  })

  test('registers with its options and those of Fastify', () => {
    expect(app.register).type.toBeCallableWith(oauthResourceServer, options)
    expect(app.register).type.toBeCallableWith(oauthResourceServer, { ...options, prefix: '/api', logLevel: 'warn' as const })
    expect(app.register).type.toBeCallableWith(oauthResourceServer, (parent: FastifyInstance) => {
      parent.log.info('late options')
      return options
    })
  })

  test('registers on servers with another logger, protocol or type provider', () => {
    expect(Fastify({ http2: true }).register).type.toBeCallableWith(oauthResourceServer, options)
    expect(Fastify({ https: {} }).register).type.toBeCallableWith(oauthResourceServer, options)
    expect(Fastify({ logger: true }).register).type.toBeCallableWith(oauthResourceServer, options)
  })

  test('does not register without options or with bad ones', () => {
    expect(app.register).type.not.toBeCallableWith(oauthResourceServer)
    expect(app.register).type.not.toBeCallableWith(oauthResourceServer, {})
    expect(app.register).type.not.toBeCallableWith(oauthResourceServer, { resource: 'https://api.example.com' })
    expect(app.register).type.not.toBeCallableWith(oauthResourceServer, { ...options, resource: 1 })
    expect(app.register).type.not.toBeCallableWith(oauthResourceServer, { ...options, authorizationServers: 'https://login.example.com' })
    // An unknown key is found where the options are written down, not in a variable: that is left to the check at boot.
    expect(app.register).type.not.toBeCallableWith(
      oauthResourceServer, { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'], issuer: 'x' })
  })
})

describe('the parts', () => {
  test('config takes the options, the others take none', () => {
    expect(config).type.toBe<FastifyPluginAsync<OAuthResourceServerOptions>>()
    expect(app.register).type.not.toBeCallableWith(config)
    for (const part of [challenge, metadata, authenticate, authorize]) {
      expect(part).type.toBe<FastifyPluginCallback>()
      expect(app.register).type.toBeCallableWith(part)
    }
  })
})
