import type { ConnectOptions } from '../../lib/client/connect/connection-options.ts'
import { connect } from '../../lib/client/connect/connect.ts'
import type { Connection } from '../../lib/client/connect/connection.ts'
import { createMemoryConnectionStore } from '../../lib/stores/connections/connection-store.ts'
import { createMemoryTokenStore } from '../../lib/stores/tokens/token-store.ts'
import type { FakeBrowser } from './fake-browser.ts'
import { createFakeBrowser } from './fake-browser.ts'
import type { FakeOAuth, FakeOAuthOptions } from './fake-oauth.ts'
import { createFakeOAuth } from './fake-oauth.ts'

/** A client that the fake authorization server knows before it comes. */
export const machine = [{ issuer: 'https://login.example.com', clientId: 'machine', authentication: { method: 'client_secret_basic', clientSecret: 's' } }] as const

export const fetchOf = (fake: FakeOAuth): typeof globalThis.fetch => fake.fetch as typeof globalThis.fetch

export type Stores = Required<Pick<ConnectOptions, 'tokenStore' | 'connectionStore'>>

export const stores = (): Stores => ({ tokenStore: createMemoryTokenStore(), connectionStore: createMemoryConnectionStore() })

/** A resource, its authorization server, a user who says yes, and a client of it all. */
export async function createConnectionWorld (
  fakeOptions: FakeOAuthOptions = {}, options: Partial<ConnectOptions> = {}
): Promise<{ fake: FakeOAuth, browser: FakeBrowser, connection: Connection }> {
  const fake = createFakeOAuth(fakeOptions)
  const browser = createFakeBrowser(fake)
  const connection = await connect({ url: fake.resource, browser, fetch: fetchOf(fake), ...options })
  return { fake, browser, connection }
}
