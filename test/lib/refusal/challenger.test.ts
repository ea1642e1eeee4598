import { test } from 'tap'
import { formatChallenge } from '../../../lib/challenge/format.ts'
import { createChallenger } from '../../../lib/refusal/challenger.ts'
import { policyOf } from '../../support/route-policy.ts'

const metadataUrl = 'https://h/.well-known/oauth-protected-resource'
const head = `Bearer resource_metadata="${metadataUrl}"`
const settings = { metadataUrl, realm: null, errorDescriptions: 'public' } as const

test('the challenge of a request without a token names the metadata document, the realm and the scopes', t => {
  const { defaultChallenge } = createChallenger(settings)
  t.equal(defaultChallenge(null), head)
  t.equal(defaultChallenge([]), head)
  t.equal(defaultChallenge(['a', 'b']), `${head}, scope="a b"`)
  t.equal(createChallenger({ ...settings, realm: 'r' }).defaultChallenge(['a', 'b']), `${head}, realm="r", scope="a b"`)
  t.end()
})

test('the policy of a route has this challenge: the first alternative of its scopes, and no step-up [R9470-12]', t => {
  const ours = 'Bearer resource_metadata="https://h/m"'
  for (const [oauth, challenge] of [
    [undefined, ours], [{ scopes: ['a', 'b'], acr: ['urn:a'], maxAgeSeconds: 5 }, `${ours}, scope="a b"`],
    [{ scopes: ['x'], anyOfScopes: ['a', 'b'] }, `${ours}, scope="x a"`]
  ] as const) t.equal(policyOf(oauth).defaultChallenge, challenge)
  t.end()
})

test('errorDescriptions decides what a challenge says in words', t => {
  const refusal = { error: 'invalid_token', description: 'The access token is invalid', reason: 'signature_invalid', scopes: null, authentication: null }
  for (const [errorDescriptions, changes, rest] of [
    ['public', {}, ', error="invalid_token", error_description="The access token is invalid"'],
    ['none', {}, ', error="invalid_token"'],
    ['reason', {}, ', error="invalid_token", error_description="The access token is invalid (signature_invalid)"'],
    ['reason', { reason: null }, ', error="invalid_token", error_description="The access token is invalid"'],
    ['reason', { error: null, description: null }, '']
  ] as const) t.equal(formatChallenge(createChallenger({ ...settings, errorDescriptions }).challenge({ ...refusal, ...changes })), head + rest)
  t.end()
})
