import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { parseChallenges } from '../../plugins/entry-points/client.ts'
import { bearer, createApp, optionsFor, resource } from './app.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'
import type { FakeIssuer, FakeIssuerOptions } from './issuer.ts'
import { createFakeIssuer } from './issuer.ts'

/** A protected server, its issuer and its clock. */
export interface TestServer {
  readonly app: FastifyInstance
  readonly issuer: FakeIssuer
  readonly clock: TestClock
  /** The subjects of the requests that reached the handler, in order. */
  readonly handled: Array<string | null>
  /** GET / with this token. */
  get (token: string, request?: InjectOptions): Promise<LightMyRequestResponse>
}

export interface TestServerOptions {
  readonly issuer?: FakeIssuerOptions
  readonly options?: Partial<OAuthResourceServerOptions>
  /** Options of the issuer that stand beside its identifier. */
  readonly rule?: Omit<OAuthResourceServerOptions['authorizationServers'][number] & object, 'issuer'>
}

interface Assertions {
  teardown (close: () => unknown): unknown
}

/** `/` asks for a token, `/write` for a scope, `/optional` for a token or none, `/open` for nothing. */
export async function createTestServer (t: Assertions, given: TestServerOptions = {}): Promise<TestServer> {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock, ...given.issuer })
  const trusted = { issuer: issuer.issuer, ...given.rule }
  const app = await createApp(t, optionsFor(issuer, { authorizationServers: [trusted], clock, ...given.options }))
  const handled: Array<string | null> = []
  const handler = async (request: { accessToken: { subject: string } | null }): Promise<object> => {
    handled.push(request.accessToken?.subject ?? null)
    return { accessToken: request.accessToken }
  }
  app.get('/', handler)
  app.post('/', handler)
  app.get('/write', { config: { oauth: { scopes: ['write'] } } }, handler)
  app.get('/optional', { config: { oauth: { token: 'optional' } } }, handler)
  app.get('/open', { config: { oauth: false } }, handler)
  return {
    app,
    issuer,
    clock,
    handled,
    get: (token, request = {}) => app.inject({ url: '/', ...request, headers: { ...bearer(token), ...request.headers } })
  }
}

/** What a refusal looks like from outside. */
export interface Answer {
  readonly status: number
  /** The `error` of the Bearer challenge; `null` for a challenge without, `undefined` for no challenge. */
  readonly error: string | null | undefined
  /** Whether the challenge says where to go on. */
  readonly pointer: boolean
}

export const accepted: Answer = { status: 200, error: undefined, pointer: false }
export const invalidToken: Answer = { status: 401, error: 'invalid_token', pointer: true }
export const invalidRequest: Answer = { status: 400, error: 'invalid_request', pointer: true }
export const noCredentials: Answer = { status: 401, error: null, pointer: true }
export const insufficientScope: Answer = { status: 403, error: 'insufficient_scope', pointer: true }
export const unavailable: Answer = { status: 503, error: undefined, pointer: false }

interface ResponseLike {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, number | string | readonly string[] | undefined>>
}

export function answerOf ({ statusCode, headers }: ResponseLike): Answer {
  const value = headers['www-authenticate']
  if (value === undefined) return { status: statusCode, error: undefined, pointer: false }
  const bearers = parseChallenges(String(value)).filter(({ scheme }) => scheme.toLowerCase() === 'bearer')
  const [challenge] = bearers
  if (challenge === undefined || bearers.length > 1) throw new Error(`not one Bearer challenge: ${String(value)}`)
  return {
    status: statusCode,
    error: challenge.parameters.get('error') ?? null,
    pointer: challenge.parameters.get('resource_metadata') === `${resource}/.well-known/oauth-protected-resource`
  }
}
