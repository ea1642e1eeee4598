import type { Clock } from '../clock.ts'
import { describeError, describeValue } from '../errors/detail.ts'
import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import { withinTime } from '../time-limit.ts'
import type { AccessToken } from './access-token.ts'
import { deepFreeze } from './from-claims.ts'
import type { Issuer, Verified } from './issuer.ts'
import { refused } from './jwt.ts'
import { alwaysCurrent } from './token-cache.ts'

/** The subject of a custom token, and what the token may do. A member that is left out has its empty value. */
export type CustomToken = Pick<AccessToken, 'subject'> & Partial<Omit<AccessToken, 'issuer' | 'audience' | 'subject' | 'confirmation'>>

/**
 * Looks up a custom token: `null` when it is not valid. It throws when the look-up failed. The token is a secret: look up a
 * digest of it.
 */
export type VerifyCustomToken = (token: string) => CustomToken | null | undefined | Promise<CustomToken | null | undefined>

/** Tokens that the host itself issues: personal access tokens, API keys. */
export interface CustomTokensSettings {
  /** The issuer that their subjects belong to. */
  readonly issuer: string
  readonly prefix: string
  readonly verify: VerifyCustomToken
  /** How long a result of `verify` is remembered. */
  readonly maxAgeMs: number
}

export interface CustomTokensEnvironment {
  readonly resource: string
  readonly lookupTimeoutMs: number
  readonly clock: Clock
}

/** The host itself as an issuer. */
export function createCustomTokenIssuer (
  { issuer, prefix, verify, maxAgeMs }: CustomTokensSettings, { resource, lookupTimeoutMs, clock }: CustomTokensEnvironment
): Issuer {
  const ask = async (token: string): Promise<AccessToken | null> => {
    try {
      const given: unknown = await withinTime(Promise.resolve(verify(token)), lookupTimeoutMs)
      if (given === null || given === undefined) return null
      return deepFreeze({ ...nothing, ...readCustomToken(given), issuer, audience: [resource] })
    } catch (error) {
      throw withoutStackTrace(() => new UnavailableError('custom_tokens_unavailable', 5, error, {
        expected: 'a token, or null, of the verify function of customTokens', received: describeError(error)
      }))
    }
  }
  return {
    expected: { issuer, tokenRules: [] },
    opaquePrefix: prefix,
    async verify (token, jwt): Promise<Verified> {
      // A JWT that names this server as its issuer: this server signs none.
      if (jwt !== null) {
        throw refused('issuer_unknown', { expected: 'a token that is not a JWT: customTokens has this issuer', received: `iss is ${describeValue(issuer)}` })
      }
      const accessToken = await ask(token)
      if (accessToken === null) throw refused('token_unverified', { expected: 'a token that customTokens knows', received: 'verify returned null' })
      const { expiresAt } = accessToken
      if (expiresAt !== null && clock.now() >= expiresAt * 1000) {
        throw refused('token_expired', { expected: `expiresAt is after ${clock.now() / 1000}, now`, received: `expiresAt is ${expiresAt}` })
      }
      return { accessToken, validity: alwaysCurrent, maxAgeMs, brokenRules: [] }
    }
  }
}

const nothing: Omit<AccessToken, 'issuer' | 'audience' | 'subject'> = {
  principalType: 'user', clientId: null, scopes: [], actor: null, tokenId: null, expiresAt: null, issuedAt: null, roles: [],
  organizations: null, teams: null, sessionId: null, grantId: null, authenticationContext: null, authenticatedAt: null,
  authorizationDetails: [], confirmation: null, claims: {}
}

/** What a member must be, and the words for it. */
interface Kind {
  readonly is: (value: unknown) => boolean
  readonly words: string
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const orNull = ({ is, words }: Kind): Kind => ({ is: value => value === null || is(value), words: `${words}, or null` })

const text: Kind = { is: isText, words: 'a string' }
const texts: Kind = { is: value => Array.isArray(value) && value.every(one => typeof one === 'string'), words: 'a list of strings' }
const seconds: Kind = { is: Number.isFinite, words: 'a number of seconds' }
const actor: Kind = {
  is: value => isObject(value) && Object.keys(value).sort().join() === 'issuer,subject' && isText(value.issuer) && isText(value.subject),
  words: 'an object with issuer and subject'
}

const kinds: Readonly<Record<keyof CustomToken, Kind>> = {
  subject: text,
  principalType: { is: value => value === 'user' || value === 'client', words: "'user' or 'client'" },
  clientId: orNull(text),
  scopes: texts,
  actor: orNull(actor),
  tokenId: orNull(text),
  expiresAt: orNull(seconds),
  issuedAt: orNull(seconds),
  roles: texts,
  organizations: orNull(texts),
  teams: orNull(texts),
  sessionId: orNull(text),
  grantId: orNull(text),
  authenticationContext: orNull(text),
  authenticatedAt: orNull(seconds),
  authorizationDetails: { is: value => Array.isArray(value) && value.every(one => isObject(one) && isText(one.type)), words: 'a list of objects with a type' },
  claims: { is: isObject, words: 'an object' }
}

/**
 * Copies a token by the names that it can have, so that the accessors of a class count like any other member, and checks
 * the copy: what the host changes later, or what an accessor returns the next time, is not what was verified.
 *
 * @throws TypeError that names the member and never its value, which may be anything
 */
function readCustomToken (given: unknown): CustomToken {
  if (!isObject(given)) throw new TypeError('verify must return an object, or null')
  // An entity of the host may have members of its own; in an object literal they are a spelling mistake.
  const unknown = isPlain(given) ? Object.keys(given).find(name => !Object.hasOwn(kinds, name)) : undefined
  if (unknown !== undefined) throw new TypeError(`verify returned an unknown member ${describeValue(unknown)}`)
  const copy: Record<string, unknown> = {}
  for (const [name, { is, words }] of Object.entries(kinds)) {
    const value = copyData(given[name], name, 0)
    if (value === undefined && name !== 'subject') continue
    if (!is(value)) throw new TypeError(`verify must return ${words} as ${name}`)
    copy[name] = value
  }
  return copy as unknown as CustomToken
}

const maxDepth = 64

/** JSON data. A class instance, whose accessors a copy would lose, has to say what it is by `toJSON`. */
function copyData (value: unknown, path: string, depth: number): unknown {
  if (depth > maxDepth) throw new TypeError(`verify returned ${path}, which is nested too deeply`)
  if (Array.isArray(value)) return value.map((one, index) => copyData(one, `${path}.${index}`, depth + 1))
  if (isObject(value)) {
    if (typeof value.toJSON === 'function') return copyData(value.toJSON(), path, depth + 1)
    if (!isPlain(value)) throw new TypeError(`verify returned ${path}, which is not plain data`)
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, copyData(inner, `${path}.${name}`, depth + 1)]))
  }
  if (['function', 'symbol', 'bigint'].includes(typeof value)) throw new TypeError(`verify returned ${path}, which is a ${typeof value}`)
  return value
}

/** Of another realm, too. */
function isPlain (value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
