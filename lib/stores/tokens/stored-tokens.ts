import type { TokenSet } from './token-store.ts'
import { matches } from '../../options/find-fault.ts'
import { Type } from '../../options/type.ts'
import type { TSchema } from 'typebox'

const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

const tokenSetSchema = Type.Object({
  // The error of a request with another character would quote the token.
  accessToken: Type.String({ pattern: '^[\\x20-\\x7e]*$' }),
  tokenType: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
  refreshToken: nullable(Type.String()),
  expiresAt: nullable(Type.Number()),
  scopes: nullable(Type.Array(Type.String())),
  issuer: Type.Optional(nullable(Type.String())),
  refreshableUntil: Type.Optional(nullable(Type.Number()))
})

/**
 * Parses tokens that were stored with `JSON.stringify`.
 *
 * @throws TypeError, SyntaxError on anything else. The message of the parser quotes the text: it must not be shown
 */
export function parseTokenSet (text: string): TokenSet {
  const value: unknown = JSON.parse(text)
  if (!matches(tokenSetSchema, value)) throw new TypeError('no tokens')
  return value
}
