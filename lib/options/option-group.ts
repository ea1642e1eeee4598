import type { Static, TSchema } from 'typebox'

/** The schemas of some options, by their names. Public declarations have this type, so it does not name the schema library. */
export type OptionSchemas<Name extends string = string> = Readonly<Record<Name, object>>

type IsOptional<Options, Name extends keyof Options> = Record<never, never> extends Pick<Options, Name> ? true : false

type DeepReadonly<Value> =
  Value extends (...args: never[]) => unknown ? Value
    : Value extends object ? { readonly [Name in keyof Value]: DeepReadonly<Value[Name]> } : Value

/** The schema, where it accepts every value of the option's type and is optional exactly where the option is; else `never`. */
type Fitting<Options, Name extends keyof Options, Schema> =
  (Schema extends { '~optional': true } ? true : false) extends IsOptional<Options, Name>
    ? Schema extends TSchema ? Exclude<Options[Name], undefined> extends DeepReadonly<Static<Schema>> ? Schema : never : never
    : never

/**
 * Holds the schemas of a group of options and their public type together: a type checker refuses a schema that is missing,
 * that refuses a value which the type allows, or that requires what the type does not.
 *
 * @internal
 */
export function optionGroup<Options extends object> (): <Schemas extends { readonly [Name in keyof Options]-?: TSchema }>(
schemas: Schemas & { readonly [Name in keyof Schemas]: Name extends keyof Options ? Fitting<Options, Name, Schemas[Name]> : never }
) => Schemas {
  return schemas => schemas
}
