import { randomUUID } from 'node:crypto'
import type { CustomTokensOptions } from '../config/custom-tokens.ts'
import { checkOptions } from '../options/check-options.ts'
import { closed, text, typed } from '../options/common-schemas.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'
import type { CustomToken } from '../token/custom-tokens.ts'

/** Whom a request is made by: the members of `request.accessToken` that the test cares about. */
export type TestPrincipal = Partial<CustomToken>

/** Lets a test say who makes a request, without any issuer, key or signature. */
export interface TestPrincipals {
  /** Goes into the option `customTokens` of the plugin, in tests only. */
  readonly customTokens: CustomTokensOptions
  /**
   * The headers of a request by this principal: `app.inject({ url, headers: principals.headers({ subject: 'ann' }) })`.
   *
   * @throws OptionError for a member that does not exist
   */
  headers (principal?: TestPrincipal): { authorization: string }
}

const texts = Type.Array(text)
const textsOrNull = Type.Union([texts, Type.Null()])
const textOrNull = Type.Union([text, Type.Null()])
const secondsOrNull = Type.Union([Type.Number(), Type.Null()])
const principalSchema = Type.Object(optionGroup<TestPrincipal>()({
  subject: Type.Optional(text),
  principalType: Type.Optional(Type.Enum(['user', 'client'])),
  clientId: Type.Optional(textOrNull),
  scopes: Type.Optional(texts),
  actor: Type.Optional(Type.Union([Type.Object({ issuer: text, subject: text }, closed), Type.Null()])),
  tokenId: Type.Optional(textOrNull),
  expiresAt: Type.Optional(secondsOrNull),
  issuedAt: Type.Optional(secondsOrNull),
  roles: Type.Optional(texts),
  organizations: Type.Optional(textsOrNull),
  teams: Type.Optional(textsOrNull),
  sessionId: Type.Optional(textOrNull),
  grantId: Type.Optional(textOrNull),
  authenticationContext: Type.Optional(textOrNull),
  authenticatedAt: Type.Optional(secondsOrNull),
  authorizationDetails: Type.Optional(typed<CustomToken['authorizationDetails'] & object>(Type.Array(Type.Object({ type: text })))),
  claims: Type.Optional(typed<CustomToken['claims'] & object>(Type.Object({})))
}), closed)

/**
 * Makes principals for tests. The tokens are random and known to this object alone, so an application that is started with
 * its `customTokens` by mistake lets nobody in.
 */
export function createTestPrincipals (): TestPrincipals {
  const prefix = `test-principal-${randomUUID()}-`
  const principals = new Map<string, CustomToken>()
  return {
    customTokens: { prefix, verify: token => principals.get(token) ?? null },
    headers (principal = {}) {
      checkOptions('principal of principals.headers', principalSchema, principal)
      const token = `${prefix}${randomUUID()}`
      principals.set(token, { subject: 'user-1', ...principal })
      return { authorization: `Bearer ${token}` }
    }
  }
}
