import type { OAuthResourceServerOptions, RevocationStore } from '../../plugins/index.ts'
import { introspectionClientId } from './clients.ts'
import type { Host } from './host/host.ts'
import { claimNames } from './token-claims.ts'

export type Protection = Pick<OAuthResourceServerOptions, 'authorizationServers' | 'revocations'>
type Issuer = OAuthResourceServerOptions['authorizationServers'][number]

/** Where our tokens say what they say beside the registered claims. */
const claims = { grant: claimNames.grant, session: claimNames.impersonation }

/** Takes the JWTs of our own authorization server. */
export function jwtsOf (issuer: string): Issuer {
  return { issuer, claims }
}

/** Asks our own authorization server about its opaque tokens. */
export function opaqueTokensOf (issuer: string, clientSecret: string): Issuer {
  return { issuer, claims, introspection: { clientId: introspectionClientId, authentication: { method: 'client_secret_basic', clientSecret } } }
}

/** Asks a partner's about theirs. Its programs know where they get their tokens, and nobody else gets any there. */
export function partnerTokensOf (issuer: string, clientSecret: string): Issuer {
  return { issuer, introspection: { clientId: introspectionClientId, authentication: { method: 'client_secret_basic', clientSecret } }, advertised: false }
}

/** What every resource holds against a token on every use, beside whose it is. */
export function protection ({ impersonations }: Host, revocations: RevocationStore): Omit<Protection, 'authorizationServers'> {
  return {
    revocations: {
      async isRevoked (token) {
        // An impersonation that is over by the clock is over, whether or not anybody has noticed before.
        if (token.sessionId !== null && !await impersonations.isRunning(token.sessionId)) return true
        return await revocations.isRevoked(token)
      }
    }
  }
}
