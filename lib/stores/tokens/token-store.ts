import { createMutex } from '../mutex.ts'

/** The tokens of a token response (RFC 6749 section 5.1). Both are secrets. */
export interface TokenSet {
  readonly accessToken: string
  readonly tokenType: 'Bearer' | 'DPoP'
  /** `null`: the access token cannot be refreshed; the user has to sign in again. */
  readonly refreshToken: string | null
  /** Milliseconds since the epoch; `null` when the authorization server did not say. */
  readonly expiresAt: number | null
  /** The granted scopes; `null` when the response has none and none were requested. */
  readonly scopes: readonly string[] | null
  /** The issuer of the tokens, if stored: the refresh token is sent to no other one. */
  readonly issuer?: string | null
  /** After this time they cannot be refreshed, in milliseconds since the epoch; missing or `null` when the authorization server did not say. */
  readonly refreshableUntil?: number | null
}

/** What a store keeps of one session. */
export interface TokenRecord {
  /** Grows with every write: two records with the same generation are the same record. */
  readonly generation: number
  /** `null`: the session is over. */
  readonly tokens: TokenSet | null
}

/**
 * Keeps the tokens of one session, for one process or for several. Every method may throw: the session then reports
 * `FST_OAUTH_SESSION_STORE_FAILED` and continues with what it has.
 */
export interface TokenStore {
  /** @returns `null` when no record was written, or none that can be read */
  read (): Promise<TokenRecord | null>
  /**
   * Replaces the record of the generation `insteadOf`; `null` means that there is no record. Must be atomic: comparing and
   * replacing are one step for all processes, and of two writers with the same `insteadOf` exactly one succeeds. Must be
   * durable when it resolves: after a crash there is the old record or the new one.
   *
   * @returns the new record, with a greater generation; `null` when another record was there, which then stays
   */
  write (tokens: TokenSet | null, insteadOf: number | null): Promise<TokenRecord | null>
  /**
   * Runs `work` while no other caller that shares the store runs theirs. A holder that crashed must lose the lock after a
   * time. Two holders at once are possible then, and harmless: {@link write} compares generations.
   *
   * @param signal ends the wait for the lock
   */
  exclusively<T> (work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

/** Keeps the tokens of one session in this process. They are lost when it ends, and other processes do not see them. */
export function createMemoryTokenStore (): TokenStore {
  const queue = createMutex()
  let record: TokenRecord | null = null
  return {
    read: async () => record,
    async write (tokens, insteadOf) {
      if ((record?.generation ?? null) !== insteadOf) return null
      record = { generation: (insteadOf ?? 0) + 1, tokens }
      return record
    },
    exclusively: queue
  }
}
