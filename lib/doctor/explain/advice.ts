import type { OAuthConfig } from '../../config/resolve.ts'
import type { ResolvedIssuer } from '../../config/issuer.ts'
import { audienceOfEveryToken } from '../../config/presets.ts'
import { presetOf } from '../../config/products.ts'
import type { RefusalDetail } from '../../errors/detail.ts'
import { reasonTable } from '../../errors/reason-table.ts'
import type { Reason, TokenReason, UnavailableReason } from '../../errors/reasons.ts'
import { suggest } from '../../options/suggest.ts'
import { readClaim } from '../../token/claim-path.ts'
import { asymmetricAlgorithms } from '../../token/signature.ts'
import type { JsonObject } from '../document.ts'
import type { Change } from './settings.ts'

/** A refusal, and the token and configuration that it came of. */
export interface RefusedToken {
  readonly reason: Reason
  readonly detail: RefusalDetail | null
  readonly length: number
  /** Whether it begins as a JWT does, also where it cannot be read as one. */
  readonly isJwtLike: boolean
  /** Unverified; `null` if the token is not a JWT. */
  readonly jwt: { readonly header: JsonObject, readonly claims: JsonObject } | null
  readonly config: OAuthConfig
  /** Seconds since the epoch. */
  readonly now: number
}

/** What can be done about a refusal. */
export interface Advice {
  /** What would accept the token; `null` when no configuration should. */
  readonly change: Change | null
  /** The line of configuration, where it has values that only the user knows. */
  readonly line?: string
  /** When the line is right; or, without one, what else to do. */
  readonly when: string
}

type Advise = (refused: RefusedToken) => Advice

const maxTolerance = 300

const nothing = (when: string): Advise => () => ({ change: null, when })
const asTheTableSays: Advise = ({ reason }) => ({ change: null, when: reasonTable[reason].fix })
const ofPlugin = (set: JsonObject, when: string): Advice => ({ change: { of: 'plugin', set }, when })

function issuerOf ({ jwt, config }: RefusedToken): ResolvedIssuer | null {
  return config.issuers.find(({ rule }) => rule.issuer === jwt?.claims.iss) ?? null
}

function ofIssuer (refused: RefusedToken, set: JsonObject, when: string): Advice {
  const issuer = issuerOf(refused)
  // One that resolveIssuer finds has no entry that could be changed here.
  return issuer === null ? { change: null, when } : { change: { of: 'issuer', issuer: issuer.rule.issuer, set }, when }
}

/** The settings of the product, or else the profile of tokens that do not follow RFC 9068. */
function shapeOf (refused: RefusedToken): Advice {
  const preset = presetOf(String(refused.jwt!.claims.iss))
  return preset === null
    ? ofIssuer(refused, { profile: 'jwt' }, 'the access tokens of this issuer have this typ and these claims')
    : ofIssuer(refused, { preset }, 'the issuer is a server of this product: the preset has the settings for its tokens')
}

function usesRfc9068 (refused: RefusedToken): boolean {
  return issuerOf(refused)?.rule.profile === 'rfc9068'
}

const adviseIssuer: Advise = ({ jwt, config }) => {
  const iss = jwt?.claims.iss
  if (typeof iss !== 'string' || !/^https?:\/\//.test(iss)) return { change: null, when: 'the issuer must send its identifier in iss' }
  const known = config.issuers.map(({ rule }) => rule.issuer)
  const meant = suggest(iss, known)
  const preset = presetOf(iss)
  const change: Change = { of: 'issuers', issuer: iss, set: preset === null ? {} : { preset } }
  return meant === null
    ? { change, when: 'you trust this issuer: it can then sign in everyone' }
    : { change, when: `this is the issuer that is configured as ${meant}: write it as the token does` }
}

const adviseType: Advise = refused => {
  const { typ } = refused.jwt!.header
  const isOrdinary = typ === undefined || (typeof typ === 'string' && /^(?:application\/)?jwt$/i.test(typ))
  if (usesRfc9068(refused) && isOrdinary) return shapeOf(refused)
  return { change: null, when: refused.detail?.fix ?? 'send the access token: this one is another kind of token of the issuer' }
}

const adviseMissingAudience: Advise = refused => {
  const { jwt } = refused
  const preset = presetOf(String(jwt!.claims.iss))
  if (preset !== null && usesRfc9068(refused)) return shapeOf(refused)
  return ofIssuer(refused, { allowMissingAudience: true }, 'this issuer issues tokens for this API alone. Better: have it put the resource into aud')
}

const adviseAudience: Advise = refused => {
  const { rule } = issuerOf(refused) ?? {}
  if (rule === undefined) return asTheTableSays(refused)
  const named = [readClaim(refused.jwt!.claims, rule.claims.audience)].flat() as string[]
  const preset = presetOf(rule.issuer)
  const audience = named.find(one => preset === null || one !== audienceOfEveryToken[preset])
  if (audience === undefined) return asTheTableSays(refused)
  if (rule.audiences.some(one => named.includes(one))) return ofIssuer(refused, { rejectForeignAudiences: false }, 'tokens that are for other resources as well are fine')
  return ofIssuer(refused, { audience }, 'this audience means this API, and tokens for another API do not have it. Otherwise the client must request a token for the resource')
}

const adviseAlgorithm: Advise = refused => {
  const alg = refused.jwt!.header.alg as string
  const { rule } = issuerOf(refused) ?? {}
  if (rule === undefined || !asymmetricAlgorithms.includes(alg)) return { change: null, when: 'the issuer must sign with an asymmetric algorithm: anyone who can verify a token of a symmetric one can issue it' }
  return ofIssuer(refused, { algorithms: [...rule.algorithms, alg] }, 'the issuer is meant to sign with it')
}

const adviseClaims: Advise = refused => usesRfc9068(refused) && refused.jwt!.claims.exp !== undefined ? shapeOf(refused) : asTheTableSays(refused)

const adviseLength: Advise = refused => refused.length > refused.config.maxTokenLength
  ? ofPlugin({ maxTokenLength: Math.ceil(refused.length / 1024) * 1024 }, 'tokens are meant to be this long. Raise --max-http-header-size of Node.js with it')
  : asTheTableSays(refused)

function adviseClock (seconds: number, refused: RefusedToken, otherwise: string): Advice {
  return seconds <= maxTolerance
    ? ofIssuer(refused, { clockToleranceSeconds: Math.ceil(seconds) }, 'the clocks cannot be synchronized')
    : { change: null, when: otherwise }
}

const adviseFuture: Advise = refused => {
  const times = ['nbf', 'iat'].map(name => refused.jwt?.claims[name]).filter(time => typeof time === 'number')
  return adviseClock(Math.max(0, ...times) - refused.now + 1, refused, 'the clock of the issuer, or of this machine, is wrong')
}

const adviseExpiry: Advise = refused =>
  adviseClock(refused.now - (refused.jwt?.claims.exp as number | undefined ?? 0) + 1, refused, 'the client must refresh the token')

const adviseMalformed: Advise = refused => {
  if (refused.isJwtLike || refused.config.issuers.length === 0) return asTheTableSays(refused)
  return {
    change: null,
    line: `authorizationServers: [{ issuer: '${refused.config.issuers[0]!.rule.issuer}', introspection: { clientId: '<client id>', authentication: { method: 'client_secret_basic', clientSecret: '<secret>' } } }]`,
    when: 'the issuer issues opaque tokens and has an introspection endpoint. Otherwise: it is not an access token'
  }
}

const adviseProof: Advise = refused => {
  return refused.detail?.expected?.includes('certificate') !== true
    ? ofPlugin({ dpop: 'allowed' }, 'clients send a DPoP proof with each request')
    : ofPlugin({ clientCertificates: { source: 'tls' } }, 'this server ends TLS and asks for certificates; behind a proxy, name its header instead')
}

const adviseUnbound: Advise = ({ config }) => config.clientCertificates?.required === true
  ? { change: null, line: 'clientCertificates: { required: false }', when: 'tokens that are bound to no certificate are fine here; keep its other members. Otherwise the client must request a bound token (RFC 8705 section 3)' }
  : ofPlugin({ dpop: 'allowed' }, 'bearer tokens are fine here. Otherwise the client must request a bound token (RFC 9449 section 5)')

const adviseRule: Advise = ({ detail }) => ({
  change: null,
  line: 'tokenRules: [{ name, check, reportOnly: true }]',
  when: `${detail?.expected ?? 'the rule'}: reportOnly logs what breaks it and refuses nothing`
})

const adviseKeys: Advise = refused => {
  const issuer = issuerOf(refused)?.rule.issuer ?? '<issuer>'
  return {
    change: null,
    line: `authorizationServers: [{ issuer: '${issuer}', jwksUri: '<URL of its keys>' }]`,
    when: refused.detail?.fix ?? 'the keys are at another URL than its metadata say. Otherwise: make sure that this machine can reach the issuer'
  }
}

/** Reasons that the verifier has for a token, or for not being able to check it. */
type VerifierReason = TokenReason | Extract<UnavailableReason,
  'keys_unavailable' | 'custom_tokens_unavailable' | 'issuer_unresolvable' | 'introspection_unavailable' | 'revocations_unavailable' | 'token_rule_unavailable' | 'status_list_unavailable'>

/** What to do about each of them. */
export const adviceTable: Readonly<Record<VerifierReason, Advise>> = {
  token_malformed: adviseMalformed,
  token_encrypted: asTheTableSays,
  token_too_long: adviseLength,
  token_not_yet_valid: adviseFuture,
  token_inactive: asTheTableSays,
  token_revoked: asTheTableSays,
  token_suspended: asTheTableSays,
  status_unreadable: asTheTableSays,
  token_rule_broken: adviseRule,
  issuer_unknown: adviseIssuer,
  algorithm_refused: adviseAlgorithm,
  key_id_refused: asTheTableSays,
  critical_header_refused: asTheTableSays,
  type_refused: adviseType,
  audience_missing: adviseMissingAudience,
  audience_foreign: adviseAudience,
  claim_missing: adviseClaims,
  claim_malformed: asTheTableSays,
  actor_malformed: asTheTableSays,
  confirmation_unsupported: asTheTableSays,
  proof_missing: adviseProof,
  token_unbound: adviseUnbound,
  certificate_foreign: asTheTableSays,
  key_unknown: nothing('publish the key in the key set of the issuer; the token may also be of another environment with the same issuer'),
  key_ambiguous: asTheTableSays,
  key_unusable: asTheTableSays,
  signature_invalid: asTheTableSays,
  token_expired: adviseExpiry,
  token_unverified: asTheTableSays,
  impersonation_over: asTheTableSays,
  keys_unavailable: adviseKeys,
  custom_tokens_unavailable: asTheTableSays,
  issuer_unresolvable: asTheTableSays,
  introspection_unavailable: asTheTableSays,
  revocations_unavailable: asTheTableSays,
  status_list_unavailable: asTheTableSays,
  token_rule_unavailable: adviseRule
}

/** What to do about a refusal, whatever its reason. */
export function adviseOn (refused: RefusedToken): Advice {
  return ((adviceTable as Partial<Record<Reason, Advise>>)[refused.reason] ?? asTheTableSays)(refused)
}
