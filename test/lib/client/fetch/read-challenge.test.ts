import { test } from 'tap'
import { readChallenge } from '../../../../lib/client/fetch/classify.ts'

const nothing = { resourceMetadata: null, scopes: null, error: null, acrValues: [], maxAgeSeconds: null, needsProof: false }
const read = (...lines: string[]): unknown => {
  const headers = new Headers()
  for (const line of lines) headers.append('www-authenticate', line)
  return readChallenge(headers)
}

test('readChallenge reads the parameters of a challenge in every valid spelling [MCPC-02 MCPC-03 T-36]', t => {
  const url = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp'
  const table: Array<[string[], object]> = [
    [[`Bearer resource_metadata="${url}"`], { resourceMetadata: url }],
    [[`bearer RESOURCE_METADATA = "${url}" , Scope="a b"`], { resourceMetadata: url, scopes: ['a', 'b'] }],
    [[`Basic realm="x", Bearer resource_metadata="${url}"`], { resourceMetadata: url }],
    [['Basic realm="x"', `Bearer resource_metadata="${url}"`], { resourceMetadata: url }],
    [[`Negotiate dG9rZW4=, DPoP algs="ES256", Bearer resource_metadata="${url}"`], { resourceMetadata: url }],
    [['Bearer scope=read'], { scopes: ['read'] }],
    [['Bearer scope="  read  read write "'], { scopes: ['read', 'write'] }],
    [['Bearer scope=""'], {}],
    [['Bearer error="insufficient_scope", scope="write"'], { error: 'insufficient_scope', scopes: ['write'] }],
    [['Bearer error_description="scope=\\"x\\" resource_metadata=y", unknown=1'], {}],
    [['Bearer'], {}],
    [['Basic realm="x"'], {}],
    [[`Basic resource_metadata="${url}"`], {}],
    [['Bearer realm="unfinished'], {}],
    [[''], {}],
    [[], {}]
  ]
  for (const [lines, expected] of table) t.same(read(...lines), { ...nothing, ...expected }, lines.join(' | '))
  t.end()
})

test('RFC 9470 3: acr_values and max_age are read from a challenge [R9470-13]', t => {
  t.same(read('Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age="60"'),
    { ...nothing, error: 'insufficient_user_authentication', acrValues: ['gold', 'silver'], maxAgeSeconds: 60 })
  t.same(read('Bearer max_age="0"'), { ...nothing, maxAgeSeconds: 0 })
  for (const age of ['-1', 'soon', '1e9', '99999999999']) t.same(read(`Bearer max_age="${age}"`), nothing, age)
  t.end()
})

test('RFC 9449: a resource with only DPoP challenges needs a proof [R9449-38 MCPD-01]', t => {
  t.match(read('DPoP algs="ES256", resource_metadata="https://h/"'), { needsProof: true, resourceMetadata: 'https://h/' })
  t.match(read('DPoP algs="ES256", surprise="x"', 'Bearer scope="a"'), { needsProof: false, scopes: ['a'] })
  t.match(read('DPoP error="use_dpop_nonce"'), { error: null, needsProof: true })
  for (const first of ['DPoP algs="ES256"', 'DPoP error="use_dpop_nonce"']) t.match(read(first, 'Bearer error="invalid_token"'), { error: 'invalid_token' }, first)
  t.end()
})
