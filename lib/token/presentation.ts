/** Whether access tokens come with a DPoP proof (RFC 9449) at a resource or a route. */
export type DpopRequirement = 'off' | 'allowed' | 'required'

/** How a request presented its access token, beside the token: what a proof of possession is checked against. */
export interface Presentation {
  /** The scheme of the credentials. */
  readonly scheme: 'Bearer' | 'DPoP'
  /** What the route asks for. */
  readonly requirement: DpopRequirement
  /** The method of the request, as it was sent. */
  readonly method: string
  /** The values of the `DPoP` fields of the request, one for each field line. */
  readonly proofs: readonly string[]
  /** The URI that the client asked for, by the configuration and never by `Host`. */
  readonly targetUri: string
  /** `x5t#S256` of the client's certificate (RFC 8705 section 3.1); `null` without a certificate. */
  readonly certificateThumbprint: string | null
  /** Is told of the nonce that the client needs next, when its proof has an older one (RFC 9449 section 8.2). */
  provideNonce (nonce: string): void
}
