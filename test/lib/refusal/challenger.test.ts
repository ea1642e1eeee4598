import { test } from 'tap'
import { formatChallenge } from '../../../lib/challenge/format.ts'
import { createChallenger } from '../../../lib/refusal/challenger.ts'
import { policyOf } from '../../support/route-policy.ts'

const metadataUrl = 'https://h/.well-known/oauth-protected-resource'
const head = `Bearer resource_metadata="${metadataUrl}"`
const settings = { metadataUrl, realm: null, errorDescriptions: 'public', dpop: { algorithms: ['ES256', 'EdDSA'] } } as const

test('the challenge of a request without a token names the metadata document, the realm and the scopes', t => {
  const { defaultChallenges } = createChallenger(settings)
  t.strictSame(defaultChallenges(null, 'off'), [head])
  t.strictSame(defaultChallenges([], 'off'), [head])
  t.strictSame(defaultChallenges(['a', 'b'], 'off'), [`${head}, scope="a b"`])
  t.strictSame(createChallenger({ ...settings, realm: 'r' }).defaultChallenges(['a', 'b'], 'off'), [`${head}, realm="r", scope="a b"`])
  t.end()
})

test('the policy of a route has this challenge: the first alternative of its scopes, and no step-up [R9470-12]', t => {
  const ours = 'Bearer resource_metadata="https://h/m"'
  for (const [oauth, challenge] of [
    [undefined, ours], [{ scopes: ['a', 'b'], acr: ['urn:a'], maxAgeSeconds: 5 }, `${ours}, scope="a b"`],
    [{ scopes: ['x'], anyOfScopes: ['a', 'b'] }, `${ours}, scope="x a"`]
  ] as const) t.strictSame(policyOf(oauth).defaultChallenges, [challenge])
  t.end()
})

test('errorDescriptions decides what a challenge says in words', t => {
  const refusal = { error: 'invalid_token', description: 'The access token is invalid', reason: 'signature_invalid', scopes: null, authentication: null, scheme: 'Bearer' } as const
  for (const [errorDescriptions, changes, rest] of [
    ['public', {}, ', error="invalid_token", error_description="The access token is invalid"'],
    ['none', {}, ', error="invalid_token"'],
    ['reason', {}, ', error="invalid_token", error_description="The access token is invalid (signature_invalid)"'],
    ['reason', { reason: null }, ', error="invalid_token", error_description="The access token is invalid"'],
    ['reason', { error: null, description: null }, '']
  ] as const) t.strictSame(createChallenger({ ...settings, errorDescriptions }).challenges({ ...refusal, ...changes }, 'off').map(formatChallenge), [head + rest])
  t.end()
})

test('RFC 9449 7.1 a DPoP challenge names the algorithms, and pointer, realm and scopes as the Bearer challenge does [R9449-24]', t => {
  const { defaultChallenges } = createChallenger({ ...settings, realm: 'r' })
  const rest = `resource_metadata="${metadataUrl}", realm="r", scope="a b"`
  const dpop = `DPoP ${rest}, algs="ES256 EdDSA"`
  t.strictSame(defaultChallenges(['a', 'b'], 'allowed'), [`Bearer ${rest}`, dpop])
  t.strictSame(defaultChallenges(['a', 'b'], 'required'), [dpop])
  t.end()
})

test('RFC 9449 7.2 the error goes to the scheme that the client used, and to both where that is not known [R9449-26]', t => {
  const { challenges } = createChallenger(settings)
  const refusal = { error: 'invalid_token', description: 'why', reason: null, scopes: null, authentication: null }
  const errors = (scheme: 'Bearer' | 'DPoP' | null, dpop: 'allowed' | 'required' | 'off'): unknown =>
    challenges({ ...refusal, scheme }, dpop).map(({ scheme: offered, parameters }) => [offered, parameters.get('error'), parameters.get('error_description')])
  t.strictSame(errors('Bearer', 'allowed'), [['Bearer', 'invalid_token', 'why'], ['DPoP', undefined, undefined]])
  t.strictSame(errors('DPoP', 'allowed'), [['Bearer', undefined, undefined], ['DPoP', 'invalid_token', 'why']])
  t.strictSame(errors(null, 'allowed'), [['Bearer', 'invalid_token', 'why'], ['DPoP', 'invalid_token', 'why']])
  t.strictSame(errors('Bearer', 'required'), [['DPoP', 'invalid_token', 'why']])
  t.strictSame(errors('DPoP', 'off'), [['Bearer', 'invalid_token', 'why']])
  t.end()
})
