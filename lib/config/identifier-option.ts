import { OptionError } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import { parseIdentifier } from '../identifier.ts'
import { show } from '../options/show.ts'

/** @throws OptionError when the value of an option is no identifier */
export function identifierOf (option: string, value: string): IdentifierParts {
  try {
    return parseIdentifier(value)
  } catch (error) {
    throw new OptionError(`${option} ${(error as Error).message}, and is ${show(value)}`)
  }
}
