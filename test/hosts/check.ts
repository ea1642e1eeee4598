import type { Test } from 'tap'
import { parseChallenges } from '../../lib/challenge/parse.ts'
import { bearer } from '../support/app.ts'
import type { Host, HostResponse } from './host.ts'
import { hostResource } from './host.ts'

const pointer = `${hostResource}/.well-known/oauth-protected-resource`

/** What every host has to answer, over real HTTP. */
export async function checkHost (t: Test, host: Host): Promise<void> {
  const get = async (path: string, token?: string): Promise<HostResponse> => await host.send(path, token === undefined ? {} : { headers: bearer(token) })

  const missing = await get('/items')
  t.equal(missing.status, 401, 'no token')
  t.same(parametersOf(missing), { resource_metadata: pointer, scope: 'items:read' }, 'RFC 9728 section 5.1: the challenge points at the document')
  t.match(missing.body, 'An access token is required', 'the body is that of the error handler of the host')

  const document = await get(new URL(pointer).pathname)
  t.equal(document.status, 200, 'RFC 9728 section 3: the document is served without a token')
  t.match(JSON.parse(document.body), { resource: hostResource, authorization_servers: ['https://login.example.com'], scopes_supported: ['items:read'] })

  const invalid = await get('/items', 'x.y.z')
  t.equal(invalid.status, 401, 'an invalid token')
  t.match(parametersOf(invalid), { error: 'invalid_token', resource_metadata: pointer })

  const insufficient = await get('/items', await host.token({ scope: 'items:write' }))
  t.equal(insufficient.status, 403, 'a token without the scope')
  t.match(parametersOf(insufficient), { error: 'insufficient_scope', scope: 'items:read', resource_metadata: pointer })

  const unavailable = await get('/items', await host.unverifiableToken())
  t.equal(unavailable.status, 503, 'a token whose keys cannot be fetched')
  t.match(unavailable.headers['retry-after'], /^\d+$/)
  t.equal(unavailable.headers['www-authenticate'], undefined)

  const allowed = await get('/items', await host.token({ scope: 'items:read', sub: 'ann' }))
  t.equal(allowed.status, 200, 'a token with the scope')
  t.match(JSON.parse(allowed.body), { subject: 'ann' })

  t.equal((await get('/health')).status, 200, 'a route that takes no token')
  t.equal((await get('/nowhere')).status, 404, 'a URL without a route')
}

/** Of the one Bearer challenge. */
function parametersOf ({ headers }: HostResponse): Record<string, string> {
  const [challenge, ...others] = parseChallenges(headers['www-authenticate'] ?? '')
  if (challenge === undefined || others.length > 0) throw new Error(`not one challenge: ${headers['www-authenticate']}`)
  return Object.fromEntries(challenge.parameters)
}
