import fc from 'fast-check'
import { test } from 'tap'
import { createFetch } from '../../../../lib/client/fetch/create-fetch.ts'
import { SessionError } from '../../../../lib/errors/client-errors.ts'
import type { Session } from '../../../../lib/client/session/session.ts'
import type { TokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createMemoryTokenStore } from '../../../../lib/stores/tokens/token-store.ts'
import { createSessionFixture } from '../../../support/client-session.ts'

const resource = 'https://api.example.com'

/** What happens, in the order in which it is begun; what it leads to is interleaved by the scheduler. */
type Step =
  | { readonly kind: 'call', readonly process: number }
  | { readonly kind: 'kill' }
  | { readonly kind: 'fail', readonly times: number }
  | { readonly kind: 'wait', readonly seconds: number }
  | { readonly kind: 'sign_in' }
  | { readonly kind: 'sign_out' }
  | { readonly kind: 'settle' }

const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('call' as const), process: fc.nat(1) }), weight: 8 },
  { arbitrary: fc.constant({ kind: 'kill' as const }), weight: 3 },
  { arbitrary: fc.record({ kind: fc.constant('fail' as const), times: fc.integer({ min: 1, max: 3 }) }), weight: 1 },
  { arbitrary: fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 400 }) }), weight: 1 },
  { arbitrary: fc.constant({ kind: 'sign_in' as const }), weight: 1 },
  { arbitrary: fc.constant({ kind: 'sign_out' as const }), weight: 1 },
  { arbitrary: fc.constant({ kind: 'settle' as const }), weight: 3 }
)

test('whatever happens at the same time (R20, R22, R23, R24, R25, R29, R30, RFSH-04, RFSH-05)', async t => {
  await fc.assert(fc.asyncProperty(fc.scheduler(), fc.array(step, { minLength: 3, maxLength: 30 }), async (scheduler, steps) => {
    const memory = createMemoryTokenStore()
    const store: TokenStore = {
      read: scheduler.scheduleFunction(async () => await memory.read()),
      write: scheduler.scheduleFunction(async (tokens, insteadOf) => await memory.write(tokens, insteadOf)),
      exclusively: memory.exclusively
    }
    const { server, clock, sibling } = createSessionFixture({ tokenStore: store })
    const answer = scheduler.scheduleFunction(async (work: () => unknown) => work())
    /** Refresh tokens that gave tokens. */
    const usedUp = new Set<string>()
    const problems: string[] = []
    let requests = 0
    /** What makes a token request necessary: a token that was killed or expired, and a request that failed. */
    let deaths = 0
    const refresh = async (tokens: Parameters<typeof server.refresh>[0], signal: AbortSignal) => {
      requests++
      if (usedUp.has(tokens.refreshToken!)) problems.push('a refresh token was shown after it was used up')
      await answer(() => {})
      const renewed = await server.refresh(tokens, signal)
      usedUp.add(tokens.refreshToken!)
      await answer(() => {})
      return renewed
    }
    const sessions: Session[] = [0, 1].map(() => sibling({ refresh, attempts: 1, coolDownMs: 10 }))
    const fetches = sessions.map(session => {
      /** By access token: which generation of the session it was when it was refused. */
      const refused = new Map<string, number>()
      return createFetch({
        session,
        resource,
        fetch: async (_input, init) => {
          const token = new Headers(init!.headers).get('authorization')!.split(' ')[1]!
          if ((refused.get(token) ?? session.generation) !== session.generation) problems.push(`${token} was presented after it was refused and replaced`)
          await answer(() => {})
          if (server.live.has(token)) return new Response()
          const response = new Response(null, { status: 401 })
          await answer(() => {})
          refused.set(token, session.generation)
          return response
        }
      })
    })

    const running: Array<Promise<unknown>> = [sessions[0]!.signIn(server.grant())]
    await scheduler.waitFor(running[0]!)
    for (const what of steps) {
      switch (what.kind) {
        case 'call':
          running.push(fetches[what.process]!(resource).catch((error: unknown) => {
            if (!(error instanceof SessionError)) throw error
          }))
          break
        case 'kill':
          deaths += server.live.size
          server.live.clear()
          break
        case 'fail':
          for (let i = 0; i < what.times; i++) server.next.push(new TypeError('fetch failed'))
          deaths += what.times
          break
        case 'wait':
          clock.advance(what.seconds)
          // Those of a session that somebody signed in over expire, too, while it is renewed.
          deaths += server.live.size
          break
        case 'sign_in':
          running.push(sessions[0]!.signIn(server.grant(`user-${running.length}`)))
          break
        case 'sign_out':
          running.push(sessions[0]!.signOut())
          break
        case 'settle':
          await scheduler.waitFor(Promise.all(running))
      }
    }
    await scheduler.waitFor(Promise.all(running))

    if (problems.length > 0) throw new Error(problems.join())
    for (const session of sessions) {
      await scheduler.waitFor(session.token().catch((error: unknown) => {
        if (!(error instanceof SessionError)) throw error
      }))
    }
    if (requests > deaths) throw new Error(`${requests} token requests for ${deaths} deaths`)
  }), { numRuns: 200 })
  t.pass()
})
