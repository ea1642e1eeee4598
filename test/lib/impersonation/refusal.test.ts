import { test } from 'tap'
import type { RefusalRedirect } from '../../../lib/impersonation/refusal.ts'
import { grantRefusal } from '../../../lib/impersonation/refusal.ts'

const issuer = 'https://login.example.com'
const redirectUri = 'https://client.example.com/cb'
const locate = (redirect: Partial<RefusalRedirect>) => grantRefusal({ reason: 'not_approved' }, { redirectUri, issuer, ...redirect }).location
const answer = 'error=access_denied&error_description=This+authorization+is+not+allowed'
const iss = 'iss=https%3A%2F%2Flogin.example.com'

const cases: ReadonlyArray<readonly [title: string, redirect: Partial<RefusalRedirect>, location: string]> = [
  ['with the state as it came', { state: 'a b&c=d' }, `${redirectUri}?${answer}&state=a+b%26c%3Dd&${iss}`],
  ['with an empty state', { state: '' }, `${redirectUri}?${answer}&state=&${iss}`],
  ['without a state', {}, `${redirectUri}?${answer}&${iss}`],
  ['without a state that is null', { state: null }, `${redirectUri}?${answer}&${iss}`],
  ['behind a query that is there', { redirectUri: `${redirectUri}?a=1` }, `${redirectUri}?a=1&${answer}&${iss}`],
  ['behind a query that is empty', { redirectUri: `${redirectUri}?` }, `${redirectUri}?${answer}&${iss}`],
  ['behind a query that goes on', { redirectUri: `${redirectUri}?a=1&` }, `${redirectUri}?a=1&${answer}&${iss}`],
  ['in the fragment', { responseMode: 'fragment' }, `${redirectUri}#${answer}&${iss}`],
  ['in the fragment behind a query', { redirectUri: `${redirectUri}?a=1`, responseMode: 'fragment' }, `${redirectUri}?a=1#${answer}&${iss}`],
  ['to a scheme of an app', { redirectUri: 'com.example.app:/cb' }, `com.example.app:/cb?${answer}&${iss}`],
  ['with the redirect URI as it was registered', { redirectUri: 'HTTP://127.0.0.1:8080' }, `HTTP://127.0.0.1:8080?${answer}&${iss}`]
]
for (const [title, redirect, location] of cases) {
  test(`the way back, ${title} (G20)`, t => {
    t.equal(locate(redirect), location)
    t.end()
  })
}

test('what is no redirect URI leads nowhere (G20)', t => {
  for (const bad of ['', 'https://client.example.com/cb#x', 'https://client.example.com/\r\nx: y', 'https://client.example.com/ä', 'a b']) {
    t.throws(() => locate({ redirectUri: bad }), TypeError, JSON.stringify(bad))
  }
  t.end()
})

test('RFC 6749 4.1.2.1: a refusal is access_denied, and a check that could not be completed is temporarily_unavailable [C7]', t => {
  const body = { error: 'access_denied', error_description: 'This authorization is not allowed' }
  t.strictSame(grantRefusal({ reason: 'not_approved' }), { statusCode: 403, headers: { 'cache-control': 'no-store' }, location: null, body })
  t.match(grantRefusal({ reason: 'not_approved' }, { error: 'invalid_grant' }), { statusCode: 400, body: { error: 'invalid_grant' } })
  const unavailable = { error: 'temporarily_unavailable', error_description: 'Whether this authorization is allowed could not be checked' }
  for (const error of ['access_denied', 'invalid_grant'] as const) {
    t.strictSame(grantRefusal({ reason: 'lookup_failed' }, { error }), { statusCode: 503, headers: { 'cache-control': 'no-store', 'retry-after': '5' }, location: null, body: unavailable })
  }
  t.match(grantRefusal({ reason: 'lookup_failed' }, { redirectUri, issuer, state: 's' }),
    { statusCode: 303, location: `${redirectUri}?${String(new URLSearchParams({ ...unavailable, state: 's', iss: issuer }))}` })
  t.end()
})
