/**
 * Records which owner each MCP session belongs to. An owner is a string that stands for a user and a client; a store
 * compares it and does nothing else with it.
 *
 * A call that throws, or takes longer than `lookupTimeoutMs`, makes the response 503.
 */
export interface McpSessionStore {
  /**
   * Records the owner of a session and returns the owner that the session has from now on. An owner that is recorded
   * already stays, unless it is `replaces`. Atomic: of two calls at the same time, both return the same owner.
   */
  bind (sessionId: string, owner: string, replaces?: string): string | Promise<string>
  /** The owner of a session, `null` when the store does not know the session. The call counts as use of the session. */
  ownerOf (sessionId: string): string | null | Promise<string | null>
}
