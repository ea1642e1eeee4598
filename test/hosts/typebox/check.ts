import type { Test } from 'tap'
import { bearer } from '../../support/app.ts'
import type { Host } from '../host.ts'

/** TypeBox checks the query after the token was checked. */
export async function check (t: Test, host: Host): Promise<void> {
  const headers = bearer(await host.token({ scope: 'items:read', sub: 'ann' }))
  const invalid = await host.send('/items?limit=x', { headers })
  t.same([invalid.status, invalid.headers['www-authenticate']], [400, undefined])
  t.equal((await host.send('/items?limit=x')).status, 401)
}
