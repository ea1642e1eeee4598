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
  redirectUris: Type.Array(text)
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
 * A connection as it was written, as JSON.
 *
 * @param where the file or the key that it was read from, for the message
 * @throws TypeError when it is none of ours
 */
export function parseConnection (found: string, where: string): StoredConnection {
  let value: unknown
  try {
    value = JSON.parse(found)
  } catch {
    // What the parser says repeats what it read.
  }
  if (!matches(connectionSchema, value)) throw new TypeError(`${where} holds no connection of ours; it is left as it is`)
  return value
}
