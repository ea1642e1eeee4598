import type { FastifyInstance } from 'fastify'
import type { RouteConfigHolder } from '../../lib/policy/route-policies.ts'

/** A registered route: what Fastify keeps of it. */
export interface ListedRoute {
  readonly config: RouteConfigHolder
  /** The scope that it was registered in. */
  readonly server: FastifyInstance
}

interface PrintedRoute {
  readonly store?: Partial<ListedRoute> | null
}

/**
 * Lists all routes of a server. `onRoute` hooks see only routes that are registered after them, and only those of their
 * scope. Fastify visits every route only in `printRoutes`, so that is called; its output is not used.
 *
 * @returns empty where this version of Fastify prints routes in another way
 */
export function listRoutes (app: FastifyInstance): readonly ListedRoute[] {
  const routes: ListedRoute[] = []
  const collect = ({ store }: PrintedRoute): object => {
    if (store?.config !== undefined && store.server !== undefined) routes.push({ config: store.config, server: store.server })
    return {}
  }
  app.printRoutes({
    includeMeta: true,
    // The printer sets its own function, which hides the configuration of routes.
    get buildPrettyMeta () { return collect },
    set buildPrettyMeta (_hidden) {}
  } as Parameters<typeof app.printRoutes>[0])
  return routes
}
