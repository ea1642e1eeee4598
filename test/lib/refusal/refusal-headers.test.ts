import { test } from 'tap'
import { InsufficientScopeError, InvalidTokenError, MalformedRequestError, MissingTokenError, OAuthResourceError, UnavailableError } from '../../../lib/errors/errors.ts'
import { createChallenger } from '../../../lib/refusal/challenger.ts'
import type { Refused } from '../../../lib/refusal/refusal-headers.ts'
import { refusalHeaders } from '../../../lib/refusal/refusal-headers.ts'
import { compileRoutePolicy, defaultPolicy } from '../../../lib/policy/route-policy.ts'

const challenger = createChallenger({ metadataUrl: 'https://h/m', realm: null, errorDescriptions: 'none' })
const stock = 'Bearer resource_metadata="https://h/m"'
const invalid = `${stock}, error="invalid_token"`

function headersOf (changes: Partial<Refused> = {}, existing: Record<string, unknown> = {}): ReturnType<typeof refusalHeaders> {
  return refusalHeaders({
    error: null, rule: defaultPolicy, hasCredentials: () => false, hasOrigin: false, header: name => existing[name], ...changes
  }, challenger)
}
const challengeOf = (...args: Parameters<typeof headersOf>): unknown => headersOf(...args).headers['www-authenticate']

test('who gets a challenge, and what it says', async t => {
  const cases: Array<[error: OAuthResourceError | null, hasCredentials: boolean, challenge: string | undefined]> = [
    [null, false, stock], [null, true, invalid],
    [new MissingTokenError(), true, stock], [new MissingTokenError(['read']), false, `${stock}, scope="read"`],
    [new InvalidTokenError('token_expired'), true, invalid],
    [new MalformedRequestError('authorization_malformed'), true, `${stock}, error="invalid_request"`],
    [new InsufficientScopeError(['read']), true, `${stock}, scope="read", error="insufficient_scope"`],
    [new OAuthResourceError('FST_OAUTH_POLICY_REFUSED', { reason: 'policy_refused' }), true, undefined],
    [new UnavailableError('keys_unavailable', 7), true, undefined]
  ]
  for (const [error, hasCredentials, challenge] of cases) {
    t.equal(challengeOf({ error, hasCredentials: () => hasCredentials }), challenge, `${error?.code} ${hasCredentials}`)
  }
})

test('when to come back is said once', async t => {
  const error = new UnavailableError('keys_unavailable', 7)
  t.strictSame(headersOf({ error }).headers, { 'retry-after': '7' })
  t.strictSame(headersOf({ error }, { 'retry-after': '60' }).headers, {})
})

test('what becomes of a challenge that is there', async t => {
  const ruleOf = (oauth: object) => compileRoutePolicy(oauth, 'GET /')
  const basic = { 'www-authenticate': 'Basic realm="x"' }
  const pinned = ruleOf({ pinnedChallenge: 'Digest nonce="x"' })
  for (const [rule, error, expected] of [
    [ruleOf({}), null, [stock, 'Basic realm="x"']],
    [ruleOf({ challenge: 'replace' }), null, stock],
    [ruleOf({ challenge: 'keep' }), null, 'Basic realm="x"'],
    [ruleOf({ challenge: 'none' }), null, undefined],
    [pinned, null, 'Digest nonce="x"'],
    [pinned, new InvalidTokenError('token_expired'), 'Digest nonce="x"'],
    [pinned, new InsufficientScopeError(['a']), [`${stock}, scope="a", error="insufficient_scope"`, 'Basic realm="x"']]
  ] as const) t.strictSame(challengeOf({ rule, error }, basic), expected)
  t.strictSame(challengeOf({ rule: ruleOf({ challenge: 'keep' }) }, { 'www-authenticate': ['Basic', 'Digest'] }), ['Basic', 'Digest'])
  t.equal(challengeOf({ rule: ruleOf({ challenge: 'keep' }) }), stock, 'where there is none to keep')
  t.match(headersOf({}, { 'www-authenticate': '"=,' }), { headers: { 'www-authenticate': stock }, droppedUnreadable: true })
  t.equal(headersOf({}, basic).droppedUnreadable, false)
})

test('a refusal is kept by nobody, and read by scripts of other origins', async t => {
  t.strictSame(headersOf().headers, { 'www-authenticate': stock, 'cache-control': 'no-store' })
  for (const [existing, expected] of [
    [undefined, 'WWW-Authenticate'], ['X-A', 'X-A, WWW-Authenticate'], ['x-a, www-authenticate', 'x-a, www-authenticate'],
    [['X-A', ' X-B,'], 'X-A, X-B, WWW-Authenticate']
  ] as const) {
    t.equal(headersOf({ hasOrigin: true }, { 'access-control-expose-headers': existing }).headers['access-control-expose-headers'], expected)
  }
})
