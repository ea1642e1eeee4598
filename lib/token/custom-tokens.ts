import type { Clock } from '../clock.ts'
import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import { withinTime } from '../time-limit.ts'
import type { AccessToken } from './access-token.ts'
import { deepFreeze } from './deep-freeze.ts'
import type { Issuer, Verified } from './issuer.ts'
import { refused } from './jwt.ts'
import { explain } from '../options/check-options.ts'
import { findFault } from '../options/find-fault.ts'
import { kindOf } from '../options/show.ts'
import { Type } from '../options/type.ts'
import type { TNull, TOptional, TSchema, TUnion } from 'typebox'

/** Whom a token of the host's own speaks for, and what it may do. What is left out, it does not say. */
export type CustomToken = Pick<AccessToken, 'subject'> & Partial<Omit<AccessToken, 'issuer' | 'audience' | 'subject'>>

/**
 * Finds out about a token: nothing when it is no good. It throws when that could not be found out. The token is a secret:
 * look up a digest of it.
 */
export type VerifyCustomToken = (token: string) => CustomToken | null | undefined | Promise<CustomToken | null | undefined>

/** Tokens that nobody vouches for but the host: personal access tokens, API keys. */
export interface CustomTokensSettings {
  /** Who their subjects belong to. */
  readonly issuer: string
  readonly prefix: string
  readonly verify: VerifyCustomToken
  /** How long what `verify` gave is remembered. */
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
  const ask = async (token: string): Promise<CustomToken | null> => {
    try {
      return checked(await withinTime(Promise.resolve(verify(token)), lookupTimeoutMs))
    } catch (error) {
      throw withoutStackTrace(() => new UnavailableError('custom_tokens_unavailable', 5, error))
    }
  }
  return {
    rule: { issuer, tokenRules: [] },
    opaquePrefix: prefix,
    async verify (token, jwt): Promise<Verified> {
      // It names us as its issuer, and we sign none.
      if (jwt !== null) throw refused('issuer_unknown')
      const own = await ask(token)
      if (own === null) throw refused('token_unverified')
      const accessToken: AccessToken = deepFreeze({ ...unsaid, ...copyOf(own), issuer, audience: [resource] })
      if (accessToken.expiresAt !== null && clock.now() >= accessToken.expiresAt * 1000) throw refused('token_expired')
      return { accessToken, basis, maxAgeMs, brokenRules: [] }
    }
  }
}

/** What the host said does not stop to hold, it gets old. */
const basis = { isCurrent: () => true }

const unsaid: Omit<AccessToken, 'issuer' | 'audience' | 'subject'> = {
  principalType: 'user', clientId: null, scopes: [], actor: null, tokenId: null, expiresAt: null, issuedAt: null, roles: [],
  organizations: null, teams: null, sessionId: null, grantId: null, authenticationContext: null, authenticatedAt: null,
  authorizationDetails: [], claims: {}
}

const text = Type.String({ minLength: 1 })
const texts = Type.Array(Type.String())
const orNull = <Schema extends TSchema> (schema: Schema): TOptional<TUnion<[Schema, TNull]>> =>
  Type.Optional(Type.Union([schema, Type.Null()]))

const schema = Type.Object({
  subject: text,
  principalType: Type.Optional(Type.Enum(['user', 'client'])),
  clientId: orNull(text),
  scopes: Type.Optional(texts),
  actor: orNull(Type.Object({ issuer: text, subject: text }, { additionalProperties: false })),
  tokenId: orNull(text),
  expiresAt: orNull(Type.Number()),
  issuedAt: orNull(Type.Number()),
  roles: Type.Optional(texts),
  organizations: orNull(texts),
  teams: orNull(texts),
  sessionId: orNull(text),
  grantId: orNull(text),
  authenticationContext: orNull(text),
  authenticatedAt: orNull(Type.Number()),
  authorizationDetails: Type.Optional(Type.Array(Type.Object({ type: text }))),
  claims: Type.Optional(Type.Record(Type.String(), Type.Unknown()))
}, { additionalProperties: false })

/** The message names the member and not its value, which may be anything. */
function checked (given: unknown): CustomToken | null {
  if (given === null || given === undefined) return null
  const fault = findFault(schema, given)
  if (fault !== null) throw new TypeError(`verify gave no token: ${explain('', fault, kindOf)}`)
  return given as CustomToken
}

/** What the host goes on to change is not what was verified; `undefined` is nothing that was said. */
function copyOf (own: CustomToken): Partial<CustomToken> & Pick<CustomToken, 'subject'> {
  return structuredClone(Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined))) as unknown as CustomToken
}
