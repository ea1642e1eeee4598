import sensible from '@fastify/sensible'
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthResourceServerOptions } from '../lib/config/options.ts'
import { authenticate } from './authenticate.ts'
import { authorize } from './authorize.ts'
import { challenge } from './challenge.ts'
import { config } from './config.ts'
import { metadata } from './metadata.ts'

const plugin: FastifyPluginAsync<OAuthResourceServerOptions> = async (app, options) => {
  await app.register(config, options)
  if (!app.hasReplyDecorator('unauthorized')) await app.register(sensible)
  await app.register(challenge)
  await app.register(metadata)
  await app.register(authenticate)
  await app.register(authorize)
}

/**
 * Makes the scope it is registered in an OAuth 2.0 protected resource: every route asks for a valid access token unless
 * its `config.oauth` says otherwise, every 401 says where to get one, and the metadata document that it names is served.
 */
const oauthResourceServer: FastifyPluginAsync<OAuthResourceServerOptions> = fp(plugin, {
  name: 'fastify-oauth-resource-server',
  fastify: '5.x'
})

export default oauthResourceServer
export { oauthResourceServer, authenticate, authorize, challenge, config, metadata }

export { parseChallenges, ChallengeSyntaxError } from '../lib/challenge/parse.ts'
export type { ParsedChallenge } from '../lib/challenge/parse.ts'
export type { Challenge } from '../lib/challenge/challenge.ts'
export type { Clock } from '../lib/clock.ts'
export type { IssuerOptions, OAuthResourceServerOptions, ScopeOptions } from '../lib/config/options.ts'
export type { OAuthConfig } from '../lib/config/resolve.ts'
export {
  AccessDeniedError, InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError,
  OAuthResourceError, OptionError, UnavailableError, errorTable, findOAuthResourceError, isOAuthResourceError
} from '../lib/errors.ts'
export type { ErrorCode, ErrorRow } from '../lib/errors.ts'
export type { ProtectedResourceMetadata } from '../lib/metadata/document.ts'
export type { RouteConfig, RouteOptions, RouteRule } from '../lib/policy/route-rule.ts'
export type { ScopeImplies } from '../lib/policy/scopes.ts'
export type { AccessToken, Actor, PrincipalType } from '../lib/token/access-token.ts'
export type { AccessTokenVerifier } from '../lib/token/verifier.ts'
