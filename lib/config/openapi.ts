import { OptionError } from '../errors/errors.ts'
import type { OpenApiSettings } from '../openapi/scheme.ts'
import { closed, text, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { Type } from '../options/type.ts'

export interface OpenApiOptions {
  /** How routes are described in the OpenAPI document of `@fastify/swagger`, where it is registered; `false`: not at all. */
  openapi?: false | {
    /** The name of the security scheme. Default: `oauth`. */
    scheme?: string
    /**
     * `openIdConnect` (default): names the first advertised issuer and the scopes; `bearer`: for issuers without an OpenID
     * Connect discovery document.
     */
    type?: 'openIdConnect' | 'bearer'
    /** A Security Scheme Object of your own, in place of the generated one. */
    definition?: Readonly<Record<string, unknown>>
    /** Whether the responses 401, 403 and 503 are described. Default: true. */
    responses?: boolean
  }
}

/** @internal */
export const openApiSchemas: OptionSchemas<keyof OpenApiOptions> = optionGroup<OpenApiOptions>()({
  openapi: Type.Optional(Type.Union([
    Type.Literal(false),
    Type.Object({
      scheme: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9._-]+$' })),
      type: Type.Optional(Type.Enum(['openIdConnect', 'bearer'])),
      definition: Type.Optional(typed<Record<string, unknown>>(Type.Object({ type: text }))),
      responses: Type.Optional(Type.Boolean())
    }, closed)
  ]))
})

/**
 * `null`: routes are not described.
 *
 * @throws OptionError
 */
export function resolveOpenApi ({ openapi = {} }: OpenApiOptions): OpenApiSettings | null {
  if (openapi === false) return null
  const { scheme = 'oauth', type = 'openIdConnect', definition = null, responses = true } = openapi
  if (definition !== null && openapi.type !== undefined) throw new OptionError('openapi.type and openapi.definition contradict each other; remove one')
  return Object.freeze({ scheme, type, definition, responses })
}
