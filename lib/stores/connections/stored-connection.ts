import type { StoredConnection } from './connection-store.ts'
import { matches } from '../../options/find-fault.ts'
import { Type } from '../../options/type.ts'
import type { TSchema } from 'typebox'

const text = Type.String()
const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const clientSchema = Type.Object({
  issuer: text,
  clientId: text,
  clientSecret: nullable(text),
  authenticationMethod: Type.Enum(['none', 'client_secret_basic', 'client_secret_post']),
  expiresAt: nullable(Type.Number()),
  redirectUris: Type.Array(text),
  scopes: Type.Optional(nullable(Type.Array(text)))
})
const connectionSchema = Type.Object({
  issuer: nullable(text),
  resource: nullable(text),
  requestedScopes: nullable(Type.Array(text)),
  proofKey: nullable(Type.Object({ kty: text, alg: text })),
  clientId: Type.Optional(nullable(text)),
  registration: Type.Optional(nullable(clientSchema)),
  clients: Type.Record(text, clientSchema)
})

/**
 * Parses connection data that was stored with `JSON.stringify`.
 *
 * @throws TypeError, SyntaxError on anything else. The message of the parser quotes the text: it must not be shown
 */
export function parseConnection (text: string): StoredConnection {
  const value: unknown = JSON.parse(text)
  if (!matches(connectionSchema, value)) throw new TypeError('no connection data')
  return value
}
