import type { Clock } from '../../clock.ts'
import type { ChallengeHint } from '../fetch/challenge-hint.ts'

/** Keeps an authorization that did not help from being asked for again and again. */
export interface StepUpLimit {
  /** Whether what a challenge asks for was asked for a moment ago, to no avail. */
  isExhausted (hint: ChallengeHint): boolean
  /** That was asked for now. */
  asked (scopes: readonly string[] | null, hint: ChallengeHint): void
  /** A request was let in with what was authorized last. */
  worked (): void
}

/**
 * @param coolDownMs how long the same question is not asked again
 */
export function createStepUpLimit (coolDownMs: number, clock: Clock): StepUpLimit {
  let last: { at: number, scopes: readonly string[], authentication: string, worked: boolean } | null = null
  return {
    isExhausted (hint) {
      if (last === null) return false
      // A user who authenticated longer ago than that has to do it again.
      const isOver = clock.now() - last.at >= Math.min(coolDownMs, (hint.maxAgeSeconds ?? Infinity) * 1000)
      const isNew = authenticationOf(hint) !== last.authentication && authenticationOf(hint) !== ''
      if (isOver || isNew) return false
      // A token that worked and does no longer is a matter of time, whatever it was good for.
      if (hint.error !== 'insufficient_scope' && hint.error !== 'insufficient_user_authentication') return !last.worked
      return (hint.scopes ?? []).every(scope => last!.scopes.includes(scope))
    },
    asked (scopes, hint) {
      last = { at: clock.now(), scopes: scopes ?? [], authentication: authenticationOf(hint), worked: false }
    },
    worked () {
      if (last !== null) last.worked = true
    }
  }
}

function authenticationOf ({ acrValues, maxAgeSeconds }: ChallengeHint): string {
  return acrValues.length === 0 && maxAgeSeconds === null ? '' : JSON.stringify([acrValues, maxAgeSeconds])
}
