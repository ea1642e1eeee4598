import { isDeepStrictEqual } from 'node:util'
import type { RoutePolicy } from '../policy/route-policy.ts'
import { withRefusals } from './responses.ts'
import type { BindingSettings, NamedScheme, NamedSchemes, OpenApiSettings, SecurityScheme } from './scheme.ts'
import { certificateScheme, dpopScheme, securityOf, securityScheme } from './scheme.ts'

type Schema = Readonly<Record<string, unknown>>

/** The parts of a route that its description uses. The schema is a copy for the document; the route's own is not changed. */
export interface DescribedRoute {
  schema?: object | undefined
}

/** An OpenAPI 3 document that is being made. */
export interface OpenApiDocument {
  readonly openapi?: string
  components?: { securitySchemes?: object }
}

/** What the description of a route takes from its resource. */
export interface DescribedResource {
  readonly settings: OpenApiSettings
  readonly advertisedIssuers: readonly string[]
  readonly binding: BindingSettings
}

/** The protected routes of one server, and their security schemes. */
export interface OpenApiCatalogue {
  /** @param ruleOf is called late: the policy of a route may be compiled after the route was registered */
  add (route: DescribedRoute, ruleOf: () => RoutePolicy, resource: DescribedResource): void
  /** Adds the security schemes to a document, and security requirements and responses to the schemas of its routes. */
  describe (document: OpenApiDocument): void
}

interface Entry {
  readonly route: DescribedRoute
  readonly ruleOf: () => RoutePolicy
  readonly schemes: NamedSchemes
  readonly resource: DescribedResource
}

export function createOpenApiCatalogue (): OpenApiCatalogue {
  const schemes = new Map<string, SecurityScheme>()
  let entries: Entry[] = []

  /** Two resources with the same issuers share a scheme, others get a name of their own. */
  const named = (wanted: string, scheme: SecurityScheme): NamedScheme => {
    let name = wanted
    for (let number = 2; schemes.has(name) && !isDeepStrictEqual(schemes.get(name), scheme); number++) name = `${wanted}-${number}`
    schemes.set(name, scheme)
    return { name, scheme }
  }
  return {
    add (route, ruleOf, resource) {
      const { settings, advertisedIssuers, binding: { dpop, certificates } } = resource
      const token = named(settings.scheme, securityScheme(settings, advertisedIssuers, dpop))
      const needsNoOther = dpop === 'off' || token.scheme.scheme === 'dpop'
      entries.push({
        route,
        ruleOf,
        resource,
        schemes: {
          token,
          dpop: needsNoOther ? null : named(`${token.name}-dpop`, dpopScheme),
          certificate: certificates === 'off' ? null : named(`${token.name}-certificate`, certificateScheme)
        }
      })
    },
    describe (document) {
      // OpenAPI 3.0 has no type for certificates.
      if (document.openapi?.startsWith('3.0') === true) withoutCertificates(schemes)
      document.components = {
        ...document.components,
        securitySchemes: { ...Object.fromEntries(schemes), ...document.components?.securitySchemes }
      }
      // Schemas in another language (zod for example) are converted by a plugin that would not know these members.
      const translated = entries.some(({ route }) => isOfAnotherLanguage(route.schema as Schema | undefined))
      for (const { route, ruleOf, resource: { settings, binding }, schemes: { certificate, ...others } } of entries) {
        const known = { ...others, certificate: certificate !== null && schemes.has(certificate.name) ? certificate : null }
        route.schema = describedSchema(route.schema as Schema | undefined, ruleOf(), known, binding, settings.responses && !translated)
      }
      entries = []
    }
  }
}

/** A copy: the route validates and serializes by the original schema. */
function describedSchema (own: Schema = {}, rule: RoutePolicy, schemes: NamedSchemes, binding: BindingSettings, responses: boolean): object {
  const response = responses ? withRefusals(own.response as Schema | undefined, rule) : own.response
  return { ...own, security: own.security ?? securityOf(rule, schemes, binding), ...response !== undefined && { response } }
}

function withoutCertificates (schemes: Map<string, SecurityScheme>): void {
  for (const [name, { type }] of schemes) if (type === 'mutualTLS') schemes.delete(name)
}

function isOfAnotherLanguage (schema: Schema | undefined): boolean {
  const parts = Object.values({ ...schema, ...schema?.response as Schema | undefined })
  return parts.some(part => typeof (part as { safeParse?: unknown } | null | undefined)?.safeParse === 'function')
}
