import { createPublicKey, verify } from 'node:crypto'
import { oauthProviderResourceClient } from '@better-auth/oauth-provider/resource-client'
import fastifyJwt from '@fastify/jwt'
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { mcpAuthMetadataRouter } from '@modelcontextprotocol/sdk/server/auth/router.js'
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import Fastify from 'fastify'
import fastifyJwtJwks from 'fastify-jwt-jwks'
import buildGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { oauthResourceServer } from './ours.js'

/**
 * Servers with one protected route that answers `{"hello":"world"}`, each set up as its documentation says, as strict about
 * issuer, audience and algorithm as it can be.
 *
 * @typedef {{ issuer: string, resource: string, jwksUri: string, pem: string }} Given
 * @type {Record<string, (given: Given) => Promise<import('fastify').FastifyInstance | import('express').Express>>}
 */
export const servers = {
  async bare () {
    return withRoute(Fastify())
  },

  /** The least that a server with new tokens can cost. */
  async raw ({ pem }) {
    const key = createPublicKey(pem)
    return guarded(token => {
      const end = token.lastIndexOf('.')
      if (!verify('sha256', Buffer.from(token.slice(0, end)), key, Buffer.from(token.slice(end + 1), 'base64url'))) throw new Error('refused')
    })
  },

  async ours (given) {
    return withOurs(given)
  },

  async oursWithoutCache (given) {
    return withOurs(given, { tokenCache: false })
  },

  async fastifyJwtStatic ({ issuer, resource, pem }) {
    const app = Fastify()
    await app.register(fastifyJwt, { secret: { public: pem }, verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: resource, cache: true } })
    app.addHook('onRequest', request => request.jwtVerify())
    return withRoute(app)
  },

  async fastifyJwtGetJwks ({ issuer, resource }) {
    const app = Fastify()
    const getJwks = buildGetJwks({ issuersWhitelist: [`${issuer}/`] })
    await app.register(fastifyJwt, {
      decode: { complete: true },
      secret: (_request, { header: { kid, alg }, payload: { iss } }) => getJwks.getPublicKey({ kid, domain: iss, alg }),
      verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: resource }
    })
    app.addHook('onRequest', request => request.jwtVerify())
    return withRoute(app)
  },

  async fastifyJwtJwks ({ issuer, resource, jwksUri }) {
    const app = Fastify()
    await app.register(fastifyJwtJwks, { jwksUrl: jwksUri, issuer, audience: resource })
    app.addHook('onRequest', (request, reply) => app.authenticate(request, reply))
    return withRoute(app)
  },

  async jose ({ issuer, resource, jwksUri }) {
    const keys = createRemoteJWKSet(new URL(jwksUri))
    return guarded(token => jwtVerify(token, keys, { issuer, audience: resource, typ: 'at+jwt' }))
  },

  async betterAuth ({ issuer, resource, jwksUri }) {
    const { verifyBearerToken } = oauthProviderResourceClient().getActions()
    return guarded(token => verifyBearerToken(token, { jwksUrl: jwksUri, verifyOptions: { issuer, audience: resource } }))
  },

  async bareExpress () {
    return withExpressRoute(express())
  },

  async expressOauth2JwtBearer ({ issuer, resource, jwksUri }) {
    const app = express()
    app.use(auth({ issuer, audience: resource, jwksUri, tokenSigningAlg: 'RS256' }))
    return withExpressRoute(app)
  },

  async mcpSdk ({ issuer, resource, jwksUri }) {
    const app = express()
    const keys = createRemoteJWKSet(new URL(jwksUri))
    app.use(mcpAuthMetadataRouter({
      oauthMetadata: { issuer: 'https://login.example.com', authorization_endpoint: 'https://login.example.com/a', token_endpoint: 'https://login.example.com/t', response_types_supported: ['code'] },
      resourceServerUrl: new URL(resource)
    }))
    app.use(requireBearerAuth({
      verifier: {
        async verifyAccessToken (token) {
          // Its middleware answers everything else that is thrown with 500.
          const { payload } = await jwtVerify(token, keys, { issuer, audience: resource, typ: 'at+jwt' })
            .catch(error => { throw new InvalidTokenError(error.message) })
          return { token, clientId: payload.client_id, scopes: payload.scope.split(' '), expiresAt: payload.exp }
        }
      },
      resourceMetadataUrl: `${resource}/.well-known/oauth-protected-resource`
    }))
    return withExpressRoute(app)
  }
}

async function withOurs ({ issuer, resource, jwksUri }, options) {
  const app = Fastify()
  await app.register(oauthResourceServer, { resource, authorizationServers: [{ issuer, jwksUri }], ...options })
  return withRoute(app)
}

/** A hook of ten lines around a check, as it is written by hand. */
function guarded (check) {
  const app = Fastify()
  app.addHook('onRequest', async (request, reply) => {
    const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
    if (token === undefined) return reply.code(401).header('www-authenticate', 'Bearer').send({ message: 'Unauthorized' })
    try {
      await check(token)
    } catch {
      return reply.code(401).header('www-authenticate', 'Bearer error="invalid_token"').send({ message: 'Unauthorized' })
    }
  })
  return withRoute(app)
}

function withRoute (app) {
  app.get('/', async () => ({ hello: 'world' }))
  return app
}

function withExpressRoute (app) {
  app.get('/', (_request, response) => response.json({ hello: 'world' }))
  // Express prints the stack of each error unless there is a handler.
  app.use((error, _request, response, _next) => response.status(error.status ?? 500).set(error.headers ?? {}).json({ message: error.message }))
  return app
}
