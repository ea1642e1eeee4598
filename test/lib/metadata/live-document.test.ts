import { test } from 'tap'
import { createMetadataDocument, withScopes } from '../../../lib/metadata/document.ts'
import { createLiveDocument } from '../../../lib/metadata/live-document.ts'

const document = createMetadataDocument({
  binding: { dpopAlgorithms: [], dpopRequired: false, certificates: false },
  resource: 'https://api.example.com', advertisedIssuers: ['https://login.example.com'], advertisedScopes: ['b', 'a', 'unused'],
  metadata: { resource_name: 'API' }
})
const of = (...scopes: string[]) => ({ requiredScopes: new Map(scopes.map(scope => [scope, 'GET /'])) })

test('the scopes are those that routes ask for, without those that are never advertised (F8)', async t => {
  const live = createLiveDocument({ document, routes: { neverAdvertised: ['admin', '*'] }, liveScopes: null })
  t.strictSame((await live.current()).members, { ...withScopes(document, []).members })
  t.notOk('scopes_supported' in (await live.current()).members)
  const late = of()
  live.addScopes(of('z', 'a', 'admin', '*'))
  live.addScopes(late)
  late.requiredScopes.set('b', 'GET /late')
  const current = await live.current()
  t.strictSame(current.members.scopes_supported, ['b', 'a', 'z'])
  t.strictSame(Object.keys(current.members), Object.keys(document.members))
  t.match(current, { resource: document.resource, body: /"scopes_supported":\["b","a","z"\]/ })
  t.equal(await live.current(), current, 'the same text is the same document')
})

test('what is granted now is left of what is configured (S6)', async t => {
  let granted = ['a']
  const live = createLiveDocument({ document, routes: null, liveScopes: async scopes => scopes.filter(scope => granted.includes(scope)) })
  t.strictSame((await live.current()).members.scopes_supported, ['a'])
  granted = ['b', 'a', 'unused']
  t.equal((await live.current()).etag, document.etag)
  const bare = createMetadataDocument({ resource: 'https://api.example.com', binding: { dpopAlgorithms: [], dpopRequired: false, certificates: false }, advertisedIssuers: [], advertisedScopes: [], metadata: {} })
  t.strictSame((await createLiveDocument({ document: bare, routes: null, liveScopes: null }).current()).body, bare.body)
})
