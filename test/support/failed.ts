import type { AuthorizationFault } from '../../lib/errors/authorization-error.ts'

/** What an error of an authorization has to look like. */
export function failed (fault: AuthorizationFault, more: Record<string, unknown> = {}): { name: string, fault: AuthorizationFault } {
  return { name: 'AuthorizationError', fault, ...more }
}
