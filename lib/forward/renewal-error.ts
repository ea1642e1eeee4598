import { ForwardError } from './errors.ts'
export function renewalError (error: unknown): ForwardError {
  return new ForwardError('FST_FORWARD_SESSION_OVER', { cause: error })
}
