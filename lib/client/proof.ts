export interface ProofOfPossession {
  proofFor (method: string, url: string, accessToken: string | null): Promise<string>
  sawNonce (url: string, nonce: string): void
}
