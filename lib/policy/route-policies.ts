import { OptionError } from '../errors/errors.ts'
import type { RouteDefaults, RoutePolicy } from './route-policy.ts'
import { compileRoutePolicy } from './route-policy.ts'

/** The name of a route in logs, events and messages: method and pattern, as in `GET /projects/:id`. */
export function routeLabel (method: string | readonly string[], pattern: string): string {
  return `${String(method)} ${pattern}`
}

/** Where the `config` of a route has its compiled policy, for a look-up without a call. */
export const compiled: unique symbol = Symbol('fastify-oauth-resource-server.policy')

/** The policy of one route, with the `config.oauth` that it was compiled from. */
interface CompiledRoute {
  source: unknown
  policy: RoutePolicy
  /** What was registered; `null` for a route that is older than the plugin. */
  readonly route: RegisteredRoute | null
}

/** `config` of a route, as the web framework keeps it. */
export interface RouteConfigHolder {
  readonly oauth?: unknown
  readonly method?: string | readonly string[]
  readonly url?: string
  /** @internal */
  [compiled]?: CompiledRoute
}

/** A route that is being registered. Its `config` is replaced by a copy that carries the compiled policy. */
export interface RegisteredRoute {
  config?: object | undefined
  readonly method: string | readonly string[]
  readonly url: string
}

/** The policies of the routes of one resource. */
export interface RoutePolicies {
  /**
   * Compiles the policy of a route that is being registered.
   *
   * @throws OptionError when its `config.oauth` is invalid, or is likely misspelt: the route would be less protected than meant
   */
  add (route: RegisteredRoute): void
  /**
   * Compiles all registered routes again, when the registration is over: until then, hooks of the application may have
   * changed `config.oauth` in place.
   *
   * @throws OptionError when one of them is invalid
   */
  complete (): void
  /**
   * The policy of a route, by the `config` that the web framework keeps for it. That of a route which {@link add} never
   * saw, as it is older than the plugin, is compiled when it is first asked for.
   *
   * @throws OptionError when it is invalid
   */
  policyOf (config: RouteConfigHolder): RoutePolicy
  /** Where the pinned challenges of these routes point, with the route that does. */
  readonly pinnedPointers: ReadonlyMap<string, string>
  /** The scopes that these routes and their tools require, each with a route or option that requires it. */
  readonly requiredScopes: ReadonlyMap<string, string>
  /** Adds scopes that are asked for beside the policies of routes, by the tools of an MCP endpoint for instance. */
  addRequiredScopes (scopes: ReadonlyMap<string, string>): void
}

/** Only likely misspellings of `oauth`. `auth` is not one: other plugins use it. */
const misspellings = /^(?:oath|oauht|ouath|oaut|oauthh|ouauth|oauth2)$/i

function checkSpelling (config: object | undefined, label: string): void {
  const misspelt = Object.keys(config ?? {}).find(name => misspellings.test(name) || (name !== 'oauth' && name.toLowerCase() === 'oauth'))
  if (misspelt !== undefined) throw new OptionError(`config of ${label}: unknown option ${JSON.stringify(misspelt)}. Did you mean "oauth"?`)
}

export function createRoutePolicies (defaults: RouteDefaults): RoutePolicies {
  const registered: CompiledRoute[] = []
  const added = new Map<string, string>()
  let pinnedPointers = new Map<string, string>()
  let requiredScopes = new Map<string, string>()

  const compile = (config: unknown, method: string | readonly string[], url: string): RoutePolicy => {
    const label = routeLabel(method, url)
    const policy = compileRoutePolicy(config, label, defaults)
    if (policy.pinnedPointer !== null && !pinnedPointers.has(policy.pinnedPointer)) pinnedPointers.set(policy.pinnedPointer, label)
    for (const scope of policy.scopes?.alternatives.flat() ?? []) if (!requiredScopes.has(scope)) requiredScopes.set(scope, label)
    return policy
  }
  return {
    get pinnedPointers () { return pinnedPointers },
    get requiredScopes () { return requiredScopes },
    add (route) {
      const config = route.config as RouteConfigHolder | undefined
      // In nested Fastify scopes the hook runs once for each scope, but a route is compiled once.
      if (config?.[compiled]?.route === route) return
      checkSpelling(config, routeLabel(route.method, route.url))
      const entry: CompiledRoute = { source: config?.oauth, policy: compile(config?.oauth, route.method, route.url), route }
      registered.push(entry)
      route.config = { ...config, [compiled]: entry }
    },
    complete () {
      pinnedPointers = new Map()
      requiredScopes = new Map(added)
      for (const entry of registered) {
        const { config, method, url } = entry.route!
        entry.source = (config as RouteConfigHolder | undefined)?.oauth
        entry.policy = compile(entry.source, method, url)
      }
    },
    policyOf (config) {
      const entry = config[compiled]
      if (entry !== undefined && entry.source === config.oauth) return entry.policy
      const { oauth, method = '', url = '' } = config
      const policy = compile(oauth, method, url)
      config[compiled] = { source: oauth, policy, route: null }
      return policy
    },
    addRequiredScopes (scopes) {
      for (const [scope, place] of scopes) {
        added.set(scope, place)
        requiredScopes.set(scope, place)
      }
    }
  }
}
