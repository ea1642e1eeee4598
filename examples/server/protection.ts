import type { OAuthResourceServerOptions, RevocationStore } from '../../plugins/index.ts'
import type { Host } from './host/host.ts'
import { claimNames } from './token-claims.ts'

export interface ProtectionOptions {
  issuer: string
  host: Host
  revocations: RevocationStore
}

/** What the resources have in common: whose tokens they take, and what they hold against them on every use. */
export function protection ({ issuer, host: { impersonations }, revocations }: ProtectionOptions): Protection {
  return {
    authorizationServers: [{ issuer, claims: { grant: claimNames.grant, session: claimNames.impersonation } }],
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
