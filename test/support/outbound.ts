import type { Outbound, OutboundOptions } from '../../lib/client/outbound.ts'
import { createOutbound } from '../../lib/client/outbound.ts'
import type { ClientCredentials, ServerAccess } from '../../lib/client/token-endpoint.ts'
import type { ServerMetadata } from '../../lib/client/server-discovery.ts'
import type { FakeOAuth } from './fake-oauth.ts'

/** The way to a fake. */
export function outboundTo ({ fetch }: Pick<FakeOAuth, 'fetch'>, options: OutboundOptions = {}): Outbound {
  return createOutbound({ fetch, ...options })
}

export const publicClient: ClientCredentials = { clientId: 'client-1', authentication: { method: 'none' } }

/** What a client knows of a fake authorization server once it is found. */
export function accessTo (fake: FakeOAuth, changes: Partial<ServerAccess> = {}): ServerAccess {
  return {
    server: fake.server as unknown as ServerMetadata,
    client: publicClient,
    outbound: outboundTo(fake),
    clock: { now: () => Date.now() },
    prover: null,
    ...changes
  }
}
