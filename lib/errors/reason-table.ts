import type { ErrorCode } from './error-table.ts'
import type { Reason } from './reasons.ts'

/** One reason: the code it belongs to, what it means, and how to fix it. */
export interface ReasonRow {
  readonly code: ErrorCode
  readonly meaning: string
  readonly fix: string
}

/** Every reason for a refusal: fixed texts for logs, counters and documentation. */
export const reasonTable: Readonly<Record<Reason, ReasonRow>> = {
  token_missing: {
    code: 'FST_OAUTH_TOKEN_MISSING', meaning: 'No credentials were sent, or credentials of a scheme other than Bearer', fix: 'Send `Authorization: Bearer <access token>`; the challenge says where to get one'
  },
  authorization_malformed: {
    code: 'FST_OAUTH_REQUEST_MALFORMED', meaning: '`Authorization: Bearer` is not followed by exactly one token (RFC 6750 section 2.1)', fix: 'Send one token that is not empty, without quotes and without a second scheme name'
  },
  authorization_repeated: {
    code: 'FST_OAUTH_REQUEST_MALFORMED', meaning: 'The request has more than one `Authorization` header', fix: 'Send one; look for a proxy that adds its own'
  },
  token_malformed: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is neither a signed JWT in compact form nor an opaque token of a configured issuer', fix: 'Make the client request the token for this resource (`resource`, RFC 8707, or `audience`), so that the authorization server issues a JWT; if it issues opaque tokens only, set `introspection` of the issuer'
  },
  token_encrypted: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is encrypted (JWE, RFC 7516), and only signed tokens are supported', fix: 'Have the authorization server sign its access tokens only; Auth0 encrypts tokens that are requested without an `audience`'
  },
  token_too_long: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is longer than `maxTokenLength` (16 KiB), or an opaque token longer than 4 KiB', fix: 'Issue smaller tokens, with fewer groups or roles in the claims, or raise `maxTokenLength` and `maxHeaderSize` of Node.js'
  },
  token_not_yet_valid: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: '`nbf` or `iat` is in the future', fix: 'Synchronize the clocks of issuer and server, or raise `clockToleranceSeconds`'
  },
  token_inactive: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Introspection returned `active: false`', fix: 'The client must get a new token; make sure that the token is introspected at the issuer that issued it'
  },
  token_revoked: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token was revoked before it expired', fix: 'The client must get a new token' },
  token_suspended: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The status list of the issuer says that the token is suspended', fix: 'The issuer may lift the suspension; or the client gets a new token'
  },
  status_unreadable: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: '`status` of the token leads to no status: it is malformed, names a URI that is not allowed, or an index that its list does not have', fix: 'Set `statusList.uris` of the issuer to where it publishes its lists'
  },
  token_rule_broken: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'One of your `tokenRules` returned something other than `true`', fix: 'See the rule; `reportOnly` logs without refusing'
  },
  issuer_unknown: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: '`iss` is not one of `authorizationServers`', fix: 'Configure the issuer exactly as `iss` spells it, including a trailing slash'
  },
  algorithm_refused: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: '`alg` is not among the allowed algorithms', fix: 'Add it to `algorithms` of the issuer if it is asymmetric and the issuer is meant to use it'
  },
  key_id_refused: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: '`kid` is not a string, or too long', fix: 'The issuer must send a `kid` of its key set' },
  critical_header_refused: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The `crit` header names an extension that is not supported (RFC 7515 section 4.1.11)', fix: 'The issuer must issue tokens without it'
  },
  type_refused: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is of another kind: an ID token, for instance', fix: 'Send the access token; if your issuer does not set `typ: at+jwt`, set `preset` or `profile: \'jwt\'` of the issuer'
  },
  audience_missing: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token has no `aud`', fix: 'Configure the issuer, or the `resource` parameter of the client, so that tokens name this resource'
  },
  audience_foreign: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: '`aud` does not name this resource, or names others where `rejectForeignAudiences` forbids it', fix: 'Make the client request a token for this resource, configure the audience at the issuer, or set `audience` of the issuer to a value that only tokens for this API have'
  },
  claim_missing: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'A required claim is missing', fix: 'Configure the issuer to send it, or set `preset` or `profile` of the issuer to what matches it'
  },
  claim_malformed: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'A claim is not of the type that its standard defines', fix: 'Configure the issuer to send it in the standard form'
  },
  actor_malformed: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: '`act` does not name the actor (RFC 8693 section 4.1)', fix: 'The issuer must send `act` as an object with `sub`'
  },
  confirmation_unsupported: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is bound to a key (`cnf`) in a way that is not supported', fix: 'Have the issuer bind tokens by `jkt` (DPoP) or `x5t#S256` (certificate) only'
  },
  proof_missing: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is bound to a key or certificate (`cnf`), and came without the proof of it', fix: 'The client must prove possession of the key; the server must accept the proof: see `dpop` and `clientCertificates`'
  },
  token_unbound: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is bound to no key or certificate, and came under the DPoP scheme or to a route that requires a bound one', fix: 'The client must request a bound token: with a DPoP proof (RFC 9449 section 5), or over a connection with its certificate (RFC 8705 section 3)'
  },
  certificate_foreign: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The token is bound to another certificate than that of the request', fix: 'Use the certificate of the token request, or request a new token'
  },
  proof_header_missing: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: 'The access token came under the DPoP scheme, and no DPoP header came with it', fix: 'Send a new proof in the `DPoP` header with each request (RFC 9449 section 7.1)'
  },
  proof_repeated: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: 'The request has more than one `DPoP` header', fix: 'Send one; look for a proxy that adds its own'
  },
  proof_malformed: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: 'The proof is not a signed JWT with the header and the claims of RFC 9449 section 4.2', fix: 'Use a client library for DPoP; the log says which part is wrong'
  },
  proof_algorithm_refused: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: '`alg` of the proof is not one of the allowed algorithms', fix: 'Use one that `algs` of the challenge names, or allow it with `dpop.algorithms`'
  },
  proof_key_refused: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: '`jwk` of the proof is not a usable public key for its `alg`', fix: 'Put the public key into the header, without private members'
  },
  proof_signature_invalid: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: 'The signature of the proof does not match its `jwk`', fix: 'Sign the proof with the private key that belongs to `jwk`'
  },
  proof_of_another_request: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: '`htm` or `htu` of the proof names another request', fix: 'Use the method and the public URL of this request, without query and fragment; behind a proxy check `resource` and the public base URL'
  },
  proof_outside_window: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: '`iat` of the proof is too old, or in the future', fix: 'Make a new proof for each request, and synchronize the clocks'
  },
  proof_of_another_token: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: '`ath` of the proof is missing, or the hash of another access token', fix: 'Put base64url(SHA-256(access token)) into `ath`'
  },
  proof_key_foreign: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: 'The proof is signed with another key than the access token is bound to', fix: 'Use the key of the token request for the proofs'
  },
  proof_replayed: {
    code: 'FST_OAUTH_PROOF_INVALID', meaning: 'The proof was used before', fix: 'Make a new proof, with a new `jti`, for each request and each retry'
  },
  proof_nonce_required: {
    code: 'FST_OAUTH_PROOF_NONCE_REQUIRED', meaning: 'The proof has no nonce of this server, or one that is too old', fix: 'Repeat the request with the nonce of the `DPoP-Nonce` header in the proof'
  },
  key_unknown: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'No key of the issuer has the `kid` and type that the header names', fix: 'Make sure that the key is in the key set of the issuer'
  },
  key_ambiguous: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'Several keys of the issuer fit, and the header does not say which one', fix: 'The issuer must send a `kid` and list each key once'
  },
  key_unusable: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The key of the issuer cannot verify this signature', fix: 'Use RSA keys of 2048 bits or more, and keys whose `use` and `alg` allow signatures'
  },
  signature_invalid: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The signature does not verify', fix: 'The token was changed, or signed with another key: make sure that the issuer publishes the key it signs with'
  },
  token_expired: { code: 'FST_OAUTH_TOKEN_EXPIRED', meaning: '`exp` is in the past', fix: 'The client must refresh the token' },
  token_unverified: { code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The verifier of the host returned no access token', fix: 'See your own verifier' },
  impersonation_over: {
    code: 'FST_OAUTH_TOKEN_INVALID', meaning: 'The impersonation that the token was issued in has ended', fix: 'Start a new impersonation and connect the client again, or the customer connects it themselves'
  },
  authentication_insufficient: {
    code: 'FST_OAUTH_AUTHENTICATION_INSUFFICIENT', meaning: 'The user was not authenticated by one of the required `acr` values, or too long ago', fix: 'The client must send the user to authenticate again (RFC 9470)'
  },
  scope_insufficient: {
    code: 'FST_OAUTH_SCOPE_INSUFFICIENT', meaning: 'The token lacks a required scope', fix: 'The client must request the missing scopes; the challenge names every scope needed'
  },
  actor_refused: {
    code: 'FST_OAUTH_ACTOR_REFUSED', meaning: '`actors` of the route excludes the actor of the token', fix: 'Use a token of an allowed actor, or change `actors`'
  },
  actor_missing: {
    code: 'FST_OAUTH_ACTOR_REFUSED', meaning: '`actors` of the route requires an actor, and the token has none', fix: 'Use a token from a token exchange, with `act`'
  },
  organization_foreign: { code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'The token is bound to another organization', fix: 'Use a token of that organization' },
  organization_missing: {
    code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'The token is bound to organizations, and the route names none', fix: 'Set `organization` or `anyOrganization` of the route, or `organizationOf`'
  },
  team_foreign: { code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'The token is bound to another team', fix: 'Use a token of that team' },
  team_missing: {
    code: 'FST_OAUTH_TENANT_REFUSED', meaning: 'The token is bound to teams, and the route names none', fix: 'Set `team` or `anyTeam` of the route, or `teamOf`'
  },
  authorization_details_missing: {
    code: 'FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT', meaning: 'No authorization details of the token are for this resource', fix: 'The client must request `authorization_details` for it (RFC 9396)'
  },
  authorization_details_insufficient: {
    code: 'FST_OAUTH_AUTHORIZATION_DETAILS_INSUFFICIENT', meaning: '`authorizationDetails` of the route did not return `true`', fix: 'The client must request details that cover the request'
  },
  policy_refused: { code: 'FST_OAUTH_POLICY_REFUSED', meaning: 'A `policy` did not return `true`', fix: 'See your policy' },
  not_approved: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'An organization that the grant covers has not approved AI clients', fix: 'The organization approves, or the customer connects the client themselves'
  },
  organization_unknown: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant covers an organization or team that the directory does not know', fix: 'Add it to the directory'
  },
  access_empty: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant would cover no organization', fix: 'Return the organizations that the grant is for from `accessOf`'
  },
  access_malformed: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: '`accessOf` returned something other than an access level', fix: 'Return `{ level: \'organization\', organizations }`, `{ level: \'team\', teams }` or `{ level: \'all\' }`'
  },
  lookup_failed: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The session, the directory or a function of the guard failed or took too long', fix: '`err` of the log line has the cause'
  },
  approval_younger: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The approval of the grant was withdrawn; a newer one exists', fix: 'The customer or the staff member connects the client again'
  },
  impersonation_ended: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The impersonation session of the staff member has ended', fix: 'Start a new impersonation'
  },
  grant_foreign: { code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'A grant of another state of impersonation would be used again', fix: 'Ask for a new grant' },
  record_malformed: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The record saved with the grant cannot be read', fix: 'Save the record that the decision carries, unchanged'
  },
  step_refused: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'A new grant was checked at a step that uses a grant again, or the other way round', fix: 'Check codes and refresh tokens with `checkExistingGrant` and `storedRecord`'
  },
  token_not_direct: {
    code: 'FST_OAUTH_ACCESS_DENIED', meaning: 'The grant would be created with the token of an actor or of a client', fix: 'Use the token of the user'
  },
  keys_unavailable: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The keys of the issuer could not be loaded', fix: 'Make sure that this server can reach the issuer; the cause has the URL and the error. Recovers automatically'
  },
  custom_tokens_unavailable: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: '`verify` of your `customTokens` failed, or returned something that is no token', fix: 'See the cause'
  },
  issuer_unresolvable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`resolveIssuer` failed, or returned something that is no issuer', fix: 'See the cause' },
  introspection_unavailable: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The introspection endpoint did not answer, or refused this server', fix: 'See the cause: network, client id and secret, or the answer of the issuer. Recovers automatically'
  },
  revocations_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The revocation store did not answer', fix: 'See the cause' },
  token_rule_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'One of your `tokenRules` failed', fix: 'See the cause' },
  organization_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`organization` or `organizationOf` failed', fix: 'See the cause' },
  team_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`team` or `teamOf` failed', fix: 'See the cause' },
  authorization_details_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: '`authorizationDetails` of the route failed', fix: 'See the cause' },
  policy_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'A `policy`, `scopeImplies` or `scopesFor` failed', fix: 'See the cause' },
  session_store_unavailable: { code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The store of MCP sessions failed', fix: 'See the cause' },
  replay_store_unavailable: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The replay store did not answer, so that it is not known whether a proof was used before', fix: 'Look at the cause in the log; the requests succeed again when the store answers'
  },
  status_list_unavailable: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The status list that the token names could not be loaded, or is not valid', fix: 'Make sure that this server can reach it; the cause has the URL and the error. Recovers automatically'
  },
  signal_function_unavailable: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: 'A function of `sharedSignals` failed, so that a security event was not processed', fix: 'See the cause; the transmitter sends the event again'
  },
  impersonation_unavailable: {
    code: 'FST_OAUTH_UNAVAILABLE', meaning: 'The check whether an impersonated token may still be used could not be completed', fix: 'See the cause'
  },
  option_invalid: {
    code: 'FST_OAUTH_OPTION_INVALID', meaning: 'An option, or the policy of a route, is invalid', fix: 'The message names the option and the value'
  }
}
