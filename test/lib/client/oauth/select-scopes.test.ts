import { test } from 'tap'
import { selectScopes, unionOf, withOfflineAccess } from '../../../../lib/client/oauth/authorization-code.ts'

const nobody = { challenged: null, ofResource: null, wanted: null, requestedBefore: null }

test('MCPC-11 R9728-57 the first authorization', t => {
  t.same(selectScopes({ ...nobody, challenged: ['a'], ofResource: ['a', 'b'] }), ['a'], 'what the challenge says')
  t.same(selectScopes({ ...nobody, ofResource: ['a', 'b'] }), ['a', 'b'], 'else what the resource lists')
  t.equal(selectScopes(nobody), null, 'else nothing')
  t.same(selectScopes({ ...nobody, wanted: ['c'], ofResource: ['a', 'b'] }), ['c'], 'what the host wants is not everything')
  t.end()
})

test('MCPC-12 what the challenge says is not compared with what the resource lists', t => {
  t.same(selectScopes({ ...nobody, challenged: ['x'], ofResource: ['a'] }), ['x'])
  t.end()
})

test('MCPC-13 T-29 a step-up asks for what was asked for before, too', t => {
  t.same(selectScopes({ ...nobody, challenged: ['write', 'read'], requestedBefore: ['read', 'list'], ofResource: ['all'] }), ['read', 'list', 'write'])
  t.same(selectScopes({ ...nobody, requestedBefore: ['read'], ofResource: ['all'] }), ['read'], 'also when the challenge says nothing')
  t.same(selectScopes({ ...nobody, challenged: ['a'], wanted: ['c'] }), ['c', 'a'])
  t.end()
})

test('MCPC-22 offline_access is asked for where the authorization server lists it', t => {
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
