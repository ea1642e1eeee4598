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
    throw new OptionError(`${option} ${(error as Error).message}, got ${show(value)}${fixFor(value, allowInsecureHttp)}`)
  }
}

/** How to make an identifier of the value, where that is likely; or nothing. */
export function fixFor (value: string, allowInsecureHttp: boolean): string {
  if (!value.includes(':') && value.includes('.') && isIdentifier(`https://${value}`, false)) return `. Did you mean ${show(`https://${value}`)}?`
  if (allowInsecureHttp || isIdentifier(value, false) || !isIdentifier(value, true)) return ''
  return '. For development in containers or a local network, set allowInsecureHttp'
}

function isIdentifier (value: string, allowInsecureHttp: boolean): boolean {
  try {
    parseIdentifier(value, allowInsecureHttp)
    return true
  } catch {
    return false
  }
}
