import { test } from 'tap'
import type { BearerChallengeFields } from '../../../lib/challenge/schemes.ts'
import { bearerChallenge } from '../../../lib/challenge/schemes.ts'
import { formatChallenge } from '../../../lib/challenge/format.ts'

const resourceMetadata = 'https://h/.well-known/oauth-protected-resource'
const cases: ReadonlyArray<readonly [string, Partial<BearerChallengeFields>, string]> = [
  ['the pointer alone', {}, ''],
  ['nothing else where nothing is given',
    { realm: null, scopes: null, error: null, errorDescription: null }, ''],
  ['nothing else where what is given is empty', { realm: '', scopes: [], error: '', errorDescription: '' }, ''],
  ['realm', { realm: 'the "inner" one' }, ', realm="the \\"inner\\" one"'],
  ['scopes in the order given', { scopes: ['b', 'a'] }, ', scope="b a"'],
  ['everything, in a fixed order',
    { errorDescription: 'No', error: 'invalid_token', scopes: ['a'], realm: 'r' },
    ', realm="r", scope="a", error="invalid_token", error_description="No"'],
  ['R9470-02 authentication contexts in the order of preference', { acrValues: ['urn:b', 'urn:a'] }, ', acr_values="urn:b urn:a"'],
  ['R9470-03 the age of the authentication', { maxAgeSeconds: 300 }, ', max_age="300"'],
  ['R9470-03 an age of nothing', { maxAgeSeconds: 0 }, ', max_age="0"'],
  ['R9470-04 both, between scope and error',
    { error: 'insufficient_user_authentication', acrValues: ['a'], maxAgeSeconds: 5, scopes: ['s'] },
    ', scope="s", acr_values="a", max_age="5", error="insufficient_user_authentication"'],
  ['neither where neither is asked for', { acrValues: [], maxAgeSeconds: null }, ''],
  ['a description that has nothing left is left out', { errorDescription: '"\r\n"' }, ''],
  ['a description is made safe', { errorDescription: 'a "b" \r\nx: y' }, ', error_description="a b x: y"']
]

for (const [title, fields, rest] of cases) {
  test(`Bearer challenge: ${title}`, t => {
    const challenge = bearerChallenge({ resourceMetadata, ...fields })
    t.equal(challenge.token68, null)
    t.equal(formatChallenge(challenge), `Bearer resource_metadata="${resourceMetadata}"${rest}`)
    t.end()
  })
}
