import { test } from 'tap'
import { OptionError } from '../../../lib/errors/errors.ts'
import { createImpersonationGuard } from '../../../lib/impersonation/guard.ts'
import { createImpersonationRecord } from '../../../lib/impersonation/record.ts'
import type { ImpersonationRecord } from '../../../lib/impersonation/record.ts'
import type { ImpersonationGuardOptions } from '../../../lib/impersonation/options.ts'
import type { GuardedRouteOptions } from '../../../lib/impersonation/route.ts'
import { checkGuardedRequest, checkGuardedRoute, refuseGuardedRequest } from '../../../lib/impersonation/route.ts'
import { decision, lookupFailed } from '../../../lib/impersonation/check-grant.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantAccess } from '../../../lib/stores/organizations/organization-directory.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'

interface FakeRequest { staff?: string }
type Route = GuardedRouteOptions<FakeRequest>

const approved: GrantAccess = { level: 'organization', organizations: ['yes'] }
const sam = { staff: 'sam', customer: 'ann', sessionId: 's-1' }
const yes = { accessOf: () => approved }
const failures: ReadonlyArray<readonly [title: string, fail: () => never]> = [
  ['throws', () => { throw new Error('down') }],
  ['rejects', (() => Promise.reject(new Error('down'))) as () => never],
  ['never answers', (() => new Promise(() => {})) as () => never]
]

function setup (options: Partial<ImpersonationGuardOptions<FakeRequest>> = {}) {
  const clock = createTestClock()
  const directory = createMemoryOrganizationDirectory({
    organizations: [{ id: 'yes', aiApproved: true }, { id: 'no' }], memberships: [{ customer: 'ann', organization: 'no' }]
  }, { clock })
  const guard = createImpersonationGuard<FakeRequest>({
    directory, impersonationOf: ({ staff }) => staff === undefined ? null : { ...sam, staff }, ...options
  }, clock)
  /** The step is the usual one of its kind, where the route does not say. */
  const check = async (request: FakeRequest, route: Partial<Route>, token: Partial<AccessToken> | null = null, impersonated = false) =>
    await checkGuardedRequest(guard, request, { step: route.storedRecord === undefined ? 'consent' : 'automatic-approval', ...route },
      token && accessTokenOf(token), impersonated)
  const record = createImpersonationRecord(sam, { access: approved, grantedAt: clock.now() })!
  return { check, record }
}

test('routes that make no grants', t => {
  t.equal(checkGuardedRoute(undefined, 'GET /'), null)
  t.equal(checkGuardedRoute(false, 'GET /'), null)
  const when = (): boolean => true
  const all = {
    when, step: 'exchange', storedRecord: () => null, onRefused: () => {}, redirectOf: () => null, refuseWith: 'invalid_grant', tokens: 'any'
  }
  t.equal(checkGuardedRoute(all, 'GET /'), all)
  t.ok(checkGuardedRoute({ step: () => 'exchange' }, 'GET /'), 'only the request will tell')
  t.same(checkGuardedRoute({ step: 'consent', when }, 'GET /'), { step: 'consent', when })
  t.ok(checkGuardedRoute({ step: 'consent', refuseWith: 'access_denied' }, 'GET /'))
  t.end()
})

test('a guarded route names its step: true would take the session of a client for a customer\'s [D1]', t => {
  for (const given of [true, {}, { when: () => true }, 'consent', null]) {
    t.throws(() => checkGuardedRoute(given, 'POST /token'), { name: 'OptionError', message: /^config\.impersonationGuard of POST \/token must be an object that names its step, got .*storedRecord/ }, JSON.stringify(given))
  }
  t.end()
})

test('a route that uses a grant again needs its stored record [D1] (G14, G16)', t => {
  for (const step of ['automatic-approval', 'exchange', 'refresh']) {
    t.throws(() => checkGuardedRoute({ step }, 'POST /token'),
      new OptionError(`config.impersonationGuard of POST /token: step "${step}" needs storedRecord, a function that reads the record which was saved with the grant`))
    t.ok(checkGuardedRoute({ step, storedRecord: () => null }, 'POST /token'))
  }
  t.throws(() => checkGuardedRoute({ step: 'consent', storedRecord: () => null }, 'POST /consent'),
    new OptionError('config.impersonationGuard of POST /consent: step "consent" makes a new grant, which has no storedRecord. Remove it, or set another step'))
  t.throws(() => checkGuardedRoute({ step: 'exchange', storedRecord: () => null, accessOf: () => null }, 'POST /token'),
    new OptionError('config.impersonationGuard of POST /token: accessOf and storedRecord contradict each other: the stored record says what its grant gives access to'))
  t.end()
})

test('a guarded route with an option that makes no sense is named', t => {
  t.throws(() => checkGuardedRoute({ step: 'elsewhere' }, 'POST /consent'), { message: /^config\.impersonationGuard\.step of POST \/consent must be one of "first-party", / })
  t.throws(() => checkGuardedRoute({ step: 'consent', tokens: 'all' }, 'POST /consent'), { message: /tokens of POST \/consent must be one of "direct", "any", got "all"$/ })
  t.throws(() => checkGuardedRoute({ step: 'consent', whenever: true }, 'POST /consent'), { message: 'config.impersonationGuard of POST /consent: unknown option "whenever". Known options: step, accessOf, storedRecord, when, onRefused, redirectOf, refuseWith, tokens.' })
  t.throws(() => checkGuardedRoute({ step: 'consent', when: true }, 'POST /consent'), { message: /\.when of POST \/consent must be a function, got true/ })
  t.end()
})

test('the step of the request must be of the kind of the route: an exchange is never checked without a record [D1]', async t => {
  const { check, record } = setup()
  for (const step of ['exchange', 'refresh', 'automatic-approval', 'elsewhere', undefined] as never[]) {
    t.match(await check({}, { step: () => step }), { allowed: false, reason: 'step_refused' }, `${String(step)} without a record`)
  }
  for (const step of ['consent', 'first-party'] as const) {
    for (const storedRecord of [null, record]) {
      t.match(await check({}, { step: () => step, storedRecord: () => storedRecord }), { allowed: false, reason: 'step_refused' }, `${step} with a record`)
    }
  }
  t.match(await check({}, { step: () => 'exchange', storedRecord: () => record }), { allowed: true, step: 'exchange' })
  t.match(await check({}, { step: async () => 'first-party' as const }), { allowed: true, step: 'first-party' })
})

test('a request that would make no grant is not checked (G13)', async t => {
  const { check } = setup()
  t.equal(await check({ staff: 's' }, { when: async () => false }), null)
  t.match(await check({ staff: 's' }, { when: () => true }), { allowed: false })
  t.match(await check({ staff: 's' }, { when: () => 0 as unknown as boolean }), { allowed: false }, 'only false says so')
})

for (const [title, fail] of failures) {
  test(`an impersonator is refused when a function of the route ${title} (G19)`, async t => {
    const { check } = setup({ timeoutMs: 1 })
    const refused = { allowed: false, reason: 'lookup_failed', record: null }
    t.match(await check({ staff: 's' }, { ...yes, when: fail }), { ...refused, impersonation: { staff: 's' }, error: { message: /./ } })
    t.match(await check({ staff: 's' }, { when: fail }), { ...refused, impersonation: { staff: 's' } })
    t.match(await check({}, { storedRecord: fail }), { ...refused, impersonation: null }, 'whose grant it is, is not known')
    t.match(await check({}, { when: fail, storedRecord: fail }), refused)
    t.match(await check({}, { step: fail }), { ...refused, step: null }, 'nor by whom the step is taken')
    t.match(await check({}, { step: fail, storedRecord: () => null }), { ...refused, step: null })
    t.match(await setup({ timeoutMs: 1, impersonationOf: fail }).check({}, { ...yes, when: fail }), { ...refused, impersonation: null }, 'nor who has the session')
  })

  test(`a customer is not blocked when when ${title} (G1)`, async t => {
    const { check, record } = setup({ timeoutMs: 1 })
    const allowed = { allowed: true, reason: 'not_impersonating', error: { message: /./ } }
    t.match(await check({}, { when: fail }), allowed)
    t.match(await check({}, { when: fail, storedRecord: () => null }), { ...allowed, step: 'automatic-approval' })
    t.match(await check({}, { when: fail, step: 'exchange', storedRecord: () => null }), allowed, 'nor is the client of a customer\'s code')
    for (const step of ['automatic-approval', 'exchange'] as const) {
      t.match(await check({}, { when: fail, step, storedRecord: () => record }), { allowed: false, reason: 'lookup_failed', impersonation: { staff: 'sam' } })
    }
    const agent = { actor: { issuer: 'https://login.example.com', subject: 'agent' } }
    t.match(await check({}, { when: fail }, agent), { allowed: false, reason: 'token_not_direct' })
  })
}

test('a grant is made with a user\'s own token (GG-02, GG-03, GG-04)', async t => {
  const { check } = setup()
  const others: ReadonlyArray<readonly [Partial<AccessToken>, boolean?]> = [
    [{ actor: { issuer: 'https://login.example.com', subject: 'agent' } }], [{}, true], [{ principalType: 'client' }],
    // Whether impersonatedTokens is configured or not: the mark says so itself.
    [{ claims: { impersonation: { granted_at: 5 } } }], [{ claims: { impersonation: true } }]
  ]
  t.match(await check({}, {}, {}), { allowed: true })
  for (const [token, impersonated] of others) {
    const decided = await check({}, {}, token, impersonated)
    t.match(decided, { allowed: false, reason: 'token_not_direct' }, JSON.stringify(token))
    t.equal(decided!.impersonation, null)
    t.match(await check({}, { tokens: 'direct' }, token, impersonated), { allowed: false })
    t.match(await check({}, { tokens: 'any' }, token, impersonated), { allowed: true })
    t.match(await check({ staff: 's' }, { tokens: 'any' }, token, impersonated), { allowed: false, reason: 'not_approved' })
    t.equal(await check({}, { when: () => false }, token, impersonated), null, 'a request that makes no grant may have any token')
  }
})

const denied = decision('not_approved', { impersonation: sam })
const redirect = { redirectUri: 'https://client.example/cb', state: 's', issuer: 'https://login.example.com' }

test('a refusal is sent back to the client where the route says so, and stays a refusal when that fails (G20)', async t => {
  const failed: string[] = []
  const refuse = async (route: Partial<Route>, decided = denied) =>
    await refuseGuardedRequest<FakeRequest>({}, { step: 'consent', ...route }, decided, 1, (_error, what) => { failed.push(what) })
  t.match(await refuse({}), { statusCode: 403, location: null, body: { error: 'access_denied' } })
  t.match(await refuse({ refuseWith: 'invalid_grant' }), { statusCode: 400, body: { error: 'invalid_grant' } })
  t.match(await refuse({ redirectOf: async () => redirect }), { statusCode: 303, location: /^https:\/\/client\.example\/cb\?error=access_denied/ })
  t.match(await refuse({ redirectOf: () => null }), { statusCode: 403 })
  t.strictSame(failed, [])
  for (const [title, fail] of failures) t.match(await refuse({ redirectOf: fail, onRefused: fail }), { statusCode: 403, location: null }, title)
  t.match(await refuse({ redirectOf: () => ({ ...redirect, redirectUri: 'https://client.example/#x' }) }), { statusCode: 403 })
  t.strictSame(failed, [...failures.flatMap(() => ['onRefused', 'redirectOf']), 'redirectOf'])
})

test('a code is deleted with a refusal, and kept when the check could not be completed [C7] (G16)', async t => {
  const heard: unknown[] = []
  const onRefused = (_request: FakeRequest, decided: unknown): void => { heard.push(decided) }
  const refuse = async (decided: typeof denied, route: Partial<Route> = {}) =>
    await refuseGuardedRequest<FakeRequest>({}, { step: 'exchange', onRefused, refuseWith: 'invalid_grant', ...route }, decided, 1, () => {})
  const unknown = lookupFailed(new Error('down'))
  t.match(await refuse(unknown), { statusCode: 503, headers: { 'retry-after': '5' }, body: { error: 'temporarily_unavailable' } })
  t.match(await refuse(unknown, { redirectOf: () => redirect }), { statusCode: 303, location: /error=temporarily_unavailable/ })
  t.strictSame(heard, [])
  await refuse(denied)
  t.strictSame(heard, [denied])
})

test('a stored record is a record of this package or null', t => {
  const route: Route = { step: 'exchange', storedRecord: (): ImpersonationRecord | null => null }
  t.equal(checkGuardedRoute(route, 'POST /token'), route)
  t.end()
})
