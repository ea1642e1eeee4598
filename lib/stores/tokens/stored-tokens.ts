import Type from 'typebox'
import * as Value from 'typebox/value'
import type { TokenSet } from './token-store.ts'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

const tokenSetSchema = Type.Object({
  // What it is sent in repeats it where it cannot be sent.
  accessToken: Type.String({ pattern: '^[\\x20-\\x7e]*$' }),
  tokenType: Type.Union([Type.Literal('Bearer'), Type.Literal('DPoP')]),
  refreshToken: nullable(Type.String()),
  expiresAt: nullable(Type.Number()),
  scopes: nullable(Type.Array(Type.String())),
  issuer: Type.Optional(nullable(Type.String())),
  refreshableUntil: Type.Optional(nullable(Type.Number()))
})

/**
 * Tokens as they were written with `JSON.stringify`.
 *
 * @param place where they were found, for the message, which says nothing of what was found there
 * @throws TypeError when it is something else
 */
export function parseTokenSet (text: string, place: string): TokenSet {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (!Value.Check(tokenSetSchema, value)) throw new TypeError(`${place} holds no tokens of ours`)
  return value
}
