import type { HttpClient, HttpClientOptions } from '../../lib/http/http-client.ts'
import { createHttpClient } from '../../lib/http/http-client.ts'
import type { ClientIdentity, ServerAccess } from '../../lib/client/oauth/oauth-call.ts'
import type { ServerMetadata } from '../../lib/client/discovery/server-discovery.ts'
import type { FakeOAuth } from './fake-oauth.ts'

/** The way to a fake. */
export function outboundTo ({ fetch }: Pick<FakeOAuth, 'fetch'>, options: HttpClientOptions = {}): HttpClient {
  return createHttpClient({ fetch, ...options })
}

const publicClient: ClientIdentity = { clientId: 'client-1', authentication: { method: 'none' } }

/** What a client knows of a fake authorization server once it is found. */
export function accessTo (fake: FakeOAuth, changes: Partial<ServerAccess> = {}): ServerAccess {
  return {
    server: fake.server as unknown as ServerMetadata,
    client: publicClient,
    httpClient: outboundTo(fake),
    clock: { now: () => Date.now() },
    prover: null,
    ...changes
  }
}
