/** What an authorization server gave to a client of ours. Both tokens are secrets. */
export interface TokenSet {
  readonly accessToken: string
  readonly tokenType: 'Bearer' | 'DPoP'
  /** `null`: there is no way to renew the access token but to ask the user. */
  readonly refreshToken: string | null
  /** Milliseconds since the epoch; `null` when the authorization server did not say. */
  readonly expiresAt: number | null
  /** What was granted; `null` when the authorization server did not say and nothing was asked for. */
  readonly scopes: readonly string[] | null
  /** Of whom they are, where that was noted: a refresh token goes to nobody else. */
  readonly issuer?: string | null
  /** After that they cannot be renewed, in milliseconds since the epoch; missing or `null` when nobody said. */
  readonly refreshableUntil?: number | null
}

/** What a store holds of one session. */
export interface TokenRecord {
  /** Grows with every write: two records of one generation are the same record. */
  readonly generation: number
  /** `null`: the session is over. */
  readonly tokens: TokenSet | null
}

/** Keeps the tokens of one session, for one process or for several. */
export interface TokenStore {
  /** `null` when nothing was ever written. */
  read (): Promise<TokenRecord | null>
  /**
   * Puts the tokens in the place of the record of that generation, `null` for none. Atomic and durable when it resolves:
   * after a crash there is the old record or the new one, never half of one.
   *
   * @returns the new record, or `null` when there was another one than `insteadOf`, which then stays
   */
  write (tokens: TokenSet | null, insteadOf: number | null): Promise<TokenRecord | null>
  /**
   * Runs `work` while nobody else who shares the store runs theirs. A holder that dies loses its turn after a time; the
   * generation keeps what it may still write from doing harm.
   *
   * @param signal ends the wait for the turn
   */
  exclusively<T> (work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}
