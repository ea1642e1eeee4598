import { routeLabel } from './route-label.ts'
import type { RoutePolicy } from './route-policy.ts'
import { compileRoutePolicy } from './route-policy.ts'

/** A route, as far as its rule is concerned. */
export interface RuledRoute {
  /** `config.oauth` is the rule, as it was written. */
  readonly config?: { readonly oauth?: unknown } | undefined
  readonly method: string | readonly string[]
  readonly url?: string | undefined
}

/** The compiled rules of the routes of one scope. */
export interface RoutePolicies {
  /** @throws OptionError when the rule makes no sense */
  ruleOf (route: RuledRoute): RoutePolicy
  /** Where the pinned challenges of these routes point, with the route that does. */
  readonly pinnedPointers: ReadonlyMap<string, string>
  /** The scopes that these routes, and what is called through them, ask for: each with a route or option that does. */
  readonly requiredScopes: ReadonlyMap<string, string>
  /** Adds scopes that are asked for beside the policies of routes, by the tools of an MCP endpoint for instance. */
  addRequiredScopes (scopes: ReadonlyMap<string, string>): void
}

/** Every rule is compiled once: at registration or, for routes older than the plugin, when it is first asked for. */
export function createRoutePolicies (): RoutePolicies {
  const compiled = new WeakMap<object, RoutePolicy>()
  const pinnedPointers = new Map<string, string>()
  const requiredScopes = new Map<string, string>()

  const compile = (config: unknown, { method, url = '' }: RuledRoute): RoutePolicy => {
    const route = routeLabel(method, url)
    const rule = compileRoutePolicy(config, route)
    if (rule.pinnedPointer !== null) pinnedPointers.set(rule.pinnedPointer, route)
    for (const scope of rule.scopes?.alternatives.flat() ?? []) requiredScopes.set(scope, route)
    return rule
  }
  return {
    pinnedPointers,
    requiredScopes,
    addRequiredScopes (scopes) {
      for (const [scope, place] of scopes) requiredScopes.set(scope, place)
    },
    ruleOf (route) {
      const config = route.config?.oauth
      if (typeof config !== 'object' || config === null) return compile(config, route)
      let rule = compiled.get(config)
      if (rule === undefined) {
        rule = compile(config, route)
        compiled.set(config, rule)
      }
      return rule
    }
  }
}
