import { test } from 'tap'
import { MetadataMemberError, checkMetadata, checkSignedMetadata } from '../../../lib/metadata/check-metadata.ts'

const named = { resource_name: 'N' }

test('what may be served', t => {
  const served: ReadonlyArray<Record<string, unknown>> = [
    named,
    { ...named, resource_name: 'N', 'resource_name#it': 'I', 'resource_name#pt-BR': 'P' },
    { ...named, resource_documentation: 'https://h/docs', resource_policy_uri: 'http://h/p', resource_tos_uri: 'https://h/t' },
    { ...named, jwks_uri: 'https://h/jwks', resource_signing_alg_values_supported: ['ES256'] },
    { ...named, authorization_details_types_supported: ['payment'] },
    { ...named, x_custom: { any: [1, null] }, 'x_custom#de': 'Text', constructor: 'x', toString: 'y', resource_tos_uri: undefined }
  ]
  for (const metadata of served) t.strictSame(checkMetadata(metadata), [], JSON.stringify(metadata))
  t.end()
})

test('what is better avoided', t => {
  t.strictSame(checkMetadata({}), ['metadata.resource_name should say what a person calls this resource'])
  t.strictSame(checkMetadata({ ...named, 'resource_tos_uri#it': 'https://h/it' }),
    ['metadata.resource_tos_uri should also stand without a language tag'])
  t.strictSame(checkMetadata({ 'resource_name#it': 'I' }), [
    'metadata.resource_name should also stand without a language tag',
    'metadata.resource_name should say what a person calls this resource'
  ])
  t.end()
})

const ring: { self?: object } = {}
ring.self = ring
const url = 'must be a URL'
const list = 'must be a list of strings'
const pop = 'follows from dpop'
const refused: ReadonlyArray<readonly [Record<string, unknown>, string, string]> = [
  [{ resource: 'https://h' }, 'resource', 'follows from resource'],
  [{ 'resource#it': 'https://h' }, 'resource#it', 'follows from resource'],
  [{ authorization_servers: [] }, 'authorization_servers', 'follows from authorizationServers'],
  [{ scopes_supported: ['a'] }, 'scopes_supported', 'follows from scopes'],
  [{ bearer_methods_supported: ['query'] }, 'bearer_methods_supported', 'is always header: tokens are read from nowhere else'],
  [{ tls_client_certificate_bound_access_tokens: true }, 'tls_client_certificate_bound_access_tokens', 'follows from clientCertificates'],
  [{ dpop_signing_alg_values_supported: ['ES256'] }, 'dpop_signing_alg_values_supported', pop],
  [{ dpop_bound_access_tokens_required: false }, 'dpop_bound_access_tokens_required', pop],
  [{ 'resource_name#pt-BR': 'a', 'resource_name#pt-br': 'b' }, 'resource_name#pt-br', 'stands twice; language tags compare without case'],
  [{ 'resource_name#': 'a' }, 'resource_name#', 'has no BCP 47 language tag'],
  [{ 'resource_name#it_IT': 'a' }, 'resource_name#it_IT', 'has no BCP 47 language tag'],
  [{ 'resource_name#it#de': 'a' }, 'resource_name#it#de', 'has no BCP 47 language tag'],
  [{ 'jwks_uri#it': 'https://h' }, 'jwks_uri#it', 'must not have a language tag'],
  [{ 'signed_metadata#it': 'x' }, 'signed_metadata#it', 'must not have a language tag'],
  [{ resource_name: 5 }, 'resource_name', 'must be a string'],
  [{ 'resource_name#it': null }, 'resource_name#it', 'must be a string'],
  [{ resource_documentation: '/docs' }, 'resource_documentation', url],
  [{ resource_policy_uri: 'https://' }, 'resource_policy_uri', url],
  [{ 'resource_tos_uri#it': 'ftp://h' }, 'resource_tos_uri#it', url],
  [{ resource_documentation: 5 }, 'resource_documentation', url],
  [{ jwks_uri: 5 }, 'jwks_uri', url],
  [{ jwks_uri: 'http://h/jwks' }, 'jwks_uri', 'must be https; http is allowed for loopback hosts only'],
  [{ resource_signing_alg_values_supported: 'ES256' }, 'resource_signing_alg_values_supported', list],
  [{ resource_signing_alg_values_supported: ['ES256', 'None'] }, 'resource_signing_alg_values_supported', 'must not hold none'],
  [{ authorization_details_types_supported: ['a', ''] }, 'authorization_details_types_supported', list],
  [{ authorization_details_types_supported: [5] }, 'authorization_details_types_supported', list],
  [{ x: 5n }, 'x', 'must be a JSON value'],
  [{ x: ring }, 'x', 'must be a JSON value'],
  [{ x: () => 1 }, 'x', 'must be a JSON value']
]
for (const [metadata, member, message] of refused) {
  test(`refused: ${Object.keys(metadata).join()} ${message}`, t => {
    t.throws(() => checkMetadata({ ...named, ...metadata }), Object.assign(new MetadataMemberError(member, message), { member }))
    t.end()
  })
}

const members = { resource: 'https://h', scopes_supported: ['a'], x: { a: 1, b: 2 } }
const claims = { iss: 'https://as', resource: 'https://h' }
const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jws = (payload: unknown, header: unknown = { alg: 'ES256' }): string => `${part(header)}.${part(payload)}.c2ln`

test('signed metadata that says what the document says', t => {
  for (const signed of [
    jws(claims), jws({ ...claims, scopes_supported: ['a'], x: { b: 2, a: 1 }, iat: 1 }), jws({ ...claims, toString: 'x' }),
    jws(claims, { alg: 'HS256' })
  ]) t.doesNotThrow(() => checkSignedMetadata(signed, members))
  t.end()
})

for (const [signed, message] of [
  [5, 'must be a compact JWS'], ['', 'must be a compact JWS'], ['a.b', 'must be a compact JWS'], ['a..b', 'must be a compact JWS'],
  ['a.b.c.d', 'must be a compact JWS'], [jws(claims) + '=', 'must be a compact JWS'], ['YQ.YQ.YQ', 'must be a compact JWS'],
  [jws([]), 'must be a compact JWS'], [jws(null), 'must be a compact JWS'], [jws(claims, 5), 'must be a compact JWS'],
  [jws(claims, { alg: 'None' }), 'must be signed'], [jws(claims, {}), 'must be signed'],
  [jws({ resource: 'https://h' }), 'must have an iss claim'],
  [jws({ iss: 'https://as' }), 'is about another resource'],
  [jws({ ...claims, resource: 'https://h/' }), 'says something else than the document about resource'],
  [jws({ ...claims, scopes_supported: ['b'] }), 'says something else than the document about scopes_supported'],
  [jws({ ...claims, signed_metadata: 'x' }), 'must not be nested in itself']
] as const) {
  test(`signed_metadata refused: ${message} (${String(signed).slice(0, 40)})`, t => {
    t.throws(() => checkSignedMetadata(signed, members), new MetadataMemberError('signed_metadata', message))
    t.end()
  })
}
