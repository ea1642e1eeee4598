import type { OAuthResourceServerOptions, RevocationStore } from '../../plugins/index.ts'
import { introspectionClientId } from './clients.ts'
import type { Host } from './host/host.ts'
import { isRunning } from './host/impersonation-of-session.ts'
import { accessOf, claimNames } from './token-claims.ts'

export type Protection = Pick<OAuthResourceServerOptions, 'authorizationServers' | 'revocations' | 'impersonatedTokens' | 'dpop'>
type Issuer = OAuthResourceServerOptions['authorizationServers'][number]

/** The claim that names the grant. */
const claims = { grant: claimNames.grant }

/** Accepts the JWTs of our own authorization server. */
export function jwtsOf (issuer: string): Issuer {
  return { issuer, claims }
}

/** Introspects the opaque tokens of our own authorization server. */
export function opaqueTokensOf (issuer: string, clientSecret: string): Issuer {
  return { issuer, claims, introspection: { clientId: introspectionClientId, authentication: { method: 'client_secret_basic', clientSecret } } }
}

/** Introspects the opaque tokens of a partner. It is not advertised: only the partner's programs get tokens there. */
export function partnerTokensOf (issuer: string, clientSecret: string): Issuer {
  return { issuer, introspection: { clientId: introspectionClientId, authentication: { method: 'client_secret_basic', clientSecret } }, advertised: false }
}

/** What every resource checks on each use of a token. */
export function protection (host: Host, revocations: RevocationStore): Omit<Protection, 'authorizationServers'> {
  return {
    revocations,
    // Tokens that are bound to a key of the client are accepted beside bearer tokens; their proofs need a nonce of this server.
    dpop: { nonce: true },
    impersonatedTokens: {
      directory: host.directory,
      accessOf: ({ claims: said }) => accessOf(said),
      // Each request that staff make in a customer's place is audited.
      audit: 'all',
      // An impersonation ends by the clock, also before the clean-up has run.
      sessionIsActive: ({ sessionId }) => isRunning(host, sessionId)
    }
  }
}
