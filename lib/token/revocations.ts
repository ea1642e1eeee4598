import { describeError } from '../errors/detail.ts'
import { UnavailableError, withoutStackTrace } from '../errors/errors.ts'
import type { RevocationStore } from '../stores/revocations/revocation-store.ts'
import { isPromise, withinTime } from '../time-limit.ts'
import type { AccessToken } from './access-token.ts'
import { refused } from './jwt.ts'

/**
 * Asks the revocation store about a verified token: on every request, as a token may have been revoked since it was last
 * used. A store that throws, answers with no boolean, or does not answer in time has not answered.
 *
 * @param onRevoked called when the token was revoked
 * @returns the token, with a promise only where the store answers with one
 * @throws InvalidTokenError when the token was revoked
 * @throws UnavailableError when the store gave no answer
 */
export function checkNotRevoked (
  accessToken: AccessToken, revocations: RevocationStore, timeoutMs: number, onRevoked: () => void
): AccessToken | Promise<AccessToken> {
  const decide = (revoked: unknown): AccessToken => {
    if (revoked === false) return accessToken
    if (revoked === true) onRevoked()
    // A non-boolean answer counts as unavailable.
    throw revoked === true
      ? refused('token_revoked', { expected: 'a token that is not revoked', received: 'isRevoked returned true' })
      : unavailable(new TypeError(`isRevoked must return a boolean, and returned ${typeof revoked}`))
  }
  let answer: boolean | Promise<boolean>
  try {
    answer = revocations.isRevoked(accessToken)
  } catch (error) {
    throw unavailable(error)
  }
  if (!isPromise(answer)) return decide(answer)
  return withinTime(answer, timeoutMs).then(decide, (error: unknown) => { throw unavailable(error) })
}

function unavailable (cause: unknown): UnavailableError {
  return withoutStackTrace(() => new UnavailableError('revocations_unavailable', 5, cause, {
    expected: 'an answer of the revocation store', received: describeError(cause)
  }))
}
