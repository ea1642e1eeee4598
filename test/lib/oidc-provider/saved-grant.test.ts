import { test } from 'tap'
import { addAskedScopes, fillGrant, readSavedGrant } from '../../../lib/oidc-provider/saved-grant.ts'
import type { OidcAuthorizationDetail, OidcGrant } from '../../../lib/oidc-provider/types.ts'

/** A grant that lists what is done to it. */
function createGrant (): OidcGrant & { readonly calls: string[] } {
  const calls: string[] = []
  const rar: OidcAuthorizationDetail[] = []
  return {
    calls,
    rar,
    jti: 'g',
    accountId: 'ann',
    clientId: 'c',
    addRar (detail) { rar.push(detail) },
    addOIDCScope (scope) { calls.push(`+${scope}`) },
    rejectOIDCScope (scope) { calls.push(`-${scope}`) },
    addResourceScope (resource, scope) { calls.push(`${resource} +${scope}`) },
    rejectResourceScope (resource, scope) { calls.push(`${resource} -${scope}`) },
    save: async () => 'g',
    destroy: async () => {}
  }
}

const saved = { access: { level: 'all' }, record: null } as const

test('what the guard saves in a grant is read from it', t => {
  t.match(readSavedGrant(fillGrant(createGrant(), saved, undefined, {})), { id: 'g', account: 'ann', client: 'c', ...saved })
  t.equal(readSavedGrant(undefined), null)
  t.equal(readSavedGrant(createGrant()), null, 'a grant that was made without the guard')
  const { addRar, ...bare } = createGrant()
  t.equal(readSavedGrant({ ...bare, addRar, rar: undefined }), null)
  t.end()
})

test('a grant is the guard\'s only with its access and its record, in the detail that stored grants have', t => {
  const type = 'urn:fastify-oauth-resource-server:guarded-grant'
  const read = (...rar: OidcAuthorizationDetail[]): unknown => readSavedGrant({ ...createGrant(), rar })
  t.match(read({ type: 'other' }, { type, ...saved }), saved)
  t.equal(read({ type, access: saved.access }), null, 'without a record it is nobody\'s, not the customer\'s own')
  t.equal(read({ type, record: null }), null)
  t.equal(read({ type: '', ...saved }), null)
  t.end()
})

test('the answers of an earlier grant are repeated as far as this request asks for the same scopes', t => {
  const earlier: OidcGrant = {
    ...createGrant(),
    openid: { scope: 'openid email' },
    resources: { r1: 'read admin', r2: 'read' },
    rejected: { openid: { scope: 'profile' }, resources: { r1: 'write' } }
  }
  const calls = (params: Record<string, unknown>, one: OidcGrant | undefined = earlier): string[] => {
    const grant = createGrant()
    fillGrant(grant, saved, one, params)
    return grant.calls
  }
  t.same(calls({ scope: 'openid profile read write', resource: 'r1' }), ['+openid', '-profile', 'r1 +read', 'r1 -write'])
  t.same(calls({ scope: 'read', resource: ['r1', 'r2', 'r3'] }), ['r1 +read', 'r2 +read'])
  t.same(calls({ resource: 'r1' }), [], 'a request without scopes asks for none again')
  t.same(calls({ scope: 'read', resource: 'r1' }, createGrant()), [], 'a grant without answers has none')
  t.same(calls({ scope: 'read', resource: 'r1' }, { ...createGrant(), rejected: {} }), [])
  t.end()
})

test('what an interaction asked for is given or rejected', t => {
  const grant = createGrant()
  const narrow = (scopes: readonly string[]): string[] => scopes.filter(scope => scope.startsWith('read'))
  addAskedScopes(grant, { missingOIDCScope: ['openid', 'readable'], missingResourceScopes: { r: ['read', 'write'] } }, narrow)
  addAskedScopes(grant, {}, narrow)
  t.same(grant.calls, ['-openid', '+readable', 'r +read', 'r -write'])
  t.end()
})
