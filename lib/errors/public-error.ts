/**
 * What every error of this package's API has. `status` and `statusCode` are the same number: frameworks read one or the
 * other, and some accept an error only when both agree and `expose` is a boolean.
 */
export interface PublicErrorFields<Code extends string = string> {
  /** `FST_OAUTH_…`: stable, one for each kind of failure. */
  readonly code: Code
  /** The HTTP status of the response, when the error reaches the error handler of a server. */
  readonly status: number
  /** The same number as {@link status}. */
  readonly statusCode: number
  /** Whether `message` may be shown to the client. */
  readonly expose: boolean
}

/** One row of an error table. */
export interface PublicErrorRow {
  readonly statusCode: number
  readonly message: string
}

export interface PublicErrorInit<Code extends string> {
  readonly code: Code
  readonly statusCode: number
  readonly expose: boolean
  readonly message: string
  readonly cause?: unknown
}
