import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { createSigningKey } from '../../../lib/testing/signing-key.ts'
import { createMemoryRevocationStore } from '../../../plugins/index.ts'

const issuer = 'https://login.example.com'
const revocations = createMemoryRevocationStore()
const push = { path: '/events' }
const poll = { endpoint: `${issuer}/poll` }
const base = { resource: 'https://api.example.com', authorizationServers: [issuer], revocations }
const resolve = (transmitter: object, more: object = {}) =>
  resolveConfig({ ...base, sharedSignals: { transmitters: [{ issuer, push, ...transmitter }] }, ...more }).config.sharedSignals!

test('defaults', t => {
  t.equal(resolveConfig(base).config.sharedSignals, null)
  const { transmitters: [one], onEvent, resolveSubject, isExpectedState, replays } = resolve({ poll })
  t.match(one, {
    expected: { issuer, audiences: ['https://api.example.com'], clockToleranceSeconds: 5 },
    issuers: [issuer], jwks: null, jwksUri: null, criticalMembers: null,
    push: { path: '/events' },
    poll: { endpoint: `${issuer}/poll`, authorization: null, maxEvents: 25, timeoutMs: 60_000, intervalMs: 5000 }
  })
  t.ok(one!.revokeOn.includes('session-revoked'))
  t.equal(one!.push!.isAuthorized(undefined), true)
  t.strictSame([onEvent, resolveSubject, isExpectedState], [null, null, null])
  t.equal(replays.seen('a', Date.now() + 1000), false)
  t.strictSame(resolve({ jwksUri: `${issuer}/keys` }).transmitters[0]!.criticalMembers, [])
  t.strictSame(resolve({ push: undefined, poll }).transmitters[0]!.push, null)
  t.end()
})

test('what cannot be used stops the boot, and the message names option and value', t => {
  const key = createSigningKey('ES256', 'a').publicJwk
  const cases: ReadonlyArray<readonly [transmitter: object, message: RegExp | string, more?: object]> = [
    [{}, 'sharedSignals requires revocations: a store with a function revoke, such as createMemoryRevocationStore()', { revocations: undefined }],
    [{}, /^sharedSignals requires revocations/, { revocations: { isRevoked: () => false } }],
    [{ issuer: undefined }, /`sharedSignals\.transmitters\[0\]\.issuer` is required/],
    [{ issuer: 'http://login.example.com' }, /^sharedSignals\.transmitters\[0\]\.issuer must be https/],
    [{ issuer: `${issuer}?x=1` }, /^sharedSignals\.transmitters\[0\]\.issuer must have no query/],
    [{ push: undefined }, /has neither push nor poll/],
    [{ push: { path: 'events' } }, /push\.path must be a string that matches .* \(the path of a route\), got "events"/],
    [{ push: { path: '/events?x' } }, /push\.path must/],
    [{ poll: { endpoint: 'http://other.example' } }, /poll\.endpoint must be https/],
    [{ poll: { ...poll, maxEvents: 0 } }, /maxEvents must/],
    [{ jwksUri: 'http://x.example' }, /jwksUri must be https/],
    [{ jwksUri: `${issuer}/keys`, jwks: { keys: [key] } }, /contradict each other/],
    [{ jwks: { keys: [{ kty: 'oct', k: 'x' }] } }, /jwks has no public key that can be used/],
    [{ algorithms: ['HS256'] }, /algorithms must be of .* got "HS256"/],
    [{ revokeOn: ['session-revokd'] }, /revokeOn\[0\] must be one of .* Did you mean "session-revoked"\?/],
    [{ audiance: 'x' }, /unknown option "audiance"\. Did you mean "audience"\?/]
  ]
  for (const [transmitter, message, more] of cases) {
    t.throws(() => resolve(transmitter, more), typeof message === 'string' ? { message } : { message, code: 'FST_OAUTH_OPTION_INVALID' }, JSON.stringify(transmitter))
  }
  t.throws(() => resolveConfig({ ...base, sharedSignals: { transmitters: [{ issuer, push }, { issuer: 'https://other.example', push }] } }), { message: /push\.path "\/events" twice/ })
  t.throws(() => resolveConfig({ ...base, sharedSignals: { transmitters: [] } }), { message: /transmitters must be a non-empty array/ })
  t.throws(() => resolve({ push: { path: '/events', authorization: 7 } }), { message: /authorization must be a non-empty string, got a number/ }, 'no secret is printed')
  t.end()
})
