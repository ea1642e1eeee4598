import { OptionError } from '../errors/errors.ts'
import type { IdentifierParts } from '../identifier.ts'
import { parseIdentifier } from '../identifier.ts'
import { show } from '../options/show.ts'

/**
 * The parts of an identifier or URL that an option holds.
 *
 * @throws OptionError that names the option and its value
 */
export function parseIdentifierOption (option: string, value: string, allowInsecureHttp: boolean): IdentifierParts {
  try {
    return parseIdentifier(value, allowInsecureHttp)
  } catch (error) {
    throw new OptionError(`${option} ${(error as Error).message}, got ${show(value)}`)
  }
}
