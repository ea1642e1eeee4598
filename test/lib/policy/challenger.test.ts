import { test } from 'tap'
import { formatChallenge } from '../../../lib/challenge/format.ts'
import {
  InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError, OAuthResourceError,
  UnavailableError
} from '../../../lib/errors.ts'
import { createChallenger, refusalOf, refusedElsewhere } from '../../../lib/policy/challenger.ts'
import { compileRouteRule, defaultRule } from '../../../lib/policy/route-rule.ts'

const metadataUrl = 'https://h/.well-known/oauth-protected-resource'
const head = `Bearer resource_metadata="${metadataUrl}"`

test('the challenge of a request without a token is made once for each rule', t => {
  const challenger = createChallenger({ metadataUrl, realm: null })
  const rule = compileRouteRule({ scopes: ['a', 'b'] }, 'GET /')
  t.equal(challenger.stock(defaultRule), head)
  t.equal(challenger.stock(rule), `${head}, scope="a b"`)
  t.equal(challenger.stock(rule), `${head}, scope="a b"`)
  t.equal(createChallenger({ metadataUrl, realm: 'r' }).stock(rule), `${head}, realm="r", scope="a b"`)
  t.end()
})

test('of alternatives the first is named', t => {
  const rule = compileRouteRule({ scopes: ['x'], anyOfScopes: ['a', 'b'] }, 'GET /')
  t.equal(createChallenger({ metadataUrl, realm: null }).stock(rule), `${head}, scope="x a"`)
  t.end()
})

const invalid = ', error="invalid_token", error_description="The access token is invalid"'
const insufficient = ', error="insufficient_scope", error_description="The access token does not cover this request"'
for (const [title, refusal, rest] of [
  ['nothing known', null, ', scope="a"'],
  ['refused by somebody else', refusedElsewhere, `, scope="a"${invalid}`],
  ['invalid', refusalOf(new InvalidTokenError('signature_invalid')), `, scope="a"${invalid}`],
  ['expired', refusalOf(new InvalidTokenError('token_expired')),
    ', scope="a", error="invalid_token", error_description="The access token has expired"'],
  ['malformed', refusalOf(new MalformedRequestError('authorization_malformed')),
    ', scope="a", error="invalid_request", error_description="The Authorization header is malformed"'],
  ['missing', refusalOf(new MissingTokenError()), ', scope="a"'],
  ['unavailable', refusalOf(new UnavailableError('keys_unavailable', 1)), ', scope="a"'],
  ['denied', refusalOf(new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' })),
    ', scope="a", error="access_denied", error_description="This authorization is not allowed"'],
  ['a lack of scopes names those that are needed', refusalOf(new InsufficientScopeError(['c', 'd'])), `, scope="c d"${insufficient}`],
  ['what no challenge may hold is left out', refusalOf(new InsufficientScopeError(['c\r\n', 'd', 'e"', 'offline_access', 'f g'])),
    `, scope="d"${insufficient}`],
  ['a message of the host does not reach the wire',
    refusalOf(new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: 'claim_missing', message: 'secret', cause: 'x' })), `, scope="a"${invalid}`]
] as const) {
  test(`challenge: ${title}`, t => {
    const { challenge } = createChallenger({ metadataUrl, realm: null })
    t.equal(formatChallenge(challenge(compileRouteRule({ scopes: ['a'] }, 'GET /'), refusal)), head + rest)
    t.end()
  })
}
