import { isDeepStrictEqual } from 'node:util'
import type { OAuthResourceServerOptions } from '../../config/options.ts'
import { printable } from '../../errors/detail.ts'

type Members = Readonly<Record<string, unknown>>
type Options = OAuthResourceServerOptions<never>

/** A change of the options: of those of the plugin, or of those of one issuer. */
export type Change =
  | { readonly of: 'plugin', readonly set: Members }
  | { readonly of: 'issuer', readonly issuer: string, readonly set: Members }
  /** Another entry of `authorizationServers`. */
  | { readonly of: 'issuers', readonly issuer: string, readonly set: Members }

/** The line of configuration that makes a change, as it is written in a JavaScript file. */
export function lineOf (change: Change): string {
  switch (change.of) {
    case 'plugin': return membersOf(change.set)
    case 'issuer': case 'issuers': return `authorizationServers: [${literal({ issuer: change.issuer, ...change.set })}]`
  }
}

/** The options with a change; the given ones stay as they are. */
export function withChange (options: Options, change: Change): Options {
  const entries = options.authorizationServers
  switch (change.of) {
    case 'plugin': return { ...options, ...change.set }
    case 'issuers': return { ...options, authorizationServers: [...entries, { ...change.set, issuer: change.issuer }] }
    case 'issuer': return {
      ...options,
      authorizationServers: entries.map(entry => {
        const own = typeof entry === 'string' ? { issuer: entry } : entry
        return own.issuer === change.issuer ? { ...own, ...change.set } : entry
      })
    }
  }
}

/** Changes that are written together: one entry for each issuer. */
export function joinChanges (changes: readonly Change[]): readonly Change[] {
  const joined: Change[] = []
  for (const change of changes) {
    const same = joined.findIndex(one => change.of === 'plugin' ? one.of === 'plugin' : one.of !== 'plugin' && one.issuer === change.issuer)
    if (same === -1) joined.push(change)
    else joined[same] = { ...joined[same]!, set: { ...joined[same]!.set, ...change.set } }
  }
  return joined
}

export function isSameChange (one: Change, other: Change): boolean {
  return isDeepStrictEqual(one, other)
}

function membersOf (members: Members): string {
  return Object.entries(members).map(([name, value]) => `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : literal(name)}: ${literal(value)}`).join(', ')
}

/** A value as JavaScript, in single quotes. Strings of a token are shortened, and cannot end the string or the line. */
function literal (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`
  if (typeof value === 'object' && value !== null) return `{ ${membersOf(value as Members)} }`
  return typeof value === 'string' ? `'${printable(value, 200).replace(/[\\']/g, '\\$&')}'` : String(value)
}
