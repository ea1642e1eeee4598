import type { ParsedChallenge } from '../../challenge/parse.ts'
import { parseChallenges } from '../../challenge/parse.ts'
import { isScheme } from '../../challenge/format.ts'

/** The parts of a response that its classification depends on. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The body, where it was read and is JSON. */
  readonly body?: unknown
  /** The body as text, if it was read. */
  readonly text?: string | undefined
  /** Whether the request had an access token. Default: true. */
  readonly tokenSent?: boolean
}

/** Most services use strings as error codes; JSON-RPC uses numbers. */
type Code = string | number

/** How a service reports token errors, if it does not follow RFC 6750. */
export interface ClassifierSettings {
  /** Values of `code` in the body that mean that the token is invalid, at any error status. Default: `authentication_failed`. */
  readonly invalidTokenCodes?: readonly Code[]
  /** Values of `code` in the body that mean that no other token would be accepted either. Default: `permission_denied`. */
  readonly refusalCodes?: readonly Code[]
  /**
   * Sentences anywhere in the body that mean that the token is invalid. They are matched exactly, and only at status 400 and
   * above, because a successful response may contain any text. Default: none.
   */
  readonly sentences?: readonly string[]
}

/** What a response says about the access token of the request. */
export type Classification =
  /** The token was accepted, or the response says nothing about it. */
  | { readonly kind: 'ok' }
  /** The token is invalid or expired; a refreshed one may be accepted. */
  | { readonly kind: 'invalid_token' }
  /** The request had no token and needs one. `scopes`: those of the challenge, `null` when it has none. */
  | { readonly kind: 'authorization_needed', readonly scopes: readonly string[] | null }
  /** The token lacks scopes. A refreshed token has the same scopes, so another authorization is needed (RFC 6750 section 3.1). */
  | { readonly kind: 'insufficient_scope', readonly scopes: readonly string[] | null }
  /** The user has to authenticate again, or in another way; refreshing the token does not change that (RFC 9470 section 3). */
  | {
    readonly kind: 'step_up'
    readonly acrValues: readonly string[]
    readonly maxAgeSeconds: number | null
    readonly scopes: readonly string[] | null
  }
  /** The request must be repeated with this nonce in the DPoP proof (RFC 9449 section 9). */
  | { readonly kind: 'use_dpop_nonce', readonly nonce: string }
  /** The request failed for another reason: no other token would be accepted either. */
  | { readonly kind: 'refused' }

const ok: Classification = { kind: 'ok' }
const invalidToken: Classification = { kind: 'invalid_token' }
const refused: Classification = { kind: 'refused' }

/** Authentication schemes without access tokens. If a response has only challenges of these, no access token is accepted. */
const otherCredentials = ['basic', 'digest', 'hoba', 'mutual', 'negotiate', 'ntlm', 'scram-sha-1', 'scram-sha-256', 'vapid']

/**
 * Classifies a response. The first of these that decides counts: the challenge, the `code` in the body, configured sentences,
 * the status. It never throws.
 *
 * The text of a successful response is ignored. The one exception is a JSON-RPC error object with a known code, because
 * JSON-RPC reports errors with status 200.
 */
export function classify (answer: Answer, settings: ClassifierSettings = {}): Classification {
  return classifyChallenge(answer) ?? classifyBody(answer, settings)
}

/**
 * Classifies a response by its challenges alone, so that its body need not be read. `null` when they do not decide: then
 * {@link classifyBody} does.
 */
export function classifyChallenge ({ status, headers, tokenSent }: Pick<Answer, 'status' | 'headers' | 'tokenSent'>): Classification | null {
  if (status < 400) return null
  const ours = tokenChallenges(challengesOf(headers))
  // If the response has a Bearer and a DPoP challenge, the error of the Bearer one only says that no Bearer token was sent.
  const nonceAsked = ours.some(({ parameters }) => parameters.get('error') === 'use_dpop_nonce')
  if (nonceAsked) {
    const nonce = headers.get('dpop-nonce')
    return nonce === null ? refused : { kind: 'use_dpop_nonce', nonce }
  }
  const withError = ours.find(({ parameters }) => parameters.has('error'))
  switch (withError?.parameters.get('error')) {
    case 'invalid_token': return tokenSent === false ? authorizationNeeded(ours) : invalidToken
    case 'insufficient_scope': return { kind: 'insufficient_scope', scopes: wordsOf(firstOf(ours, 'scope')) }
    case 'insufficient_user_authentication': return {
      kind: 'step_up',
      acrValues: wordsOf(firstOf(ours, 'acr_values')) ?? [],
      maxAgeSeconds: secondsOf(firstOf(ours, 'max_age')),
      scopes: wordsOf(firstOf(ours, 'scope'))
    }
    // The request or its proof is invalid: another token would not be accepted either.
    case 'invalid_request': case 'invalid_dpop_proof': return refused
    case undefined: default: return null
  }
}

/** Classifies a response by its body and status, when its challenges do not decide. */
export function classifyBody (
  { status, headers, body, text, tokenSent }: Answer,
  { invalidTokenCodes = ['authentication_failed'], refusalCodes = ['permission_denied'], sentences = [] }: ClassifierSettings = {}
): Classification {
  const isInvalid = (): Classification => tokenSent === false ? authorizationNeeded(tokenChallenges(challengesOf(headers))) : invalidToken
  if (status < 400) return status >= 200 && status < 300 && rpcErrorsSay(body, invalidTokenCodes) ? isInvalid() : ok

  const codes = codesOf(body)
  if (codes.some(code => refusalCodes.includes(code))) return refused
  if (codes.some(code => invalidTokenCodes.includes(code))) return isInvalid()
  if (text !== undefined && sentences.some(sentence => text.includes(sentence))) return isInvalid()

  if (status !== 401) return refused
  const challenges = challengesOf(headers)
  const isForOthers = challenges.length > 0 && challenges.every(({ scheme }) => otherCredentials.includes(scheme.toLowerCase()))
  return isForOthers ? refused : isInvalid()
}

function authorizationNeeded (challenges: readonly ParsedChallenge[]): Classification {
  return { kind: 'authorization_needed', scopes: wordsOf(firstOf(challenges, 'scope')) }
}

/** The requirements in a challenge (RFC 6750, RFC 9470, RFC 9728). */
export interface ChallengeHint {
  /** The URL of the metadata document of the resource, not yet checked. */
  readonly resourceMetadata: string | null
  /** The scopes that the operation needs; `null` when the challenge has none. */
  readonly scopes: readonly string[] | null
  readonly error: string | null
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds: number | null
  /** True when the resource accepts only tokens that are bound to a key. */
  readonly needsProof: boolean
}

/** The hint of a response without a challenge. */
export const emptyHint: ChallengeHint = {
  resourceMetadata: null, scopes: null, error: null, acrValues: [], maxAgeSeconds: null, needsProof: false
}

/**
 * Reads the Bearer and DPoP challenges of a response. Other schemes and unknown parameters are ignored. A header that violates
 * the grammar is ignored too: the metadata can still be found at its well-known URL.
 */
export function readChallenge (headers: Headers): ChallengeHint {
  const ours = tokenChallenges(challengesOf(headers))
  if (ours.length === 0) return emptyHint
  return {
    resourceMetadata: firstOf(ours, 'resource_metadata') ?? null,
    scopes: wordsOf(firstOf(ours, 'scope')),
    // `use_dpop_nonce` is about the proof, not about the token.
    error: ours.map(({ parameters }) => parameters.get('error')).find(error => error !== undefined && error !== 'use_dpop_nonce') ?? null,
    acrValues: wordsOf(firstOf(ours, 'acr_values')) ?? [],
    maxAgeSeconds: secondsOf(firstOf(ours, 'max_age')),
    needsProof: ours.every(challenge => isScheme(challenge, 'DPoP'))
  }
}

/** A header that violates the grammar counts as missing. */
function challengesOf (headers: Headers): readonly ParsedChallenge[] {
  const value = headers.get('www-authenticate')
  if (value === null) return []
  try {
    return parseChallenges(value)
  } catch {
    return []
  }
}

function tokenChallenges (challenges: readonly ParsedChallenge[]): ParsedChallenge[] {
  return challenges.filter(challenge => isScheme(challenge, 'Bearer') || isScheme(challenge, 'DPoP'))
}

/** The first value of a parameter in any of the challenges: some servers repeat it only in one of them. */
function firstOf (challenges: readonly ParsedChallenge[], name: string): string | undefined {
  return challenges.map(({ parameters }) => parameters.get(name)).find(value => value !== undefined)
}

/** The words of a list that is separated by spaces; `null` for none. */
export function wordsOf (list: string | null | undefined): string[] | null {
  const words = (list ?? '').split(' ').filter(word => word !== '')
  return words.length === 0 ? null : [...new Set(words)]
}

function secondsOf (value: string | undefined): number | null {
  return value !== undefined && /^\d{1,10}$/.test(value) ? Number(value) : null
}

/** True when the body is a JSON-RPC error with such a code, or a batch of only such errors. A batch with results was partly carried out. */
function rpcErrorsSay (body: unknown, codes: readonly Code[]): boolean {
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  return messages.length > 0 && messages.every(message => isRpcError(message) && codesOf(message).some(code => codes.includes(code)))
}

function isRpcError (message: unknown): boolean {
  return isObject(message) && message.jsonrpc === '2.0' && isObject(message.error) && !Object.hasOwn(message, 'result')
}

/** The values of `code`, `error.code` and `error.data.code` (JSON-RPC codes are numbers, so strings are in `data`). */
function codesOf (body: unknown): Code[] {
  return [body, memberOf(body, 'error'), memberOf(memberOf(body, 'error'), 'data')]
    .map(value => memberOf(value, 'code'))
    .filter(code => typeof code === 'string' || typeof code === 'number')
}

function memberOf (value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

function isObject (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
