/**
 * Remembers identifiers that may be used only once, such as the `jti` of a DPoP proof (RFC 9449 section 11.1) or of a
 * security event token (RFC 8417 section 2.2).
 */
export interface ReplayStore {
  /**
   * Whether the identifier was seen before, and records it. Must be atomic: of any number of simultaneous calls with one
   * key, in all processes that share the store, exactly one returns false.
   *
   * If it throws, or takes too long, whether it is a replay could not be determined: the request must not be accepted.
   *
   * @param key the identifier with everything that makes it unique, for example the key thumbprint and the `jti`
   * @param untilMs when the identifier is refused anyway because it has expired, in milliseconds since the epoch: the store
   * may forget it then, and not before
   */
  seen (key: string, untilMs: number): boolean | Promise<boolean>
}

/**
 * Checks the arguments of {@link ReplayStore.seen}.
 *
 * @throws TypeError for a time that is no number: the store would forget the key at once, or never
 */
export function checkReplayTime (untilMs: number): void {
  if (!Number.isFinite(untilMs)) throw new TypeError(`untilMs must be a time in milliseconds, got ${String(untilMs)}`)
}
