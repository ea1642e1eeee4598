import type { OAuthResourceServerOptions, RevocationStore } from '../../plugins/index.ts'
import type { Host } from './host/host.ts'
import type { Partner } from './partner-issuer.ts'
import { introspectionClientId } from './partner-issuer.ts'
import { claimNames } from './token-claims.ts'

export interface ProtectionOptions {
  issuer: string
  partner: Partner
  host: Host
  revocations: RevocationStore
}

/** What the resources have in common: whose tokens they take, and what they hold against them on every use. */
export function protection ({ issuer, partner, host: { impersonations }, revocations }: ProtectionOptions): Protection {
  return {
    // JWTs of our own authorization server, and opaque tokens of the partner's, on the same routes.
    authorizationServers: [
      { issuer, claims: { grant: claimNames.grant, session: claimNames.impersonation } },
      {
        issuer: partner.issuer,
        introspection: {
          clientId: introspectionClientId,
          authentication: { method: 'client_secret_basic', clientSecret: partner.introspectionSecret }
        },
        // Its programs know where they get their tokens, and nobody else gets any there.
        advertised: false
      }
    ],
    revocations: {
      // An impersonation that is over by the clock is over, whether or not anybody has noticed before.
      isRevoked: async token => {
        if (token.sessionId !== null && !await impersonations.isRunning(token.sessionId)) return true
        return await revocations.isRevoked(token)
      }
    }
  }
}

export type Protection = Pick<OAuthResourceServerOptions, 'authorizationServers' | 'revocations'>
