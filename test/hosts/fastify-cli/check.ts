import type { Test } from 'tap'
import { bearer } from '../../support/app.ts'
import type { Host } from '../host.ts'

/** What the generator put there works. */
export async function check (t: Test, host: Host): Promise<void> {
  const headers = bearer(await host.token({ scope: 'items:read' }))
  t.equal((await host.send('/items/missing', { headers })).status, 404, '@fastify/sensible of the application')
  t.same(JSON.parse((await host.send('/', { headers })).body), { root: true }, 'a generated route')
  t.equal((await host.send('/')).status, 401, 'which takes a token now')
}
