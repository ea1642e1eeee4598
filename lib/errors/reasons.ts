/** Why a request was refused before any token was looked at. */
export type RequestReason =
  | 'token_missing' | 'authorization_malformed' | 'authorization_repeated'

/** Why an access token is invalid. */
export type TokenReason =
  | 'token_malformed' | 'token_encrypted' | 'token_too_long' | 'token_not_yet_valid' | 'token_inactive' | 'token_revoked'
  | 'token_rule_broken' | 'issuer_unknown' | 'algorithm_refused' | 'key_id_refused' | 'critical_header_refused'
  | 'type_refused' | 'audience_missing' | 'audience_foreign' | 'claim_missing' | 'claim_malformed' | 'actor_malformed'
  | 'confirmation_unsupported' | 'proof_missing' | 'token_unbound' | 'certificate_foreign' | 'key_unknown' | 'key_ambiguous' | 'key_unusable' | 'signature_invalid' | 'token_expired'
  | 'token_unverified' | 'impersonation_over' | 'token_suspended' | 'status_unreadable'

/** Why the proof of possession of a request is invalid (RFC 9449 section 4.3). */
export type ProofReason =
  | 'proof_header_missing' | 'proof_repeated' | 'proof_malformed' | 'proof_algorithm_refused' | 'proof_key_refused'
  | 'proof_signature_invalid' | 'proof_of_another_request' | 'proof_outside_window' | 'proof_of_another_token'
  | 'proof_key_foreign' | 'proof_replayed' | 'proof_nonce_required'

/** Why the check of a token could not be completed. */
export type UnavailableReason =
  | 'keys_unavailable' | 'custom_tokens_unavailable' | 'issuer_unresolvable' | 'introspection_unavailable' | 'revocations_unavailable'
  | 'token_rule_unavailable' | 'organization_unavailable' | 'team_unavailable' | 'authorization_details_unavailable'
  | 'policy_unavailable' | 'session_store_unavailable' | 'impersonation_unavailable' | 'replay_store_unavailable'
  | 'signal_function_unavailable' | 'status_list_unavailable'

/** Why a valid token does not allow a request. */
export type RouteReason =
  | 'authentication_insufficient' | 'scope_insufficient' | 'actor_refused' | 'actor_missing' | 'organization_foreign'
  | 'organization_missing' | 'team_foreign' | 'team_missing' | 'authorization_details_missing'
  | 'authorization_details_insufficient' | 'policy_refused'

/** Why a grant by an impersonator is refused. */
export type GrantRefusalReason =
  | 'not_approved' | 'organization_unknown' | 'access_empty' | 'access_malformed' | 'lookup_failed' | 'approval_younger'
  | 'impersonation_ended' | 'grant_foreign' | 'record_malformed' | 'step_refused' | 'token_not_direct'

/** Every reason that a refusal, or its entry in the audit log, can have. */
export type Reason =
  | RequestReason | TokenReason | ProofReason | RouteReason | UnavailableReason | GrantRefusalReason | 'option_invalid'
