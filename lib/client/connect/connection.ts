import { AuthorizationError } from '../../errors/authorization-error.ts'
import type { PendingConnection, StartedConnection } from './authorization-flow.ts'
import type { ChallengeHint } from '../fetch/classify.ts'
import type { ProofOfPossession } from '../oauth/dpop.ts'
import type { Session } from '../session/session.ts'

/** A client of one protected resource: it discovers the authorization server, gets tokens, refreshes and revokes them. */
export interface Connection {
  /** The session with the tokens. */
  readonly session: Session
  /** Makes DPoP proofs for key-bound tokens (RFC 9449), for requests that are not sent by `fetch` of this connection. */
  readonly proof: ProofOfPossession
  /**
   * Like the global `fetch`. A request to a URL of the resource gets an access token; any other request gets none. If the
   * response has a challenge, the connection refreshes the token, signs in, or authorizes more scopes. It then sends the
   * request again, if its body can be sent twice. When the caller's signal is aborted, only this call ends; an authorization
   * that other requests share continues.
   *
   * @throws AuthorizationError when an authorization is needed and failed
   * @throws SessionError when the session has no token to send, and a new authorization would not help
   * @throws RequestError when there was no response; the reason of the signal when it was aborted
   */
  readonly fetch: typeof globalThis.fetch
  /**
   * Makes a new authorization, also when the session has tokens.
   *
   * @param hint the requirements of a challenge, from `readChallenge`
   * @throws AuthorizationError `FST_OAUTH_SIGN_IN_NEEDED` with the option `redirectUri`: use {@link begin} and {@link complete}
   */
  authorize (hint?: ChallengeHint): Promise<void>
  /**
   * Starts an authorization on a web server: keep `pending` for the user, and redirect the browser to `url`.
   *
   * @throws AuthorizationError
   */
  begin (hint?: ChallengeHint): Promise<StartedConnection>
  /**
   * Completes an authorization, with the URL that the browser returned to.
   *
   * @throws AuthorizationError
   */
  complete (pending: PendingConnection, answer: URL | URLSearchParams): Promise<void>
  /**
   * Ends the session: removes the tokens from the store, also tokens that another process stored, and revokes them at the
   * authorization server (RFC 7009). After an error it can be called again: tokens that are not yet revoked are kept in
   * memory for that.
   *
   * @param options `forgetClients`: whether dynamic registrations are removed too, so that the next sign-in registers a new
   * client. Default: false
   * @returns whether the authorization server revoked all of the tokens
   * @throws AuthorizationError when the revocation failed; the session has ended all the same
   * @throws SessionError when the token store failed
   */
  signOut (options?: { readonly forgetClients?: boolean }): Promise<boolean>
  /**
   * Removes all stored data: tokens, the DPoP key and dynamic registrations. Nothing is sent or revoked. Use it when the
   * authorization server no longer exists or no longer knows the client. The next sign-in starts with a new discovery.
   *
   * @throws SessionError when the token store failed
   */
  forget (): Promise<void>
  /**
   * Stops the work of this process; the tokens stay in the store. Await it before the process exits: it resolves when the
   * response to a pending token request is stored.
   */
  close (): Promise<void>
}

/** The user has to sign in: pass `hint` to {@link Connection.begin} and redirect the browser. */
export class SignInNeededError extends AuthorizationError {
  readonly hint: ChallengeHint

  constructor (hint: ChallengeHint) {
    super('FST_OAUTH_SIGN_IN_NEEDED')
    this.name = 'SignInNeededError'
    this.hint = hint
  }
}
