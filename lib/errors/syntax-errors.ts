import { PublicError } from './errors.ts'
import type { PublicErrorFields } from './public-error.ts'

/** A `WWW-Authenticate` value that does not follow the grammar of RFC 9110 section 11.6.1. */
export class ChallengeSyntaxError extends SyntaxError implements PublicErrorFields<'FST_OAUTH_CHALLENGE_SYNTAX'> {
  readonly code = 'FST_OAUTH_CHALLENGE_SYNTAX'
  readonly status = 500
  readonly statusCode = 500
  readonly expose = false

  /** @param position where in the value reading stopped */
  constructor (position: number) {
    super(`not a list of challenges at character ${position}`)
    this.name = 'ChallengeSyntaxError'
  }
}

/** Says what is wrong with a resource identifier or an issuer. The caller knows which option the identifier is of. */
export class IdentifierError extends PublicError<'FST_OAUTH_IDENTIFIER_INVALID'> {
  constructor (message: string) {
    super({ code: 'FST_OAUTH_IDENTIFIER_INVALID', statusCode: 500, expose: false, message })
    this.name = 'IdentifierError'
  }
}
