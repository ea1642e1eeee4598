/** How a user gets to an authorization server and back, where one program sees both. */
export interface BrowserRedirect {
  /**
   * Gets ready to receive a browser.
   *
   * @param preferred the redirect URI of an earlier registration: the same one saves registering again
   */
  prepare (preferred: string | null): Promise<PreparedRedirect>
}

export interface PreparedRedirect {
  /** Where the browser is to come back to. */
  readonly redirectUri: string
  /**
   * Sends the user to the authorization server.
   *
   * @param state what tells the answer that is waited for from any other
   * @returns the URL that the browser came back to
   */
  visit (url: URL, state: string): Promise<URL>
  /** Ends the readiness, whatever became of it. */
  close (): Promise<void>
}
