import sensible from '@fastify/sensible'
import type { FastifyContextConfig, FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthResourceServerOptions as Options } from '../lib/config/options.ts'
import type {
  FixedForwardRoute as FixedRoute, ForwardOptions as ProxyOptions, ForwardTargetOptions as TargetOptions
} from '../lib/forward/options.ts'
import type { ForwardTargets as Targets } from '../lib/forward/targets.ts'
import type { RouteConfig as Rule, RouteOptions as RuleOptions } from '../lib/policy/route-options.ts'
import { audit, auditEntry } from './audit.ts'
import { authenticate } from './authenticate.ts'
import { authorize } from './authorize.ts'
import { authorizationServerMirror } from './authorization-server-mirror.ts'
import { challenge } from './challenge.ts'
import { config } from './config.ts'
import { forward } from './forward.ts'
import { impersonatedTokens } from './impersonated-tokens.ts'
import { impersonationGuard } from './impersonation-guard.ts'
import { mcp } from './mcp.ts'
import { metadata } from './metadata.ts'
import { openapi } from './openapi.ts'

/** The options of the plugin; see the README for each. */
export type OAuthResourceServerOptions = Options<FastifyRequest>
/** `config.oauth` of a route; see the README for each key. */
export type RouteConfig = Rule<FastifyRequest>
export type RouteOptions = RuleOptions<FastifyRequest>
/** The options of the proxy; see docs/forward.md for each. */
export type ForwardOptions = ProxyOptions<FastifyRequest, FastifyContextConfig>
/** One of its `routes`. */
export type FixedForwardRoute = FixedRoute<FastifyRequest, FastifyContextConfig>
/** What `app.forwardTargets.register` takes. */
export type ForwardTargetOptions = TargetOptions<FastifyRequest>
/** `app.forwardTargets` */
export type ForwardTargets = Targets<FastifyRequest>

const plugin: FastifyPluginAsync<OAuthResourceServerOptions> = async (app, options) => {
  await app.register(config, options)
  if (!app.hasReplyDecorator('unauthorized')) await app.register(sensible)
  await app.register(challenge)
  await app.register(openapi)
  await app.register(metadata)
  await app.register(authorizationServerMirror)
  await app.register(authenticate)
  await app.register(authorize)
  if (app.oauthConfig.impersonatedTokens !== null) await app.register(impersonatedTokens)
  await app.register(audit)
  if (app.oauthConfig.impersonationGuard !== null) await app.register(impersonationGuard)
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
export type { AuditEntry } from './audit.ts'
export {
  oauthResourceServer, audit, auditEntry, authenticate, authorizationServerMirror, authorize, challenge, config, forward, impersonatedTokens, impersonationGuard, mcp, metadata, openapi
}

export { parseChallenges } from '../lib/challenge/parse.ts'
export { ChallengeSyntaxError } from '../lib/errors/syntax-errors.ts'
export type { ParsedChallenge } from '../lib/challenge/parse.ts'
export type { Challenge } from '../lib/challenge/challenge.ts'
export { classify } from '../lib/client/fetch/classify.ts'
export type { Answer, ClassifierRules, Classification } from '../lib/client/fetch/classify.ts'
export type { ClientAuthentication, ConfidentialAuthentication } from '../lib/client/oauth/client-authentication.ts'
export { createFetch, renewalFailureOf } from '../lib/client/fetch/create-fetch.ts'
export type { AuthorizationNeed, ClientFetch, ClientFetchOptions, NeedContext } from '../lib/client/fetch/fetch-options.ts'
export { AnswerError, RefreshError, RequestError, SessionError, sessionErrorTable } from '../lib/errors/client-errors.ts'
export type { AnswerKind, FailedAnswer, RefreshOutcome, SessionErrorCode } from '../lib/errors/client-errors.ts'
export type { ProofOfPossession } from '../lib/client/oauth/proof.ts'
export type { Refresh } from '../lib/client/session/refresh-attempts.ts'
export { createRefresh } from '../lib/client/oauth/refresh-token.ts'
export type { RefreshOptions } from '../lib/client/oauth/refresh-token.ts'
export { createSession } from '../lib/client/session/session.ts'
export type { Session } from '../lib/client/session/session.ts'
export type { SessionOptions, SessionState } from '../lib/client/session/session-options.ts'
export type { Clock } from '../lib/clock.ts'
export type { ClaimOptions, IntrospectionOptions, IssuerOptions, PresetName, TokenRuleOptions } from '../lib/config/issuer-options.ts'
export type { CustomTokensOptions, ScopeOptions } from '../lib/config/options.ts'
export { issuerPresets } from '../lib/config/presets.ts'
export type { Preset } from '../lib/config/presets.ts'
export type { OAuthConfig } from '../lib/config/resolve.ts'
export { errorTable } from '../lib/errors/error-table.ts'
export {
  InsufficientAuthenticationError, InsufficientScopeError, InvalidTokenError, MalformedRequestError,
  MissingTokenError, OAuthResourceError, OptionError, UnavailableError, findOAuthResourceError, isOAuthResourceError
} from '../lib/errors/errors.ts'
export { reasonTable } from '../lib/errors/reason-table.ts'
export type { ReasonRow } from '../lib/errors/reason-table.ts'
export type { RefusalDetail } from '../lib/errors/detail.ts'
export type { PublicErrorFields, PublicErrorRow } from '../lib/errors/public-error.ts'
export type { ErrorCode, ErrorRow } from '../lib/errors/error-table.ts'
export type { RequiredAuthentication } from '../lib/errors/errors.ts'
export type { GrantRefusalReason, Reason, RequestReason, TokenReason, UnavailableReason } from '../lib/errors/reasons.ts'
export { ForwardError, forwardErrorTable } from '../lib/errors/forward-errors.ts'
export type { ForwardErrorCode, ForwardErrorRow } from '../lib/errors/forward-errors.ts'
export { defaultRequestHeaders, defaultResponseHeaders } from '../lib/forward/header-list.ts'
export type { ForwardCredential } from '../lib/forward/options.ts'
export type { ForwardRegistration } from '../lib/forward/targets.ts'
export { createActorTest } from '../lib/impersonation/actor-test.ts'
export type { ActorTestParts } from '../lib/impersonation/actor-test.ts'
export { endImpersonation, isOfImpersonation } from '../lib/impersonation/end.ts'
export type { EndedImpersonation, ImpersonationEnds } from '../lib/impersonation/end.ts'
export type { NewGrant, ReusedGrant, AuditedDecision } from '../lib/impersonation/guard.ts'
export type { Impersonation } from '../lib/impersonation/impersonation.ts'
export type { GrantDecision, GrantStep, GrantReason, Impersonated } from '../lib/impersonation/check-grant.ts'
export { narrowGrant } from '../lib/impersonation/narrow.ts'
export type { GrantTerms, NarrowingRules, ReadOnlyScopes } from '../lib/impersonation/narrow.ts'
export type { GuardedRouteOptions, ImpersonationGuardOptions, AccessOf } from '../lib/impersonation/options.ts'
export type { RefusalRedirect } from '../lib/impersonation/refusal.ts'
export { isSameImpersonator, parseImpersonationRecord, createImpersonationRecord } from '../lib/impersonation/record.ts'
export type { ImpersonationRecord, RecordedGrant } from '../lib/impersonation/record.ts'
export { impersonationClaims, createTokenClassifier } from '../lib/impersonation/token-impersonation.ts'
export type { ImpersonationMarker, ImpersonationClaims, TokenImpersonation } from '../lib/impersonation/token-impersonation.ts'
export type { ImpersonatedTokenOptions } from '../lib/impersonation/token-options.ts'
export type { AppImpersonationGuard, GrantRefusalOptions } from './impersonation-guard.ts'
export { McpError, mcpErrorTable } from '../lib/errors/mcp-errors.ts'
export type { McpErrorCode, McpErrorRow, McpReason } from '../lib/errors/mcp-errors.ts'
export type { McpOptions, McpRule } from '../lib/mcp/options.ts'
export type { McpStream } from '../lib/mcp/streams.ts'
export type { ProtectedResourceMetadata } from '../lib/metadata/document.ts'
export { actorChain } from '../lib/policy/actor-chain.ts'
export type { ActorRule } from '../lib/policy/actors.ts'
export type { AuthorizationDetailsRule } from '../lib/policy/authorization-details.ts'
export type { Policy } from '../lib/policy/policy.ts'
export { grantRefusalBody, refusalBody } from '../lib/openapi/responses.ts'
export type { RoutePolicy } from '../lib/policy/route-policy.ts'
export type { ScopeImplies } from '../lib/policy/scopes.ts'
export type { TenantOf } from '../lib/policy/tenancy.ts'
export type { McpRoute } from './mcp.ts'
export { createMemorySessionStore } from '../lib/stores/mcp-sessions/memory-session-store.ts'
export type { MemorySessionStoreOptions } from '../lib/stores/mcp-sessions/memory-session-store.ts'
export type { SessionStore } from '../lib/stores/mcp-sessions/session-store.ts'
export type { Audit, AuditLevel, AuditWriter } from '../lib/audit/audit.ts'
export type { OAuthCounters, RefusalCount } from '../lib/audit/counters.ts'
export type { Attribution, GrantDecisionEvent, RefusalEvent, SecurityEvent } from '../lib/audit/events.ts'
export type { GrantAccess, OrganizationDirectory, AccessReport } from '../lib/stores/organizations/organization-directory.ts'
export { cacheDirectory } from '../lib/stores/organizations/caching-organization-directory.ts'
export type { CachingDirectoryOptions, CachingOrganizationDirectory } from '../lib/stores/organizations/caching-organization-directory.ts'
export { RedisStoreError, TokenFileError } from '../lib/errors/store-errors.ts'
export { createFileTokenStore } from '../lib/stores/tokens/file-token-store.ts'
export type { FileTokenStoreOptions } from '../lib/stores/tokens/file-token-store.ts'
export { createMemoryTokenStore } from '../lib/stores/tokens/memory-token-store.ts'
export { createMemoryOrganizationDirectory } from '../lib/stores/organizations/memory-organization-directory.ts'
export type {
  MemoryDirectoryContents, MemoryDirectoryOptions, MemoryOrganization, MemoryOrganizationDirectory
} from '../lib/stores/organizations/memory-organization-directory.ts'
export { createPostgresOrganizationDirectory } from '../lib/stores/organizations/postgres-organization-directory.ts'
export type { PostgresClient, PostgresOrganizationDirectoryOptions } from '../lib/stores/organizations/postgres-organization-directory.ts'
export type { IoredisClient, NodeRedisClient, RedisClient } from '../lib/stores/redis-client.ts'
export { createRedisRevocationStore } from '../lib/stores/revocations/redis-revocation-store.ts'
export type { RedisRevocationStore, RedisRevocationStoreOptions } from '../lib/stores/revocations/redis-revocation-store.ts'
export { createRedisTokenStore } from '../lib/stores/tokens/redis-token-store.ts'
export type { RedisTokenStoreOptions, TokenSeal } from '../lib/stores/tokens/redis-token-store.ts'
export type { Revocation, WritableRevocationStore } from '../lib/stores/revocations/revocation.ts'
export type { RevocableToken, RevocationStore, TokenActor } from '../lib/stores/revocations/revocation-store.ts'
export { createMemoryRevocationStore } from '../lib/stores/revocations/memory-revocation-store.ts'
export type { MemoryRevocationStore, MemoryRevocationStoreOptions } from '../lib/stores/revocations/memory-revocation-store.ts'
export type { TokenRecord, TokenSet, TokenStore } from '../lib/stores/tokens/token-store.ts'
export type { AccessToken, Actor, PrincipalType } from '../lib/token/access-token.ts'
export { toAuthInfo } from '../lib/token/auth-info.ts'
export type { AuthInfo } from '../lib/token/auth-info.ts'
export type { ClaimPath } from '../lib/token/claim-path.ts'
export type { TokenProfile } from '../lib/token/expected-token.ts'
export type { CustomToken, VerifyCustomToken } from '../lib/token/custom-tokens.ts'
export type { ClientMark } from '../lib/token/principal.ts'
export type { AccessTokenVerifier } from '../lib/token/verifier.ts'
export { beginAuthorization, completeAuthorization } from '../lib/client/oauth/authorization-code.ts'
export type { AuthorizationRequest, PendingAuthorization, StartedAuthorization } from '../lib/client/oauth/authorization-code.ts'
export { AuthorizationError, authorizationErrorTable } from '../lib/errors/authorization-error.ts'
export type { AuthorizationErrorCode } from '../lib/errors/authorization-error.ts'
export type { PendingConnection, StartedConnection } from '../lib/client/connect/authorization-flow.ts'
export type { BrowserRedirect, PreparedRedirect } from '../lib/client/oauth/browser-redirect.ts'
export { readChallenge } from '../lib/client/fetch/challenge-hint.ts'
export type { ChallengeHint } from '../lib/client/fetch/challenge-hint.ts'
export { requestClientCredentials } from '../lib/client/oauth/grants.ts'
export type { TokenRequest } from '../lib/client/oauth/grants.ts'
export { connect } from '../lib/client/connect/connect.ts'
export { SignInNeededError } from '../lib/client/connect/connection.ts'
export type { Connection } from '../lib/client/connect/connection.ts'
export type { ConnectOptions } from '../lib/client/connect/connection-options.ts'
export { createProofKey, createProver, exportProofKey, importProofKey } from '../lib/client/oauth/dpop.ts'
export type { ProofKey, Prover, StoredProofKey } from '../lib/client/oauth/dpop.ts'
export { createGuardedFetch } from '../lib/http/guarded-fetch.ts'
export type { AddressRules, GuardedFetchOptions } from '../lib/http/guarded-fetch.ts'
export { createLoopbackRedirect } from '../lib/client/oauth/loopback-redirect.ts'
export type { LoopbackRedirectOptions } from '../lib/client/oauth/loopback-redirect.ts'
export { createHttpClient } from '../lib/http/http-client.ts'
export type { HttpClient, HttpClientOptions } from '../lib/http/http-client.ts'
export { registerClient, clientMetadataDocument } from '../lib/client/oauth/registration.ts'
export type { Client, ClientDocumentOptions, RegisteredClient, RegistrationNeeds, RegistrationOptions } from '../lib/client/oauth/registration.ts'
export { discoverResource } from '../lib/client/discovery/resource-discovery.ts'
export type { ResourceMetadata, ResourceLookup } from '../lib/client/discovery/resource-discovery.ts'
export type { ResourceMatch } from '../lib/client/fetch/resource-match.ts'
export { revokeTokens } from '../lib/client/oauth/revoke-tokens.ts'
export { selectScopes } from '../lib/client/oauth/select-scopes.ts'
export type { ScopeSources } from '../lib/client/oauth/select-scopes.ts'
export { discoverServer } from '../lib/client/discovery/server-discovery.ts'
export type { ServerMetadata } from '../lib/client/discovery/server-discovery.ts'
export type { MetadataTrust } from '../lib/client/discovery/signed-metadata.ts'
export type { ClientIdentity, ServerAccess } from '../lib/client/oauth/oauth-call.ts'
export { exchangeToken, requestIdentityAssertion, requestWithAssertion } from '../lib/client/oauth/token-exchange.ts'
export type { AssertionExchange, ExchangedTokenType, PresentedToken, TokenExchange } from '../lib/client/oauth/token-exchange.ts'
export type { ConnectionStore, StoredClient, StoredConnection } from '../lib/stores/connections/connection-store.ts'
export { createMemoryConnectionStore } from '../lib/stores/connections/memory-connection-store.ts'
export { createFileConnectionStore } from '../lib/stores/connections/file-connection-store.ts'
export type { FileConnectionStoreOptions } from '../lib/stores/connections/file-connection-store.ts'
export { createRedisConnectionStore } from '../lib/stores/connections/redis-connection-store.ts'
export type { RedisConnectionStoreOptions } from '../lib/stores/connections/redis-connection-store.ts'
