/** Remembers which proofs of possession were used, for as long as they could be used again. */
export interface ReplayStore {
  /**
   * Whether a proof was used before. The answer and the record of this use are one atomic step: of any number of calls with
   * the same key, at any number of servers that share the store, exactly one gets `false`.
   *
   * @param key a digest of the proof, 43 characters of base64url
   * @param untilMs milliseconds since the epoch: from then on the proof is too old by itself, and the store may forget it
   */
  seen (key: string, untilMs: number): boolean | Promise<boolean>
}
