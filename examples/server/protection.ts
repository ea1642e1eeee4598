import type { OAuthResourceServerOptions, RevocationStore } from '../../plugins/index.ts'
import { introspectionClientId } from './clients.ts'
import type { Host } from './host/host.ts'
import { isRunning } from './host/impersonation-of-session.ts'
import { claimNames, reachOf } from './token-claims.ts'

export type Protection = Pick<OAuthResourceServerOptions, 'authorizationServers' | 'revocations' | 'impersonatedTokens'>
type Issuer = OAuthResourceServerOptions['authorizationServers'][number]

/** Where our tokens say what they say beside the registered claims. */
const claims = { grant: claimNames.grant }

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
export function protection (host: Host, revocations: RevocationStore): Omit<Protection, 'authorizationServers'> {
  return {
    revocations,
    impersonatedTokens: {
      directory: host.directory,
      reachOf: ({ claims: said }) => reachOf(said),
      // What staff do in a customer's place is written down, each time: otherwise nobody could say afterwards who it was.
      audit: 'all',
      // One that is over by the clock is over, whether or not anybody has noticed before.
      isAlive: ({ sessionId }) => isRunning(host, sessionId)
    }
  }
}
