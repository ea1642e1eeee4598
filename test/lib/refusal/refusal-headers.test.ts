import { test } from 'tap'
import {
  InsufficientAuthenticationError, InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError,
  OAuthResourceError, UnavailableError
} from '../../../lib/errors/errors.ts'
import { createChallenger } from '../../../lib/refusal/challenger.ts'
import type { RefusedRequest } from '../../../lib/refusal/refusal-headers.ts'
import { refusalHeaders } from '../../../lib/refusal/refusal-headers.ts'
import { policyOf } from '../../support/route-policy.ts'

const challenger = createChallenger({ metadataUrl: 'https://h/m', realm: null, errorDescriptions: 'none', dpop: { algorithms: ['ES256'] } })
const defaultChallenge = 'Bearer resource_metadata="https://h/m"'
const invalid = `${defaultChallenge}, error="invalid_token"`

function headersOf (changes: Partial<RefusedRequest> = {}, existing: Record<string, unknown> = {}): ReturnType<typeof refusalHeaders> {
  return refusalHeaders({
    error: null,
    policy: policyOf(),
    hasCredentials: false,
    scheme: null,
    hasOrigin: false,
    existing: {
      challenge: existing['www-authenticate'], exposedHeaders: existing['access-control-expose-headers'], retryAfter: existing['retry-after']
    },
    ...changes
  }, challenger)
}
const challengeOf = (...args: Parameters<typeof headersOf>): unknown => headersOf(...args).headers['www-authenticate']

test('who gets a challenge, and what it says', async t => {
  const cases: Array<[error: OAuthResourceError | null, hasCredentials: boolean, challenge: string | undefined]> = [
    [null, false, defaultChallenge], [null, true, invalid],
    [new MissingTokenError(), true, defaultChallenge], [new MissingTokenError(['read']), false, `${defaultChallenge}, scope="read"`],
    [new InvalidTokenError('token_expired'), true, invalid],
    [new MalformedRequestError('authorization_malformed'), true, `${defaultChallenge}, error="invalid_request"`],
    [new InsufficientScopeError(['read']), true, `${defaultChallenge}, scope="read", error="insufficient_scope"`],
    [new OAuthResourceError('FST_OAUTH_POLICY_REFUSED', { reason: 'policy_refused' }), true, undefined],
    [new UnavailableError('keys_unavailable', 7), true, undefined]
  ]
  for (const [error, hasCredentials, challenge] of cases) {
    t.equal(challengeOf({ error, hasCredentials }), challenge, `${error?.code} ${hasCredentials}`)
  }
})

test('when to come back is said once', async t => {
  const error = new UnavailableError('keys_unavailable', 7)
  t.strictSame(headersOf({ error }).headers, { 'retry-after': '7' })
  t.strictSame(headersOf({ error }, { 'retry-after': '60' }).headers, {})
  // The host can throw the base class, which has no time of its own.
  const ofHost = new OAuthResourceError('FST_OAUTH_UNAVAILABLE', { reason: 'policy_unavailable' })
  t.strictSame(headersOf({ error: ofHost }).headers, { 'retry-after': '5' })
})

test('what becomes of a challenge that is there', async t => {
  const basic = { 'www-authenticate': 'Basic realm="x"' }
  const pinned = policyOf({ pinnedChallenge: 'Digest nonce="x"' })
  for (const [policy, error, expected] of [
    [policyOf({}), null, [defaultChallenge, 'Basic realm="x"']],
    [policyOf({ challenge: 'replace' }), null, defaultChallenge],
    [policyOf({ challenge: 'keep' }), null, 'Basic realm="x"'],
    [policyOf({ challenge: 'none' }), null, undefined],
    [pinned, null, 'Digest nonce="x"'],
    [pinned, new InvalidTokenError('token_expired'), 'Digest nonce="x"'],
    [pinned, new InsufficientScopeError(['a']), [`${defaultChallenge}, scope="a", error="insufficient_scope"`, 'Basic realm="x"']]
  ] as const) t.strictSame(challengeOf({ policy, error }, basic), expected)
  t.strictSame(challengeOf({ policy: policyOf({ challenge: 'keep' }) }, { 'www-authenticate': ['Basic', 'Digest'] }), ['Basic', 'Digest'])
  t.equal(challengeOf({ policy: policyOf({ challenge: 'keep' }) }), defaultChallenge, 'where there is none to keep')
  t.match(headersOf({}, { 'www-authenticate': '"=,' }), { headers: { 'www-authenticate': defaultChallenge }, droppedUnreadable: true })
  t.equal(headersOf({}, basic).droppedUnreadable, false)
})

test('a refusal is kept by nobody, and read by scripts of other origins', async t => {
  t.strictSame(headersOf().headers, { 'www-authenticate': defaultChallenge, 'cache-control': 'no-store' })
  for (const [existing, expected] of [
    [undefined, 'WWW-Authenticate'], ['X-A', 'X-A, WWW-Authenticate'], ['x-a, www-authenticate', 'x-a, www-authenticate'],
    [['X-A', ' X-B,'], 'X-A, X-B, WWW-Authenticate']
  ] as const) {
    t.equal(headersOf({ hasOrigin: true }, { 'access-control-expose-headers': existing }).headers['access-control-expose-headers'], expected)
  }
})

const invalidToken = ', error="invalid_token", error_description="The access token is invalid"'
const insufficient = ', error="insufficient_scope", error_description="The access token does not cover this request"'
const authenticate = ', error="insufficient_user_authentication", error_description="The user must authenticate again, or by another method"'
for (const [title, refusal, rest] of [
  ['no credentials', null, ', scope="a"'],
  ['a token that another party refused', 'credentials', `, scope="a"${invalidToken}`],
  ['invalid', new InvalidTokenError('signature_invalid'), `, scope="a"${invalidToken}`],
  ['expired', new InvalidTokenError('token_expired'),
    ', scope="a", error="invalid_token", error_description="The access token has expired"'],
  ['malformed', new MalformedRequestError('authorization_malformed'),
    ', scope="a", error="invalid_request", error_description="The Authorization header is malformed"'],
  ['missing', new MissingTokenError(), ', scope="a"'],
  ['missing, and more is needed than the route says', new MissingTokenError(['a', 'b']), ', scope="a b"'],
  ['unavailable', new UnavailableError('keys_unavailable', 1), null],
  ['denied', new OAuthResourceError('FST_OAUTH_ACCESS_DENIED', { reason: 'not_approved' }),
    null],
  ['a lack of scopes names those that are needed', new InsufficientScopeError(['c', 'd']), `, scope="c d"${insufficient}`],
  ['what no challenge may hold is left out', new InsufficientScopeError(['c\r\n', 'd', 'e"', 'offline_access', 'f g']),
    `, scope="d"${insufficient}`],
  ['R9470-05 an authentication that does not suffice, and scopes that are missing',
    new InsufficientAuthenticationError({ acrValues: ['x', 'y'], maxAgeSeconds: 5, requiredScopes: ['c', 'd'] }),
    `, scope="c d", acr_values="x y", max_age="5"${authenticate}`],
  ['scopes that are there are not asked for again',
    new InsufficientAuthenticationError({ acrValues: ['x'] }), `, acr_values="x"${authenticate}`],
  ['what no challenge may hold is left out of the contexts, too',
    new InsufficientAuthenticationError({ acrValues: ['x"', 'y z', '', 'ü', 'w'], maxAgeSeconds: -1, requiredScopes: ['c d'] }),
    `, acr_values="w"${authenticate}`],
  ['an age that is no number of seconds',
    new InsufficientAuthenticationError({ maxAgeSeconds: 1.5 }), authenticate],
  ['an actor that may not act', new OAuthResourceError('FST_OAUTH_ACTOR_REFUSED', { reason: 'actor_refused' }), null],
  ['a message of the host does not reach the wire',
    new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: 'claim_missing', message: 'secret', cause: 'x' }), `, scope="a"${invalidToken}`]
] as const) {
  test(`challenge of a refusal: ${title}`, t => {
    const error = refusal instanceof Error ? refusal : null
    const { headers } = refusalHeaders({
      error, policy: policyOf({ scopes: ['a'] }), hasCredentials: refusal === 'credentials', scheme: null, hasOrigin: false,
      existing: { challenge: undefined, exposedHeaders: undefined, retryAfter: undefined }
    }, createChallenger({ metadataUrl: 'https://h/m', realm: null, errorDescriptions: 'public', dpop: null }))
    t.equal(headers['www-authenticate'], rest === null ? undefined : defaultChallenge + rest)
    t.end()
  })
}

test('the challenges of a route are made once for each refusal, and what differs between requests is made for each', async t => {
  let made = 0
  const counting = { ...challenger, challenges: (...args: Parameters<typeof challenger.challenges>) => { made++; return challenger.challenges(...args) } }
  const policy = policyOf({ scopes: ['read'] }, 'allowed')
  const answer = (changes: Partial<RefusedRequest>): unknown => refusalHeaders({
    error: null, policy, hasCredentials: true, scheme: 'Bearer', hasOrigin: false,
    existing: { challenge: undefined, exposedHeaders: undefined, retryAfter: undefined }, ...changes
  }, counting).headers['www-authenticate']

  const first = answer({ error: new InvalidTokenError('token_malformed') })
  t.strictSame(answer({ error: new InvalidTokenError('token_malformed') }), first)
  t.equal(made, 1, 'once')
  t.notSame(answer({ error: new InvalidTokenError('token_malformed'), scheme: 'DPoP' }), first, 'not for another scheme')
  t.notSame(answer({ error: new MalformedRequestError('authorization_malformed') }), first, 'nor for another error')
  t.equal(made, 3)

  const named = (scope: string): unknown => answer({ error: new InsufficientScopeError([scope]) })
  t.match([named('a'), named('b')], [/scope="a"/, /scope="b"/], 'scopes that a handler names')
  const old = (maxAgeSeconds: number): unknown => answer({ error: new InsufficientAuthenticationError({ acrValues: [], maxAgeSeconds, requiredScopes: [] }) })
  t.match([old(5), old(6)], [/max_age="5"/, /max_age="6"/])

  made = 0
  const ofHost = (i: number): unknown => answer({ error: new OAuthResourceError('FST_OAUTH_TOKEN_INVALID', { reason: `of-the-host-${i}` as 'token_malformed' }) })
  for (let i = 0; i < 200; i++) t.strictSame(ofHost(i), first)
  t.equal(made, 200)
  ofHost(0)
  t.equal(made, 200, 'a kind that is kept is not made again')
  ofHost(199)
  t.equal(made, 201, 'reasons that a host makes up do not fill the memory')

  const shared = answer({ error: new InvalidTokenError('token_malformed') }) as string[]
  shared.push('Basic')
  t.strictSame(answer({ error: new InvalidTokenError('token_malformed') }), first, 'what a host does to the headers of one response stays there')
})
