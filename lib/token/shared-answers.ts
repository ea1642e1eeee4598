import { hash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { IntrospectionCache } from '../stores/introspection/introspection-cache.ts'
import { isPromise, withinTime } from '../time-limit.ts'
import type { ExpectedToken } from './expected-token.ts'
import type { Introspected } from './from-introspection.ts'
import { accessTokenFromIntrospection } from './from-introspection.ts'

/** Answers of one issuer that servers share. */
export interface SharedAnswers {
  /**
   * What another server was answered about a token; `null` when none was, or its time is over. It is held to the rules of
   * this server, as an answer of the issuer is.
   *
   * @throws InvalidTokenError, and what the cache throws
   */
  find (token: string): Promise<Introspected | null>
  /** Keeps an answer for the others. Nothing waits for it, and it never throws. */
  share (token: string, members: Readonly<Record<string, unknown>>, { accessToken }: Introspected, askedAtMs: number): void
}

export interface SharedAnswersSettings {
  /** The issuer may answer each client of its introspection endpoint in another way. */
  readonly clientId: string
  /** How long an answer may be used from the time of the question on. */
  readonly cacheMs: number
  readonly timeoutMs: number
  readonly clock: Clock
}

export function createSharedAnswers (cache: IntrospectionCache, expected: ExpectedToken, { clientId, cacheMs, timeoutMs, clock }: SharedAnswersSettings): SharedAnswers {
  const keyOf = (token: string): string => hash('sha256', JSON.stringify([expected.issuer, clientId, token]), 'base64url')
  return {
    async find (token) {
      const got = cache.get(keyOf(token))
      const found = isPromise(got) ? await withinTime(got, timeoutMs) : got
      const now = clock.now()
      // The cache may be configured with longer times at another server, or have a clock of its own.
      if (!found || now >= found.untilMs) return null
      return { ...accessTokenFromIntrospection(found.members, expected, now / 1000), maxAgeMs: Math.min(found.untilMs - now, cacheMs) }
    },
    share (token, members, { accessToken: { expiresAt } }, askedAtMs) {
      const untilMs = Math.min(askedAtMs + cacheMs, expiresAt === null ? Infinity : expiresAt * 1000)
      const answer = { members: withoutToken(members, token), untilMs }
      // The request has its answer; a cache that fails reports that itself.
      Promise.resolve().then(() => cache.set(keyOf(token), answer)).catch(() => {})
    }
  }
}

/** Some servers repeat the token in their answer. */
function withoutToken (members: Readonly<Record<string, unknown>>, token: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => !JSON.stringify(value).includes(JSON.stringify(token).slice(1, -1))))
}
