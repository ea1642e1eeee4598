import { test } from 'tap'
import { selectScopes, unionOf, withOfflineAccess } from '../../../../lib/client/oauth/authorization-code.ts'

const nobody = { challenged: null, ofResource: null, wanted: null, requestedBefore: null }

test('the first authorization requests the scopes of the challenge, or else of the metadata [MCPC-11 R9728-57]', t => {
  t.same(selectScopes({ ...nobody, challenged: ['a'], ofResource: ['a', 'b'] }), ['a'], 'what the challenge says')
  t.same(selectScopes({ ...nobody, ofResource: ['a', 'b'] }), ['a', 'b'], 'else what the resource lists')
  t.equal(selectScopes(nobody), null, 'else nothing')
  t.same(selectScopes({ ...nobody, wanted: ['c'], ofResource: ['a', 'b'] }), ['c'], 'what the host wants is not everything')
  t.end()
})

test('the scopes of a challenge are requested even if the metadata does not list them [MCPC-12]', t => {
  t.same(selectScopes({ ...nobody, challenged: ['x'], ofResource: ['a'] }), ['x'])
  t.end()
})

test('a step-up also requests the scopes of earlier requests [MCPC-13 T-29]', t => {
  t.same(selectScopes({ ...nobody, challenged: ['write', 'read'], requestedBefore: ['read', 'list'], ofResource: ['all'] }), ['read', 'list', 'write'])
  t.same(selectScopes({ ...nobody, requestedBefore: ['read'], ofResource: ['all'] }), ['read'], 'also when the challenge says nothing')
  t.same(selectScopes({ ...nobody, challenged: ['a'], wanted: ['c'] }), ['c', 'a'])
  t.end()
})

test('offline_access is requested if the authorization server lists it [MCPC-22]', t => {
  t.same(withOfflineAccess(['a'], ['a', 'offline_access'], true), ['a', 'offline_access'])
  t.same(withOfflineAccess(['a'], ['a', 'offline_access'], false), ['a'])
  t.same(withOfflineAccess(['a'], ['a'], true), ['a'])
  t.same(withOfflineAccess(['a', 'offline_access'], undefined, true), ['a'], 'a challenge cannot ask for it')
  t.equal(withOfflineAccess(null, ['offline_access'], true), null, 'where nothing is asked for, the default stays')
  t.equal(withOfflineAccess(['offline_access'], undefined, true), null)
  t.end()
})

test('a union has everything once', t => {
  t.same(unionOf(['a', 'b'], null, ['b', 'c']), ['a', 'b', 'c'])
  t.equal(unionOf(null, []), null)
  t.end()
})
