import { isDeepStrictEqual } from 'node:util'
import type { RoutePolicy } from '../policy/route-policy.ts'
import { withRefusals } from './responses.ts'
import type { OpenApiSettings, SecurityScheme } from './scheme.ts'
import { securityOf, securityScheme } from './scheme.ts'

type Schema = Readonly<Record<string, unknown>>

/** A route, as far as its description is concerned. The schema is what a document is made from, not what the route runs by. */
export interface DescribedRoute {
  schema?: object | undefined
}

/** An OpenAPI 3 document that is being made. */
export interface OpenApiDocument {
  components?: { securitySchemes?: object }
}

/** The routes of one server that have rules, and the security schemes that these speak of. */
export interface OpenApiCatalogue {
  /** @param ruleOf is asked late: a route may be registered before its rule makes sense */
  add (route: DescribedRoute, ruleOf: () => RoutePolicy, rules: OpenApiSettings, advertisedIssuers: readonly string[]): void
  /** Adds the schemes to a document, and what the rules ask for to the schemas that it is made from. */
  describe (document: OpenApiDocument): void
}

interface Entry {
  readonly route: DescribedRoute
  readonly ruleOf: () => RoutePolicy
  readonly name: string
  readonly scheme: SecurityScheme
  readonly responses: boolean
}

export function createOpenApiCatalogue (): OpenApiCatalogue {
  const schemes = new Map<string, SecurityScheme>()
  let entries: Entry[] = []

  /** Two resources with the same issuers share a scheme, others get a name of their own. */
  const nameOf = (wanted: string, scheme: SecurityScheme): string => {
    let name = wanted
    for (let number = 2; schemes.has(name) && !isDeepStrictEqual(schemes.get(name), scheme); number++) name = `${wanted}-${number}`
    schemes.set(name, scheme)
    return name
  }
  return {
    add (route, ruleOf, rules, advertisedIssuers) {
      const scheme = securityScheme(rules, advertisedIssuers)
      entries.push({ route, ruleOf, name: nameOf(rules.scheme, scheme), scheme, responses: rules.responses })
    },
    describe (document) {
      document.components = {
        ...document.components,
        securitySchemes: { ...Object.fromEntries(schemes), ...document.components?.securitySchemes }
      }
      // Another schema language is for its own plugin to translate, which would not know ours.
      const translated = entries.some(({ route }) => isOfAnotherLanguage(route.schema as Schema | undefined))
      for (const { route, ruleOf, name, scheme, responses } of entries) {
        route.schema = describedSchema(route.schema as Schema | undefined, ruleOf(), name, scheme, responses && !translated)
      }
      entries = []
    }
  }
}

/** A schema of its own, so that the one that the route validates and serializes by stays as it is. */
function describedSchema (own: Schema = {}, rule: RoutePolicy, name: string, scheme: SecurityScheme, responses: boolean): object {
  const response = responses ? withRefusals(own.response as Schema | undefined, rule) : own.response
  return { ...own, security: own.security ?? securityOf(rule, name, scheme), ...response !== undefined && { response } }
}

function isOfAnotherLanguage (schema: Schema | undefined): boolean {
  const parts = Object.values({ ...schema, ...schema?.response as Schema | undefined })
  return parts.some(part => typeof (part as { safeParse?: unknown } | null | undefined)?.safeParse === 'function')
}
