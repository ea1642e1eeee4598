import { OptionError } from '../../errors/errors.ts'
import type { IdentifierError } from '../../errors/syntax-errors.ts'
import { parseIdentifier } from '../../identifier.ts'
import { show } from '../../options.ts'

/** Whether a token goes to a URL. */
export type Cover = (url: URL) => boolean

/**
 * By origin and path, whole segments of it: the neighbours on one host may be strangers.
 *
 * @throws OptionError
 */
export function createCover (resources: readonly string[]): Cover {
  const covered = resources.map(resource => {
    try {
      parseIdentifier(resource)
    } catch (error) {
      throw new OptionError(`resource ${(error as IdentifierError).message}, and is ${show(resource)}`)
    }
    const { origin, pathname } = new URL(resource)
    return { origin, path: pathname.replace(/\/$/, '') }
  })
  return ({ origin, pathname }) => covered.some(one => one.origin === origin && (pathname === one.path || pathname.startsWith(`${one.path}/`)))
}
