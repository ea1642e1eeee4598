import { test } from 'tap'
import type { RefusalRedirect } from '../../../lib/impersonation/refusal.ts'
import { refusalLocation } from '../../../lib/impersonation/refusal.ts'

const issuer = 'https://login.example.com'
const redirectUri = 'https://client.example.com/cb'
const locate = (redirect: Partial<RefusalRedirect>) => refusalLocation({ redirectUri, issuer, ...redirect }, 'access_denied', 'Not allowed')
const answer = 'error=access_denied&error_description=Not+allowed'
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
  test(`G20 the way back, ${title}`, t => {
    t.equal(locate(redirect), location)
    t.end()
  })
}

test('G20 what is no redirect URI leads nowhere', t => {
  for (const bad of ['', 'https://client.example.com/cb#x', 'https://client.example.com/\r\nx: y', 'https://client.example.com/ä', 'a b']) {
    t.throws(() => locate({ redirectUri: bad }), TypeError, JSON.stringify(bad))
  }
  t.end()
})
