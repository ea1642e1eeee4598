/** Knows whose session is whose. An owner is a string that is compared and nothing else. */
export interface SessionStore {
  /**
   * Remembers the owner of a session, and answers who it is from now on: an owner that is there already stays, unless it
   * is `insteadOf`. Atomic: of two that ask at the same time one is told of the other.
   */
  bind (sessionId: string, owner: string, insteadOf?: string): string | Promise<string>
  /** `null` when the session is not known. A session that is asked for is in use, and must not be forgotten for its age. */
  ownerOf (sessionId: string): string | null | Promise<string | null>
}
