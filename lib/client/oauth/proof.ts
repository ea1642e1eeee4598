/** Proves the possession of the key that tokens are bound to (RFC 9449), as a fetch and a token request need it. */
export interface ProofOfPossession {
  /**
   * A fresh proof for one request: none is ever sent twice, also where the request is.
   *
   * @param url what the request goes to; query and fragment do not matter
   * @param accessToken the token that goes with it, `null` where none does, as at a token endpoint
   */
  proofFor (method: string, url: string, accessToken: string | null): Promise<string>
  /** What an answer from there said in `DPoP-Nonce`: proofs for there hold it from now on (RFC 9449 sections 8 and 9). */
  sawNonce (url: string, nonce: string): void
}
