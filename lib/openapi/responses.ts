import type { RoutePolicy } from '../policy/route-policy.ts'
import { Type } from '../options/type.ts'

/** The body of an error response by Fastify's default error handler. */
export const refusalBody: object = Type.Object({
  statusCode: Type.Integer(),
  code: Type.String(),
  error: Type.String(),
  message: Type.String()
})

/** The body with which a grant is refused (RFC 6749 section 4.1.2.1). */
export const grantRefusalBody: object = Type.Object({
  error: Type.Literal('access_denied'),
  error_description: Type.String()
})

type Responses = Readonly<Record<string, unknown>>

/** The error responses that the policy of a route can cause, without those that the route describes itself. */
export function withRefusals (own: Responses | undefined, { token, scopes }: RoutePolicy): Responses | undefined {
  if (token === 'none') return own
  const described = Object.keys(own ?? {}).map(code => code.toLowerCase())
  const refusals = [
    { code: '401', response: challenged('No access token that is good here') },
    { code: '403', response: scopes === null ? null : challenged(`The access token does not cover ${sentenceOf(scopes.alternatives)}`) },
    { code: '503', response: later }
  ].filter(({ code, response }) => response !== null && !described.includes(code) && !described.includes(`${code[0]!}xx`))
  return {
    // The text of @fastify/swagger for a route without described responses.
    ...own ?? { 200: { type: 'null', description: 'Default Response' } },
    ...Object.fromEntries(refusals.map(({ code, response }) => [code, response]))
  }
}

function challenged (description: string): object {
  return { ...refusalBody, description, headers: { 'WWW-Authenticate': { type: 'string', description: 'How to go on (RFC 9728)' } } }
}

const later = {
  ...refusalBody,
  description: 'The access token cannot be checked at the moment',
  headers: { 'Retry-After': { type: 'integer', description: 'Seconds' } }
}

function sentenceOf (alternatives: ReadonlyArray<readonly string[]>): string {
  return alternatives.map(scopes => scopes.join(' and ')).join(', or ')
}
