import Fastify from 'fastify'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import type { AttemptSession } from '../../lib/client/fetch/attempt.ts'
import type { TokenSet } from '../../lib/stores/tokens/token-store.ts'
import type { ForwardCredential, ForwardOptions, ForwardRegistration, ForwardTargetOptions } from '../../plugins/entry-points/forward.ts'
import { forward } from '../../plugins/entry-points/forward.ts'
import type { HttpAnswer, HttpRequest } from './http-request.ts'
import { send } from './http-request.ts'

export interface TestSession extends Omit<AttemptSession, 'refreshes'> {
  /** What was renewed, in order. */
  readonly renewed: string[]
  /** What was refused without a renewal, in order. */
  readonly refused: string[]
  /** What `token` gives now. */
  current: string
  refreshes: number
}

/** A session whose tokens are `token-1`, `token-2` and so on; a rejected token is renewed once, as by the real one. */
export function createTestSession (overrides: Partial<TestSession> = {}, tokenType: TokenSet['tokenType'] = 'Bearer'): TestSession {
  const renewed: string[] = []
  const refused: string[] = []
  const set = (accessToken: string): TokenSet => ({ accessToken, tokenType, refreshToken: 'refresh', expiresAt: null, scopes: null })
  const session: TestSession = {
    renewed,
    refused,
    current: 'token-1',
    refreshes: 0,
    async token () { return set(session.current) },
    async refresh (rejected) {
      if (rejected === session.current) {
        renewed.push(rejected)
        session.current = `token-${++session.refreshes + 1}`
      }
      return set(session.current)
    },
    refuse (rejected) {
      refused.push(rejected)
      return rejected === session.current ? null : set(session.current)
    },
    ...overrides
  }
  return session
}

export interface TestProxy {
  readonly app: FastifyInstance
  readonly origin: string
  /** The target that was registered at the start, when there was an upstream to register. */
  readonly target: ForwardRegistration & { readonly secret: string, readonly url: string }
  /** Asks the target, with its secret. */
  ask (rest?: string, request?: HttpRequest): Promise<HttpAnswer>
}

export interface TestProxyOptions {
  readonly upstream: string
  readonly credential?: ForwardCredential
  readonly options?: ForwardOptions
  readonly serverOptions?: FastifyServerOptions
  /** Adds to the server before the proxy is registered. */
  readonly before?: (app: FastifyInstance) => Promise<void>
  readonly target?: Partial<ForwardTargetOptions>
}

/** A proxy on loopback with one target; closed when the test ends. */
export async function startProxy (t: { teardown (close: () => unknown): unknown }, given: TestProxyOptions): Promise<TestProxy> {
  const app = Fastify({ forceCloseConnections: true, ...given.serverOptions }) as FastifyInstance
  t.teardown(() => app.close())
  await given.before?.(app)
  await app.register(forward, given.options ?? {})
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const target = app.forwardTargets.register({
    name: 'projects', identity: 'user-1', upstream: given.upstream, credential: given.credential ?? { session: createTestSession() }, ...given.target
  }) as TestProxy['target']
  return {
    app,
    origin,
    target,
    ask: (rest = '', request = {}) => send(`${target.url}${rest}`, { ...request, headers: ['x-forward-secret', target.secret, ...request.headers ?? []] })
  }
}
