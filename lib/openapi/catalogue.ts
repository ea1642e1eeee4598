import { isDeepStrictEqual } from 'node:util'
import type { RoutePolicy } from '../policy/route-policy.ts'
import { withRefusals } from './responses.ts'
import type { OpenApiSettings, SecurityScheme } from './scheme.ts'
import { securityOf, securityScheme } from './scheme.ts'

type Schema = Readonly<Record<string, unknown>>

/** The parts of a route that its description uses. The schema is a copy for the document; the route's own is not changed. */
export interface DescribedRoute {
  schema?: object | undefined
}

/** An OpenAPI 3 document that is being made. */
export interface OpenApiDocument {
  components?: { securitySchemes?: object }
}

/** The protected routes of one server, and their security schemes. */
export interface OpenApiCatalogue {
  /** @param ruleOf is called late: the policy of a route may be compiled after the route was registered */
  add (route: DescribedRoute, ruleOf: () => RoutePolicy, rules: OpenApiSettings, advertisedIssuers: readonly string[]): void
  /** Adds the security schemes to a document, and security requirements and responses to the schemas of its routes. */
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
      // Schemas in another language (zod for example) are converted by a plugin that would not know these members.
      const translated = entries.some(({ route }) => isOfAnotherLanguage(route.schema as Schema | undefined))
      for (const { route, ruleOf, name, scheme, responses } of entries) {
        route.schema = describedSchema(route.schema as Schema | undefined, ruleOf(), name, scheme, responses && !translated)
      }
      entries = []
    }
  }
}

/** A copy: the route validates and serializes by the original schema. */
function describedSchema (own: Schema = {}, rule: RoutePolicy, name: string, scheme: SecurityScheme, responses: boolean): object {
  const response = responses ? withRefusals(own.response as Schema | undefined, rule) : own.response
  return { ...own, security: own.security ?? securityOf(rule, name, scheme), ...response !== undefined && { response } }
}

function isOfAnotherLanguage (schema: Schema | undefined): boolean {
  const parts = Object.values({ ...schema, ...schema?.response as Schema | undefined })
  return parts.some(part => typeof (part as { safeParse?: unknown } | null | undefined)?.safeParse === 'function')
}
