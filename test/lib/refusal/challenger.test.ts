import { test } from 'tap'
import { formatChallenge } from '../../../lib/challenge/format.ts'
import {
  InsufficientAuthenticationError, InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError,
  OAuthResourceError, UnavailableError
} from '../../../lib/errors/errors.ts'
import { createChallenger, refusalOf, refusedElsewhere } from '../../../lib/refusal/challenger.ts'
import { compileRoutePolicy, defaultPolicy } from '../../../lib/policy/route-policy.ts'

const metadataUrl = 'https://h/.well-known/oauth-protected-resource'
const head = `Bearer resource_metadata="${metadataUrl}"`

test('the challenge of a request without a token is made once for each rule', t => {
  const challenger = createChallenger({ metadataUrl, realm: null })
  const rule = compileRoutePolicy({ scopes: ['a', 'b'] }, 'GET /')
  t.equal(challenger.defaultChallenge(defaultPolicy), head)
  t.equal(challenger.defaultChallenge(rule), `${head}, scope="a b"`)
  t.equal(challenger.defaultChallenge(rule), `${head}, scope="a b"`)
  t.equal(createChallenger({ metadataUrl, realm: 'r' }).defaultChallenge(rule), `${head}, realm="r", scope="a b"`)
  const steppedUp = compileRoutePolicy({ scopes: ['a', 'b'], acr: ['urn:a'], maxAgeSeconds: 5 }, 'GET /')
  t.equal(challenger.defaultChallenge(steppedUp), `${head}, scope="a b"`, 'R9470-12 what it takes is not told to everybody')
  t.end()
})

test('of alternatives the first is named', t => {
  const rule = compileRoutePolicy({ scopes: ['x'], anyOfScopes: ['a', 'b'] }, 'GET /')
  t.equal(createChallenger({ metadataUrl, realm: null }).defaultChallenge(rule), `${head}, scope="x a"`)
  t.end()
})

const invalid = ', error="invalid_token", error_description="The access token is invalid"'
const insufficient = ', error="insufficient_scope", error_description="The access token does not cover this request"'
const authenticate = ', error="insufficient_user_authentication", error_description="The user must authenticate again, or in another way"'
for (const [title, refusal, rest] of [
  ['nothing known', null, ', scope="a"'],
  ['refused by somebody else', refusedElsewhere, `, scope="a"${invalid}`],
  ['invalid', refusalOf(new InvalidTokenError('signature_invalid')), `, scope="a"${invalid}`],
  ['expired', refusalOf(new InvalidTokenError('token_expired')),
    ', scope="a", error="invalid_token", error_description="The access token has expired"'],
  ['malformed', refusalOf(new MalformedRequestError('authorization_malformed')),
    ', scope="a", error="invalid_request", error_description="The Authorization header is malformed"'],
  ['missing', refusalOf(new MissingTokenError()), ', scope="a"'],
  ['missing, and more is needed than the route says', refusalOf(new MissingTokenError(['a', 'b'])), ', scope="a b"'],
  ['unavailable', refusalOf(new UnavailableError('keys_unavailable', 1)), ', scope="a"'],
  ['denied', refusalOf(new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' })),
    ', scope="a", error="access_denied", error_description="This authorization is not allowed"'],
  ['a lack of scopes names those that are needed', refusalOf(new InsufficientScopeError(['c', 'd'])), `, scope="c d"${insufficient}`],
  ['what no challenge may hold is left out', refusalOf(new InsufficientScopeError(['c\r\n', 'd', 'e"', 'offline_access', 'f g'])),
    `, scope="d"${insufficient}`],
  ['R9470-05 an authentication that does not suffice, and scopes that are missing',
    refusalOf(new InsufficientAuthenticationError({ acrValues: ['x', 'y'], maxAgeSeconds: 5, requiredScopes: ['c', 'd'] })),
    `, scope="c d", acr_values="x y", max_age="5"${authenticate}`],
  ['scopes that are there are not asked for again',
    refusalOf(new InsufficientAuthenticationError({ acrValues: ['x'] })), `, acr_values="x"${authenticate}`],
  ['what no challenge may hold is left out of the contexts, too',
    refusalOf(new InsufficientAuthenticationError({ acrValues: ['x"', 'y z', '', 'ü', 'w'], maxAgeSeconds: -1, requiredScopes: ['c d'] })),
    `, acr_values="w"${authenticate}`],
  ['an age that is no number of seconds',
    refusalOf(new InsufficientAuthenticationError({ maxAgeSeconds: 1.5 })), authenticate],
  ['an actor that may not act', refusalOf(new OAuthResourceError('FST_OAUTH_ACTOR_REFUSED', { reason: 'actor_refused' })), ', scope="a"'],
  ['a message of the host does not reach the wire',
    refusalOf(new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: 'claim_missing', message: 'secret', cause: 'x' })), `, scope="a"${invalid}`]
] as const) {
  test(`challenge: ${title}`, t => {
    const { challenge } = createChallenger({ metadataUrl, realm: null })
    t.equal(formatChallenge(challenge(compileRoutePolicy({ scopes: ['a'] }, 'GET /'), refusal)), head + rest)
    t.end()
  })
}
