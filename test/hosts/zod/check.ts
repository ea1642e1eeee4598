import type { Test } from 'tap'
import { bearer } from '../../support/app.ts'
import type { Host } from '../host.ts'

/** Zod parses the query after the token was checked. */
export async function check (t: Test, host: Host): Promise<void> {
  const headers = bearer(await host.token({ scope: 'items:read', sub: 'ann' }))
  t.same(JSON.parse((await host.send('/items?limit=3', { headers })).body), { subject: 'ann', limit: 3 })
  const invalid = await host.send('/items?limit=x', { headers })
  t.same([invalid.status, invalid.headers['www-authenticate']], [400, undefined])
  t.equal((await host.send('/items?limit=x')).status, 401)
}
