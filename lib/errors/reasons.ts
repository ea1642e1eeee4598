/** Why a request was refused before any token was looked at. */
export type RequestReason =
  | 'token_missing' | 'authorization_malformed' | 'authorization_repeated'

/** Why an access token is invalid. */
export type TokenReason =
  | 'token_malformed' | 'token_too_long' | 'token_not_yet_valid' | 'token_inactive' | 'token_revoked'
  | 'token_rule_broken' | 'issuer_unknown' | 'algorithm_refused' | 'key_id_refused' | 'critical_header_refused'
  | 'type_refused' | 'audience_missing' | 'audience_foreign' | 'claim_missing' | 'claim_malformed' | 'actor_malformed'
  | 'proof_missing' | 'key_unknown' | 'key_ambiguous' | 'key_unusable' | 'signature_invalid' | 'token_expired'
  | 'token_unverified' | 'impersonation_over'

/** Why the check of a token could not be completed. */
export type UnavailableReason =
  | 'keys_unavailable' | 'custom_tokens_unavailable' | 'issuer_unresolvable' | 'introspection_unavailable' | 'revocations_unavailable'
  | 'token_rule_unavailable' | 'organization_unavailable' | 'team_unavailable' | 'authorization_details_unavailable'
  | 'policy_unavailable' | 'session_store_unavailable' | 'impersonation_unavailable'

/** Why a valid token does not allow a request. */
export type RouteReason =
  | 'authentication_insufficient' | 'scope_insufficient' | 'actor_refused' | 'actor_missing' | 'organization_foreign'
  | 'organization_missing' | 'team_foreign' | 'team_missing' | 'authorization_details_missing'
  | 'authorization_details_insufficient' | 'policy_refused'

/** Why a grant by an impersonator is refused. */
export type GrantRefusalReason =
  | 'not_approved' | 'organization_unknown' | 'access_empty' | 'access_malformed' | 'lookup_failed' | 'approval_younger'
  | 'impersonation_ended' | 'grant_foreign' | 'record_malformed' | 'token_not_direct'

/** Every reason that a refusal, or its entry in the audit log, can have. */
export type Reason =
  | RequestReason | TokenReason | RouteReason | UnavailableReason | GrantRefusalReason | 'option_invalid'
