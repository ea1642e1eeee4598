import { randomUUID } from 'node:crypto'
import type { CustomTokensOptions } from '../config/custom-tokens.ts'
import type { CustomToken } from '../token/custom-tokens.ts'

/** Whom a request is made by: the members of `request.accessToken` that the test cares about. */
export type TestPrincipal = Partial<CustomToken>

/** Lets a test say who makes a request, without any issuer, key or signature. */
export interface TestPrincipals {
  /** Goes into the option `customTokens` of the plugin, in tests only. */
  readonly customTokens: CustomTokensOptions
  /** The headers of a request by this principal: `app.inject({ url, headers: principals.headers({ subject: 'ann' }) })`. */
  headers (principal?: TestPrincipal): { authorization: string }
}

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
      const token = `${prefix}${randomUUID()}`
      principals.set(token, { subject: 'user-1', ...principal })
      return { authorization: `Bearer ${token}` }
    }
  }
}
