import type { ErrorCode } from '../errors/error-table.ts'
import type { RouteReason } from '../errors/reasons.ts'
import { OAuthResourceError, withoutStackTrace } from '../errors/errors.ts'

export type MaybePromise<T> = T | Promise<T>

/** What a check has to say: the refusal, or `null` when there is nothing against the request. */
export type Decision = OAuthResourceError | null

/** A refusal that no other scope and no other token of the same kind would help against. */
export function forbidden (code: ErrorCode, reason: RouteReason): OAuthResourceError {
  return withoutStackTrace(() => new OAuthResourceError(code, { reason }))
}
