import type { FastifyInstance } from 'fastify'

/** A route of a server, as far as the server's own listing shows it. */
export interface ListedRoute {
  readonly method: string | readonly string[]
  readonly url: string
  /** `config.oauth`, without what JSON cannot hold: its functions. */
  readonly oauth: unknown
  /** Names of the `onError` hooks that apply to it, those of the outermost scope first. */
  readonly onErrorHooks: readonly string[]
}

/**
 * Lists all routes of a server that is ready. `onRoute` hooks see only routes that are registered after them; the listing
 * also has the older ones, and those of scopes that a hook does not reach.
 *
 * @returns `null` when the `config` of a route cannot be listed, as it is circular
 */
export function listRoutes (app: FastifyInstance): ListedRoute[] | null {
  let listing: string
  try {
    listing = app.printRoutes({ commonPrefix: false, includeMeta: ['config', 'onError'] } as Parameters<typeof app.printRoutes>[0])
  } catch {
    return null
  }
  return [...listing.matchAll(/• \(config\) (.*)(?:\n.*• \(onError\) (.*))?/g)].map(([, config, onError = '[]']) => {
    const { method, url, oauth } = JSON.parse(config!) as Pick<ListedRoute, 'method' | 'url' | 'oauth'>
    return { method, url, oauth, onErrorHooks: (JSON.parse(onError) as string[]).map(name => name.replace(/\(\)$/, '')) }
  })
}
