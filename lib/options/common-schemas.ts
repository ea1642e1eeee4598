import type { TArray, TInteger, TSchema, TString, TUnion, TUnsafe } from 'typebox'
import { Type } from './type.ts'

/** Of an object that has no other members. */
export const closed = { additionalProperties: false } as const

export const text: TString = Type.String({ minLength: 1 })
export const texts: TArray<TString> = Type.Array(text, { minItems: 1, uniqueItems: true })
export const count: TInteger = Type.Integer({ minimum: 1 })
/** Up to a year. */
export const seconds: TInteger = Type.Integer({ minimum: 0, maximum: 31_536_000 })
/** RFC 7519 section 4.1.4: usually no more than a few minutes. */
export const clockTolerance: TInteger = Type.Integer({ minimum: 0, maximum: 300 })
/** How long a request can wait for something. */
export const timeoutMs: TInteger = Type.Integer({ minimum: 1, maximum: 60_000 })
export const claimPath: TUnion<[TString, TArray<TString>]> = Type.Union([text, Type.Array(text, { minItems: 1 })])
export const anyFunction: TUnsafe<(...args: never[]) => unknown> = typed(Type.Function([], Type.Unknown()))
export const clock: TUnsafe<{ now (): number }> = typed(Type.Object({ now: anyFunction }))

/** The schema of a value that TypeBox's own types cannot describe. */
export function typed<Value> (schema: TSchema): TUnsafe<Value> {
  return schema as TUnsafe<Value>
}
