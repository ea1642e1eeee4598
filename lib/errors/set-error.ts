import { PublicError } from './errors.ts'

/** The codes of RFC 8935 section 2.4, and `invalid_state` of SSF 1.0 section 8.1.4.1. */
export type SetErrorCode =
  | 'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience' | 'authentication_failed' | 'access_denied' | 'invalid_state'

/**
 * A security event token was refused. Answered 400 with `{ err, description }` (RFC 8935 section 2.3), or reported in `setErrs`
 * of the next poll (RFC 8936 section 2.4.4).
 */
export class SetError extends PublicError<'FST_OAUTH_SET_REFUSED'> {
  readonly err: SetErrorCode

  /** @param description for the operator of the transmitter; it never holds the token */
  constructor (err: SetErrorCode, description: string) {
    super({ code: 'FST_OAUTH_SET_REFUSED', statusCode: 400, expose: true, message: description })
    this.name = 'SetError'
    this.err = err
  }
}
