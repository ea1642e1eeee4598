import type { FastifyPluginAsync, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { OAuthResourceServerOptions as Options } from '../lib/config/options.ts'
import type { RouteConfig as Rule, RouteOptions as RuleOptions } from '../lib/policy/route-options.ts'
import { audit, auditEntry } from './audit.ts'
import { authenticate } from './authenticate.ts'
import { authorize } from './authorize.ts'
import { authorizationServerMirror } from './authorization-server-mirror.ts'
import { challenge } from './challenge.ts'
import { config } from './config.ts'
import { mcp } from './mcp.ts'
import { metadata } from './metadata.ts'
import { openapi } from './openapi.ts'

/** The options of the plugin; see the README for each. */
export type OAuthResourceServerOptions = Options<FastifyRequest>
/** `config.oauth` of a route; see the README for each key. */
export type RouteConfig = Rule<FastifyRequest>
export type RouteOptions = RuleOptions<FastifyRequest>

const plugin: FastifyPluginAsync<OAuthResourceServerOptions> = async (app, options) => {
  await app.register(config, options)
  await app.register(challenge)
  await app.register(openapi)
  await app.register(metadata)
  await app.register(authorizationServerMirror)
  await app.register(authenticate)
  await app.register(authorize)
  // Loaded only where they are configured: they import the whole of lib/impersonation.
  if (app.oauthConfig.impersonatedTokens !== null) await app.register((await import('./impersonated-tokens.ts')).impersonatedTokens)
  await app.register(audit)
  if (app.oauthConfig.sharedSignals !== null) await app.register((await import('./shared-signals.ts')).sharedSignals)
  if (app.oauthConfig.impersonationGuard !== null) await app.register((await import('./impersonation-guard.ts')).impersonationGuard)
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
export {
  audit, auditEntry, authenticate, authorizationServerMirror, authorize, challenge, config, mcp, metadata, oauthResourceServer, openapi
}

export type { Audit, AuditLevel, AuditWriter } from '../lib/audit/audit.ts'
export type { OAuthCounters, RefusalCount } from '../lib/audit/audit.ts'
export type { Attribution, GrantDecisionEvent, RefusalEvent, SecurityEvent, SignalEvent } from '../lib/audit/events.ts'
export type { Clock } from '../lib/clock.ts'
export type { SignatureAlgorithm } from '../lib/config/algorithms.ts'
export type { CustomTokensOptions } from '../lib/config/custom-tokens.ts'
export type { IntrospectionOptions } from '../lib/config/introspection.ts'
export type { IssuerOptions } from '../lib/config/issuer.ts'
export type { SignedMetadataOptions } from '../lib/config/signed-metadata.ts'
export type { StatusListOptions } from '../lib/config/status-list.ts'
export { issuerPresets } from '../lib/config/presets.ts'
export type { Preset, PresetName } from '../lib/config/presets.ts'
export type { OAuthConfig } from '../lib/config/resolve.ts'
export type { ScopeOptions } from '../lib/config/scopes.ts'
export type { SharedSignalsOptions, TransmitterOptions } from '../lib/config/shared-signals.ts'
export type { ClaimOptions, TokenRuleOptions, TokenShapeOptions } from '../lib/config/token-shape.ts'
export type { RefusalDetail } from '../lib/errors/detail.ts'
export { errorTable } from '../lib/errors/error-table.ts'
export type { ErrorCode, ErrorRow } from '../lib/errors/error-table.ts'
export {
  InsufficientAuthenticationError, InsufficientScopeError, InvalidProofError, InvalidTokenError, MalformedRequestError, MissingTokenError,
  NonceRequiredError, OAuthResourceError, OptionError, UnavailableError, findOAuthResourceError, isOAuthResourceError
} from '../lib/errors/errors.ts'
export type { RequiredAuthentication } from '../lib/errors/errors.ts'
export { McpError, mcpErrorTable } from '../lib/errors/mcp-errors.ts'
export type { McpErrorCode, McpErrorRow, McpReason } from '../lib/errors/mcp-errors.ts'
export type { PublicErrorFields, PublicErrorRow } from '../lib/errors/public-error.ts'
export { reasonTable } from '../lib/errors/reason-table.ts'
export type { ReasonRow } from '../lib/errors/reason-table.ts'
export type { GrantRefusalReason, ProofReason, Reason, RequestReason, TokenReason, UnavailableReason } from '../lib/errors/reasons.ts'
export type { McpOptions, McpRequirement, McpUndeclared } from '../lib/mcp/options.ts'
export type { McpSecurityScheme } from '../lib/mcp/policy.ts'
export type { McpStream } from '../lib/mcp/streams.ts'
export type { MetadataKeyOptions } from '../lib/metadata/metadata-key.ts'
export type { ProtectedResourceMetadata } from '../lib/metadata/document.ts'
export { refusalBody } from '../lib/openapi/responses.ts'
export { actorChain } from '../lib/policy/actors.ts'
export type { ActorRule } from '../lib/policy/actors.ts'
export type { AuthorizationDetailsRule } from '../lib/policy/authorization-details.ts'
export type { Policy } from '../lib/policy/policy.ts'
export type { RoutePolicy } from '../lib/policy/route-policy.ts'
export type { ScopeImplies } from '../lib/policy/scopes.ts'
export type { TenantOf } from '../lib/policy/tenancy.ts'
export { createMemoryIntrospectionCache } from '../lib/stores/introspection/introspection-cache.ts'
export type { IntrospectionAnswer, IntrospectionCache, MemoryIntrospectionCacheOptions } from '../lib/stores/introspection/introspection-cache.ts'
export type { RevokingEventName } from '../lib/shared-signals/event-types.ts'
export type { ResolveSubject, SharedSignal, SignalOutcome } from '../lib/shared-signals/receiver.ts'
export type { SubjectIdentifier } from '../lib/shared-signals/security-event-token.ts'
export type { SignalTarget } from '../lib/shared-signals/subjects.ts'
export { createMemoryMcpSessionStore } from '../lib/stores/mcp-sessions/mcp-session-store.ts'
export type { MemoryMcpSessionStoreOptions } from '../lib/stores/mcp-sessions/mcp-session-store.ts'
export type { McpSessionStore } from '../lib/stores/mcp-sessions/mcp-session-store.ts'
export { createMemoryReplayStore } from '../lib/stores/replay/memory-replay-store.ts'
export type { MemoryReplayStore, MemoryReplayStoreOptions } from '../lib/stores/replay/memory-replay-store.ts'
export type { ReplayStore } from '../lib/stores/replay/replay-store.ts'
export { createMemoryRevocationStore } from '../lib/stores/revocations/memory-revocation-store.ts'
export type { MemoryRevocationStore, MemoryRevocationStoreOptions } from '../lib/stores/revocations/memory-revocation-store.ts'
export type { RevocableToken, RevocationStore, TokenActor } from '../lib/stores/revocations/revocation-store.ts'
export type { Revocation, RevocationTime, WritableRevocationStore } from '../lib/stores/revocations/revocation.ts'
export type { AccessToken, Actor, PrincipalType } from '../lib/token/access-token.ts'
export { toAuthInfo } from '../lib/token/auth-info.ts'
export type { AuthInfo } from '../lib/token/auth-info.ts'
export type { ClaimPath } from '../lib/token/claim-path.ts'
export type { CustomToken, VerifyCustomToken } from '../lib/token/custom-tokens.ts'
export type { ClientMark, TokenProfile } from '../lib/token/expected-token.ts'
export type { Confirmation } from '../lib/token/confirmation.ts'
export type { DpopRequirement, Presentation } from '../lib/token/confirmation.ts'
export type { AccessTokenVerifier } from '../lib/token/verifier.ts'
export type { AuditEntry } from './audit.ts'
// These two files are loaded only where they are configured. Their types are part of the root, as they declare what they decorate.
export type { RequestImpersonation } from './impersonated-tokens.ts'
export type { AppImpersonationGuard } from '../lib/impersonation/guard.ts'
export type { McpRefusedRequest, McpReply, McpRoute } from './mcp.ts'
