import type { ErrorCode } from './error-table.ts'

/** Why a request was refused before any token was looked at. */
export type RequestReason =
  | 'token_missing' | 'authorization_malformed' | 'authorization_repeated'

/** Why an access token is no good. */
export type TokenReason =
  | 'token_malformed' | 'token_too_long' | 'token_not_yet_valid' | 'token_inactive' | 'token_revoked'
  | 'token_rule_broken' | 'issuer_unknown' | 'algorithm_refused' | 'key_id_refused' | 'critical_header_refused'
  | 'type_refused' | 'audience_missing' | 'audience_foreign' | 'claim_missing' | 'claim_malformed' | 'actor_malformed'
  | 'proof_missing' | 'key_unknown' | 'key_ambiguous' | 'key_unusable' | 'signature_invalid' | 'token_expired'
  | 'token_unverified' | 'impersonation_over'

/** Why it could not be found out whether a token is good. */
export type UnavailableReason =
  | 'keys_unavailable' | 'custom_tokens_unavailable' | 'issuer_unresolvable' | 'introspection_unavailable' | 'revocations_unavailable'
  | 'token_rule_unavailable' | 'organization_unavailable' | 'team_unavailable' | 'authorization_details_unavailable'
  | 'policy_unavailable' | 'session_store_unavailable' | 'impersonation_unavailable'

/** Why a good token does not suffice for a request. */
export type RouteReason =
  | 'authentication_insufficient' | 'scope_insufficient' | 'actor_refused' | 'actor_missing' | 'organization_foreign'
  | 'organization_missing' | 'team_foreign' | 'team_missing' | 'authorization_details_missing'
  | 'authorization_details_insufficient' | 'policy_refused'

/** Why a grant by an impersonator may not be made. */
export type GrantRefusalReason =
  | 'not_approved' | 'organization_unknown' | 'access_empty' | 'access_malformed' | 'lookup_failed' | 'approval_younger'
  | 'impersonation_ended' | 'grant_foreign' | 'record_malformed' | 'token_not_direct'

/** Every word that an error of this package, or its entry in the audit, gives as its reason. */
export type Reason =
  | RequestReason | TokenReason | RouteReason | UnavailableReason | GrantRefusalReason | 'option_invalid'

/** One reason: the code it comes under, and what it means. */
export interface ReasonRow {
  readonly code: ErrorCode
  readonly meaning: string
}

/** Every reason for a refusal, for logs, counters and people. None of them ever holds a part of a token. */
export const reasonTable: Readonly<Record<Reason, ReasonRow>> = {
  token_missing: { code: 'FST_OAUTH_TOKEN_MISSING', meaning: 'No credentials came, or those of another scheme than Bearer' },
  authorization_malformed: { code: 'FST_OAUTH_REQUEST_MALFORMED', meaning: '`Authorization: Bearer` without one token of the grammar behind it' },
  authorization_repeated: { code: 'FST_OAUTH_REQUEST_MALFORMED', meaning: 'More than one `Authorization` header' },
  token_malformed: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Neither a signed JWT in compact form nor a token that an issuer is asked about' },
  token_too_long: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Over 16 KiB, or over 4 KiB for a token that is no JWT' },
  token_not_yet_valid: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `nbf` or `iat` is in the future' },
  token_inactive: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The issuer was asked and does not vouch for it' },
  token_revoked: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It was revoked before it expired' },
  token_rule_broken: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It breaks one of your `tokenRules`' },
  issuer_unknown: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `iss` is none of `authorizationServers`' },
  algorithm_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `alg` is not among the allowed ones' },
  key_id_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `kid` is no string, or too long' },
  critical_header_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its header asks for an extension that is not understood' },
  type_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It is a token of another kind: an ID token, for instance' },
  audience_missing: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It has no `aud`' },
  audience_foreign: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `aud` does not name this resource, or names others too where that is refused' },
  claim_missing: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'A claim that must be there is not' },
  claim_malformed: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'A claim is not of its type' },
  actor_malformed: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Its `act` does not say who acts' },
  proof_missing: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'It is bound to a key (`cnf`), and came as a bearer token' },
  key_unknown: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The issuer has no key for it' },
  key_ambiguous: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Several keys of the issuer would do, and it does not say which' },
  key_unusable: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The key for it is broken' },
  signature_invalid: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The key of the issuer does not confirm it' },
  token_expired: { code: 'FST_OAUTH_TOKEN_EXPIRED', meaning: 'It is past its `exp`' },
  token_unverified: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'A verifier of your own gave no access token for it' },
  impersonation_over: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The session of the member of staff who made it is over' },
  authentication_insufficient: { code: 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT', meaning: 'The user authenticated too long ago, or in another way than `acr` asks for' },
  scope_insufficient: { code: 'FST_OAUTH_SCOPE_INSUFFICIENT', meaning: 'Its scope does not cover what the route or the handler asks for' },
  actor_refused: { code: 'FST_OAUTH_ACTOR_REFUSED', meaning: 'Who acts is none of `actors`, or nobody may' },
  actor_missing: { code: 'FST_OAUTH_ACTOR_REFUSED', meaning: 'Somebody must act for the subject, and nobody does' },
  organization_foreign: { code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'It is bound to other organizations than the one the request is about' },
  organization_missing: { code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'It is bound to organizations, and the request is about none' },
  team_foreign: { code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'It is bound to other teams than the one the request is about' },
  team_missing: { code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'It is bound to teams, and the request is about none' },
  authorization_details_missing: { code: 'FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT', meaning: 'None of its authorization details is for this resource' },
  authorization_details_insufficient: { code: 'FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT', meaning: '`authorizationDetails` of the route said no' },
  policy_refused: { code: 'FST_OAUTH_POLICY_REFUSED', meaning: 'A `policy` did not say `true`' },
  not_approved: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'An organization in reach of the grant has not said yes' },
  organization_unknown: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant reaches an organization or team that the directory does not know' },
  access_empty: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant would reach no organization at all' },
  access_malformed: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'What the grant would reach was not said in a way that can be read' },
  lookup_failed: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'Session or directory could not be asked' },
  approval_younger: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The approval it was made under was withdrawn; there is another one since' },
  impersonation_ended: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The session of the member of staff is over' },
  grant_foreign: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'A grant that was made in another state of impersonation would be used again' },
  record_malformed: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'What was saved with the grant says neither who made it nor that it is the customer\'s own' },
  token_not_direct: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant would be made with the token of somebody who acts for the user, or of a client' },
  keys_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The keys of the issuer could not be had' },
  custom_tokens_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`verify` of your `customTokens` failed, or gave something that is no token' },
  issuer_unresolvable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`resolveIssuer` failed, or gave something that is no issuer' },
  introspection_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The issuer could not be asked about the token' },
  revocations_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The revocation store gave no answer' },
  token_rule_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'One of your `tokenRules` failed' },
  organization_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`organization` or `organizationOf` failed' },
  team_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`team` or `teamOf` failed' },
  authorization_details_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`authorizationDetails` of the route failed' },
  policy_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'A `policy` failed' },
  session_store_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The store of MCP sessions failed' },
  impersonation_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'Whether an impersonated token may still be used could not be found out' },
  option_invalid: { code: 'FST_OAUTH_OPTION_INVALID', meaning: 'An option, or the rule of a route, makes no sense' }
}
