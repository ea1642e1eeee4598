import { test } from 'tap'
import type { BindingMetadata } from '../../../lib/metadata/document.ts'
import { createMetadataDocument, isKnown } from '../../../lib/metadata/document.ts'

const source = { resource: 'https://h', advertisedIssuers: ['https://as'], advertisedScopes: ['a'], binding: { dpopAlgorithms: [], dpopRequired: false, certificates: false }, metadata: {} }

test('what follows from the configuration comes first, and what the host says after it', t => {
  const { resource, members, body, etag } = createMetadataDocument({
    ...source, metadata: { resource_name: 'N', 'resource_name#it': 'It', x_custom: { a: [1] } }
  })
  t.equal(resource, 'https://h')
  t.equal(body, '{"resource":"https://h","authorization_servers":["https://as"],"scopes_supported":["a"],' +
    '"bearer_methods_supported":["header"],"resource_name":"N","resource_name#it":"It","x_custom":{"a":[1]}}')
  t.strictSame(members, JSON.parse(body))
  t.match(etag, /^"[A-Za-z0-9_-]{22}"$/)
  t.end()
})

test('members without a value are left out', t => {
  const { body } = createMetadataDocument({
    ...source, advertisedIssuers: [], advertisedScopes: [],
    metadata: { a: undefined, b: null, c: '', d: [], e: {}, f: 0, g: false, h: [''] }
  })
  t.equal(body, '{"resource":"https://h","bearer_methods_supported":["header"],"f":0,"g":false,"h":[""]}')
  t.end()
})

test('the entity tag is that of the body', t => {
  const { etag } = createMetadataDocument(source)
  t.equal(createMetadataDocument({ ...source }).etag, etag)
  t.not(createMetadataDocument({ ...source, advertisedScopes: ['b'] }).etag, etag)
  t.end()
})

test('RFC 9728 2 what is said of bound tokens is what the server checks [R9728-32, R9728-34, R9728-35]', t => {
  const membersOf = (binding: BindingMetadata): unknown => createMetadataDocument({ ...source, advertisedIssuers: [], advertisedScopes: [], binding }).members
  const rest = { resource: 'https://h', bearer_methods_supported: ['header'] }
  t.strictSame(membersOf({ dpopAlgorithms: ['ES256'], dpopRequired: false, certificates: false }), { ...rest, dpop_signing_alg_values_supported: ['ES256'] })
  t.strictSame(membersOf({ dpopAlgorithms: ['ES256'], dpopRequired: true, certificates: true }), {
    ...rest, tls_client_certificate_bound_access_tokens: true, dpop_signing_alg_values_supported: ['ES256'], dpop_bound_access_tokens_required: true
  })
  t.end()
})

test('who has the document already', async t => {
  for (const [ifNoneMatch, known] of [
    [undefined, false], ['', false], ['"a"', true], ['W/"a"', true], ['*', true], [' * ', true], ['"b", W/"a"', true], ['"b","a"', true],
    ['"b"', false], ['a', false], ['"A"', false], ['"a" "b"', false], ['W/"b"', false]
  ] as const) t.equal(isKnown(ifNoneMatch, '"a"'), known, String(ifNoneMatch))
})
