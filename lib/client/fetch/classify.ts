import type { ParsedChallenge } from '../../challenge/parse.ts'
import { parseChallenges } from '../../challenge/parse.ts'
import { isScheme } from '../../challenge/format.ts'

/** The part of an answer that is classified. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** The body, where it was read and is JSON. */
  readonly body?: unknown
  /** The body as it came, where it was read. */
  readonly text?: string | undefined
  /** Whether an access token went with the request. Default: true. */
  readonly tokenSent?: boolean
}

/** Strings for most services; JSON-RPC has numbers of its own. */
type Code = string | number

/** What a service says in its own words, beside what the standards define. */
export interface ClassifierSettings {
  /** Each `code` of a body that says that the token is invalid, whatever the status. Default: `authentication_failed`. */
  readonly invalidTokenCodes?: readonly Code[]
  /** Each `code` of a body that says that another token would not help either. Default: `permission_denied`. */
  readonly refusalCodes?: readonly Code[]
  /**
   * Sentences, matched exactly and anywhere in a body, that say that the token is invalid. They count only at status 400 and
   * above, as the text of a successful answer may be about anything. Default: none.
   */
  readonly sentences?: readonly string[]
}

/** What an answer says about the token that was sent. */
export type Classification =
  /** Nothing. */
  | { readonly kind: 'ok' }
  /** The token is invalid or expired; a refreshed one may be accepted. */
  | { readonly kind: 'invalid_token' }
  /** There was no token, and one is needed. `scopes` are those that the resource asks for, `null` when it does not say. */
  | { readonly kind: 'authorization_needed', readonly scopes: readonly string[] | null }
  /** The token lacks scopes. A refreshed token has the same ones: it takes another authorization (RFC 6750 section 3.1). */
  | { readonly kind: 'insufficient_scope', readonly scopes: readonly string[] | null }
  /** The user has to authenticate again, or in another way; refreshing the token does not change that (RFC 9470 section 3). */
  | {
    readonly kind: 'step_up'
    readonly acrValues: readonly string[]
    readonly maxAgeSeconds: number | null
    readonly scopes: readonly string[] | null
  }
  /** The same again, with this nonce in the proof (RFC 9449 section 9). */
  | { readonly kind: 'use_dpop_nonce', readonly nonce: string }
  /** The request failed for a reason of its own: no token would have helped. */
  | { readonly kind: 'refused' }

const ok: Classification = { kind: 'ok' }
const invalidToken: Classification = { kind: 'invalid_token' }
const refused: Classification = { kind: 'refused' }

/** Schemes that take no access token: where they alone are asked for, no token is of use. */
const otherCredentials = ['basic', 'digest', 'hoba', 'mutual', 'negotiate', 'ntlm', 'scram-sha-1', 'scram-sha-256', 'vapid']

/**
 * Classifies an answer by its strongest signal: the challenge, then the `code` of the body, then sentences, where any are
 * configured, then the bare status. It never throws.
 *
 * A successful answer says nothing about the token, whatever words it holds. The one exception is a JSON-RPC error object with
 * a known code, as that protocol reports its errors with status 200.
 */
export function classify (answer: Answer, settings: ClassifierSettings = {}): Classification {
  return classifyChallenge(answer) ?? classifyBody(answer, settings)
}

/**
 * Classifies an answer by its challenges: the one signal for which no body has to be read. `null` when they say nothing, and
 * weaker signals count.
 */
export function classifyChallenge ({ status, headers, tokenSent }: Pick<Answer, 'status' | 'headers' | 'tokenSent'>): Classification | null {
  if (status < 400) return null
  const ours = tokenChallenges(challengesOf(headers))
  // Where both schemes are offered, the error of the other one is about its own missing token.
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
    // The request or its proof is wrong: the same would happen with another token.
    case 'invalid_request': case 'invalid_dpop_proof': return refused
    case undefined: default: return null
  }
}

/** Classifies an answer whose challenges say nothing, by its body and status. */
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

/** What a challenge asks a client for (RFC 6750, RFC 9470, RFC 9728). */
export interface ChallengeHint {
  /** The URL of the metadata document of the resource, not yet checked. */
  readonly resourceMetadata: string | null
  /** The scopes that the operation needs; `null` when it does not say. */
  readonly scopes: readonly string[] | null
  readonly error: string | null
  readonly acrValues: readonly string[]
  readonly maxAgeSeconds: number | null
  /** True when the resource accepts only tokens that are bound to a key. */
  readonly needsProof: boolean
}

/** The hint of an answer without a challenge. */
export const emptyHint: ChallengeHint = {
  resourceMetadata: null, scopes: null, error: null, acrValues: [], maxAgeSeconds: null, needsProof: false
}

/**
 * Reads the challenges of an answer for Bearer and DPoP tokens. Other schemes and unknown parameters are ignored. A header that
 * violates the grammar says nothing: the metadata can then be looked up at its well-known place.
 */
export function readChallenge (headers: Headers): ChallengeHint {
  const ours = tokenChallenges(challengesOf(headers))
  if (ours.length === 0) return emptyHint
  return {
    resourceMetadata: firstOf(ours, 'resource_metadata') ?? null,
    scopes: wordsOf(firstOf(ours, 'scope')),
    // A missing nonce is answered with another proof; it does not say why the token is not accepted.
    error: ours.map(({ parameters }) => parameters.get('error')).find(error => error !== undefined && error !== 'use_dpop_nonce') ?? null,
    acrValues: wordsOf(firstOf(ours, 'acr_values')) ?? [],
    maxAgeSeconds: secondsOf(firstOf(ours, 'max_age')),
    needsProof: ours.every(challenge => isScheme(challenge, 'DPoP'))
  }
}

/** A header that violates the grammar says nothing. */
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

/** A parameter may stand beside the error or in the challenge of the other scheme. */
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

/** True when the body is a JSON-RPC error with such a code, or a batch of nothing else: what else it holds was carried out. */
function rpcErrorsSay (body: unknown, codes: readonly Code[]): boolean {
  const messages: unknown[] = Array.isArray(body) ? body : [body]
  return messages.length > 0 && messages.every(message => isRpcError(message) && codesOf(message).some(code => codes.includes(code)))
}

function isRpcError (message: unknown): boolean {
  return isObject(message) && message.jsonrpc === '2.0' && isObject(message.error) && !Object.hasOwn(message, 'result')
}

/** `code` at the top, in `error`, and in the `data` that JSON-RPC has for what is no number: nowhere else, and never `type`. */
function codesOf (body: unknown): Code[] {
  return [body, memberOf(body, 'error'), memberOf(memberOf(body, 'error'), 'data')]
    .map(value => memberOf(value, 'code'))
    .filter(code => typeof code === 'string' || typeof code === 'number')
}

function memberOf (value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

function isObject (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
