import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { PendingConnection, StartedConnection } from './authorization-flow.ts'
import type { ChallengeHint } from '../fetch/classify.ts'
import type { ProofOfPossession } from '../oauth/dpop.ts'
import type { Session } from '../session/session.ts'

/** A client of one protected resource, from the first 401 to the last token. */
export interface Connection {
  /** The tokens, and nothing of how they are had. */
  readonly session: Session
  /** Proves the key that the tokens are bound to, where they are, to whoever sends them in another way than by `fetch`. */
  readonly proof: ProofOfPossession
  /**
   * As the global `fetch`, with an access token for URLs that the resource covers, and without one for any other. What a
   * challenge asks for is done: a refresh, a first authorization, one that covers more. The request is then made again, if
   * its body can be. Whoever gives up by a signal is let go; an authorization that others wait for goes on.
   *
   * @throws AuthorizationError when there is no authorization to be had
   * @throws SessionError when there is a session, and no token of it to send
   * @throws RequestError when no answer came, and the reason of the signal when that was aborted
   */
  readonly fetch: typeof globalThis.fetch
  /**
   * Gets tokens now, whether there are some or not.
   *
   * @param hint what a challenge asked for; `readChallenge` reads it
   * @throws AuthorizationError `FST_OAUTH_SIGN_IN_NEEDED` where the host itself sends users to the authorization server
   */
  authorize (hint?: ChallengeHint): Promise<void>
  /**
   * Starts an authorization of a user whose browser comes to the host's own server: keep `pending`, send them to `url`.
   *
   * @throws AuthorizationError
   */
  begin (hint?: ChallengeHint): Promise<StartedConnection>
  /**
   * Finishes it, with the URL that the browser came back to.
   *
   * @throws AuthorizationError
   */
  complete (pending: PendingConnection, answer: URL | URLSearchParams): Promise<void>
  /**
   * Forgets the tokens that are there now, whoever got them last, and gives them back to who issued them.
   *
   * @returns whether the authorization server said that they are dead
   * @throws AuthorizationError when it could not be told; here they are forgotten all the same
   * @throws SessionError when the store of the tokens failed
   *
   * After either it may be called again: what was not given back is not forgotten for that.
   *
   * @param options `forgetClients`: whether dynamic registrations are dropped, too, so that the next sign-in registers
   * anew. Default: false
   */
  signOut (options?: { readonly forgetClients?: boolean }): Promise<boolean>
  /**
   * Forgets everything about the resource: tokens, the key of proofs and dynamic registrations. Nothing is sent, and nothing
   * is revoked: for an authorization server that is gone, or one that has forgotten the client. The next sign-in starts
   * from nothing.
   *
   * @throws SessionError when the store of the tokens failed
   */
  forget (): Promise<void>
  /**
   * Ends the work of this process; the tokens stay in their store.
   *
   * @returns when the response to a token request that is under way is stored: await it before the process exits
   */
  close (): Promise<void>
}

/** The user has to sign in, and the host has to send them there: what for is in `hint`, for {@link Connection.begin}. */
export class SignInNeededError extends AuthorizationError {
  readonly hint: ChallengeHint

  constructor (hint: ChallengeHint) {
    super('FST_OAUTH_SIGN_IN_NEEDED')
    this.name = 'SignInNeededError'
    this.hint = hint
  }
}
