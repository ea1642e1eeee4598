import type { AuthorizationErrorCode } from '../../lib/errors/authorization-error.ts'

/** What an error of an authorization has to look like. */
export function failed (code: AuthorizationErrorCode, more: Record<string, unknown> = {}): { name: string, code: AuthorizationErrorCode } {
  return { name: 'AuthorizationError', code, ...more }
}
