import { RefreshError } from '../../lib/errors/client-errors.ts'
import type { Refresh } from '../../lib/client/session/refresh-retries.ts'
import type { SessionOptions } from '../../lib/client/session/session-options.ts'
import type { Session } from '../../lib/client/session/session.ts'
import { createSession } from '../../lib/client/session/session.ts'
import type { Wait } from '../../lib/client/session/time-limit.ts'
import { createMemoryTokenStore } from '../../lib/stores/tokens/token-store.ts'
import type { TokenSet, TokenStore } from '../../lib/stores/tokens/token-store.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'

export interface PendingWait {
  readonly ms: number
  /** Lets the time pass. */
  end (): void
}

/** Time that passes when a test says so. */
export interface ManualWait {
  readonly wait: Wait
  /** Those that were begun and are neither over nor given up. */
  readonly pending: Set<PendingWait>
  /** The wait of so long that is under way, or the next one to be begun. */
  of (ms: number): Promise<PendingWait>
}

function createManualWait (): ManualWait {
  const pending = new Set<PendingWait>()
  const wanted: Array<{ ms: number, resolve: (wait: PendingWait) => void }> = []
  return {
    pending,
    async wait (ms, signal) {
      await new Promise<void>((resolve, reject) => {
        const one: PendingWait = {
          ms,
          end () {
            pending.delete(one)
            resolve()
          }
        }
        const abort = (): void => {
          pending.delete(one)
          reject(new Error('given up', { cause: signal.reason }))
        }
        if (signal.aborted) abort()
        else signal.addEventListener('abort', abort, { once: true })
        if (signal.aborted) return
        pending.add(one)
        const at = wanted.findIndex(({ ms: of }) => of === ms)
        if (at !== -1) wanted.splice(at, 1)[0]!.resolve(one)
      })
    },
    async of (ms) {
      for (const one of pending) if (one.ms === ms) return one
      return await new Promise(resolve => { wanted.push({ ms, resolve }) })
    }
  }
}

/** An authorization server that rotates, and takes a refresh token that comes twice for stolen. */
export interface RotatingServer {
  readonly refresh: Refresh
  /** The refresh tokens that it was shown, in order. */
  readonly presented: string[]
  /** What the next requests come to, before any is answered as it should be: an error, or what is to be done first. */
  readonly next: Array<Error | (() => unknown)>
  /** A session of its own. */
  grant (user?: string): TokenSet
  readonly live: Set<string>
}

export const lifetimeMs = 300_000

function createRotatingServer (clock: TestClock, options: { rotates?: boolean } = {}): RotatingServer {
  const { rotates = true } = options
  const live = new Set<string>()
  /** By refresh token: of whom it is, and whether it was used. */
  const grants = new Map<string, { user: string, used: boolean }>()
  const stolen = new Set<string>()
  const presented: string[] = []
  const next: RotatingServer['next'] = []
  let serial = 0

  const issue = (user: string, refreshToken: string): TokenSet => {
    const accessToken = `access-${user}-${++serial}`
    live.add(accessToken)
    return { accessToken, tokenType: 'Bearer', refreshToken, expiresAt: clock.now() + lifetimeMs, scopes: ['read'] }
  }
  const newRefreshToken = (user: string): string => {
    const refreshToken = `refresh-${user}-${++serial}`
    grants.set(refreshToken, { user, used: false })
    return refreshToken
  }
  return {
    presented,
    next,
    live,
    grant: (user = 'ann') => issue(user, newRefreshToken(user)),
    async refresh ({ refreshToken, accessToken }, signal) {
      presented.push(refreshToken!)
      const first = next.shift()
      if (first instanceof Error) throw first
      await first?.()
      signal.throwIfAborted()
      const grant = grants.get(refreshToken!)
      if (grant === undefined || stolen.has(grant.user) || grant.used) {
        if (grant !== undefined) stolen.add(grant.user)
        throw new RefreshError('over', { message: 'invalid_grant', responseStatus: 400, oauthError: 'invalid_grant' })
      }
      live.delete(accessToken)
      if (!rotates) return { ...issue(grant.user, refreshToken!), refreshToken: null, scopes: null }
      grant.used = true
      return issue(grant.user, newRefreshToken(grant.user))
    }
  }
}

export interface SessionFixture {
  readonly session: Session
  readonly server: RotatingServer
  readonly clock: TestClock
  readonly store: TokenStore
  readonly time: ManualWait
  readonly states: string[]
  /** Another session over the same store, as another process has it. */
  sibling (options?: Partial<SessionOptions>): Session
}

export function createSessionFixture (options: Partial<SessionOptions> & { rotates?: boolean } = {}): SessionFixture {
  const { rotates = true, ...given } = options
  const clock = createTestClock()
  const server = createRotatingServer(clock, { rotates })
  const time = createManualWait()
  const states: string[] = []
  const store = given.tokenStore ?? createMemoryTokenStore()
  const open = (more: Partial<SessionOptions> = {}): Session => createSession({
    tokenStore: store, refresh: server.refresh, clock, wait: time.wait, random: () => 0.5, onChange: state => states.push(state), ...given, ...more
  })
  return { session: open(), server, clock, store, time, states, sibling: (more = {}) => open({ onChange: () => {}, ...more }) }
}

/** Makes an error a value, so that it can be looked at. */
export async function failureOf (promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(() => null, (error: unknown) => error)
}
