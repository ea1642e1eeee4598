import type { ProofOfPossession } from './proof.ts'
import type { Session } from './session.ts'
export function createFetch ({ session, proof, fetch = globalThis.fetch }: { session: Session, resource?: string, proof?: ProofOfPossession, fetch?: typeof globalThis.fetch }): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const url = input instanceof Request ? input.url : String(input)
    let tokens = await session.token()
    for (let attempt = 0; ; attempt++) {
      const headers = new Headers(init.headers)
      headers.set('authorization', `${tokens.tokenType} ${tokens.accessToken}`)
      if (tokens.tokenType === 'DPoP') headers.set('dpop', await proof!.proofFor(init.method ?? 'GET', url, tokens.accessToken))
      const response = await fetch(url, { ...init, headers })
      const nonce = response.headers.get('dpop-nonce')
      if (nonce !== null) proof?.sawNonce(url, nonce)
      if (response.status !== 401 || attempt === 2) return response
      if (!/use_dpop_nonce/.test(response.headers.get('www-authenticate') ?? '')) {
        try { tokens = await session.renew(tokens.accessToken) } catch { return response }
      }
    }
  }
}
