import { test } from 'tap'
import { createImpersonationGuard } from '../../../lib/impersonation/guard.ts'
import type { Impersonation } from '../../../lib/impersonation/impersonation.ts'
import type { GrantStep } from '../../../lib/impersonation/check-grant.ts'
import type { ImpersonationGuardOptions } from '../../../lib/impersonation/options.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantAccess } from '../../../lib/stores/organizations/organization-directory.ts'
import { createTestClock } from '../../support/clock.ts'

interface FakeRequest { staff?: string, reach?: GrantAccess }
type Options = ImpersonationGuardOptions<FakeRequest>

const approved: GrantAccess = { level: 'organization', organizations: ['yes'] }
const sam: Impersonation = { staff: 'sam', customer: 'ann', sessionId: 's-1' }

function setup (options: Partial<Options> = {}) {
  const clock = createTestClock()
  const directory = createMemoryOrganizationDirectory({
    organizations: [{ id: 'yes', aiApproved: true }, { id: 'no' }],
    memberships: [{ customer: 'ann', organization: 'no' }]
  }, { clock })
  const guard = createImpersonationGuard<FakeRequest>({
    directory,
    impersonationOf: ({ staff }) => staff === undefined ? null : { ...sam, staff },
    ...options
  }, clock)
  return { clock, directory, guard }
}

const failures: ReadonlyArray<readonly [title: string, fail: () => never]> = [
  ['throws', () => { throw new Error('down') }],
  ['rejects', (() => Promise.reject(new Error('down'))) as () => never],
  ['never answers', (() => new Promise(() => {})) as () => never]
]

test('without a reach of its own a grant reaches everything', async t => {
  const { guard } = setup()
  t.match(await guard.judgeNewOf({ staff: 's' }), { allowed: false, reason: 'not_approved', withoutApproval: ['no'] })
  t.match(await guard.judgeGrant({ impersonation: sam }), { allowed: false, reason: 'not_approved', withoutApproval: ['no'], client: null, path: null })
})

test('the reach comes from the call, else from the options', async t => {
  const { guard } = setup({ reachOf: async request => request.reach })
  t.match(await guard.judgeNewOf({ staff: 's', reach: approved }), { allowed: true })
  t.match(await guard.judgeNewOf({ staff: 's', reach: approved }, () => ({ level: 'all' })), { allowed: false })
  t.match(await guard.judgeRoute({ staff: 's' }, { reachOf: () => approved }, null), { allowed: true })
  t.match(await guard.judgeGrant({ impersonation: sam, reach: approved, client: 'c', path: 'consent' }),
    { allowed: true, reason: 'approved', impersonation: sam, client: 'c', path: 'consent', reach: approved })
})

test('G1 whoever does not impersonate is asked nothing more', async t => {
  const { guard } = setup({ reachOf: () => t.fail('asked') as never, clientOf: () => t.fail('asked') as never, isAlive: () => t.fail('asked') as never })
  t.match(await guard.judgeNewOf({}), { allowed: true, reason: 'not_impersonating' })
  t.match(await guard.judgeGrant({ impersonation: null }), { allowed: true, reason: 'not_impersonating' })
  t.match(await guard.judgeReuseOf({}, null), { allowed: true, reason: 'not_impersonating' })
  for (const path of ['exchange', 'refresh'] as const) t.match(await guard.judgeReuse({ stamp: null, path }), { allowed: true, reason: 'not_impersonating' })
})

test('G19 undefined is no answer: a column of another name, a row that was not found', async t => {
  const silent = setup({ impersonationOf: () => undefined as unknown as null }).guard
  const { guard } = setup()
  const unknown = { allowed: false, reason: 'lookup_failed', error: TypeError }
  t.match(await silent.judgeNewOf({}), unknown)
  t.match(await silent.judgeReuseOf({}, null), unknown)
  t.match(await silent.judgeRoute({}, {}, null), unknown)
  t.match(await guard.judgeGrant({} as never), unknown)
  t.match(await guard.judgeReuse({ stamp: null, path: 'automatic-approval' } as never), unknown)
  t.throws(() => guard.stampOf(undefined as never), TypeError)
  t.throws(() => guard.narrowGrant({ expiresInSeconds: 5, scopes: [], refreshToken: true }, undefined as never), TypeError)
  t.equal(guard.isSameImpersonator(null, undefined as never), false)
})

test('G19 G31 a stamp that was not found is not a customer\'s own', async t => {
  const { guard } = setup()
  const lost = { allowed: false, reason: 'record_malformed', error: TypeError }
  for (const path of ['exchange', 'refresh'] as const) {
    t.match(await guard.judgeReuse({ stamp: undefined, path }), lost)
    t.match(await guard.judgeReuseOf({}, undefined, path), lost)
    t.match(await guard.judgeRoute({}, { path, stampOf: (() => undefined) as never }, null), lost)
  }
  t.match(await guard.judgeReuse({ stamp: undefined, impersonation: null, path: 'automatic-approval' }), lost)
  t.match(await guard.judgeReuseOf({}, undefined), lost)
  t.equal(guard.isSameImpersonator(undefined, null), false)
})

const unclear: ReadonlyArray<readonly [title: string, options: Partial<Options>]> = [
  ...failures.flatMap(([title, fail]) => [
    [`the session ${title}`, { impersonationOf: fail, timeoutMs: 1 }], [`the reach ${title}`, { reachOf: fail, timeoutMs: 1 }],
    [`the directory ${title}`, { directory: { report: fail }, timeoutMs: 1 }]
  ] as Array<readonly [string, Partial<Options>]>),
  ['the session says nothing clear', { impersonationOf: () => ({ staff: 's' }) as never }],
  ['the session says yes and not who', { impersonationOf: () => true as never }]
]
for (const [title, options] of unclear) {
  test(`G19 a no, when ${title}`, async t => {
    const decision = await setup(options).guard.judgeNewOf({ staff: 's' })
    t.match(decision, { allowed: false, reason: 'lookup_failed' })
    t.ok(decision.error instanceof Error)
  })
}

test('G19 a no, when nobody knows who that is', async t => {
  t.match(await setup().guard.judgeGrant({ impersonation: true as never }), { allowed: false, reason: 'lookup_failed', impersonation: null })
  t.match(await setup().guard.judgeReuse({ stamp: null, impersonation: true as never, path: 'automatic-approval' }), { allowed: false, reason: 'lookup_failed' })
})

test('G13 a request that would make no grant is not judged', async t => {
  const { guard } = setup()
  t.equal(await guard.judgeRoute({ staff: 's' }, { when: async () => false }, null), null)
  t.match(await guard.judgeRoute({ staff: 's' }, { when: () => true }, null), { allowed: false })
  t.match(await guard.judgeRoute({ staff: 's' }, { when: () => 0 as unknown as boolean }, null), { allowed: false }, 'only false is no')
})

for (const [title, fail] of failures) {
  test(`G19 a no, when what the route says ${title}`, async t => {
    const { guard } = setup({ timeoutMs: 1 })
    const yes = { reachOf: () => approved }
    t.match(await guard.judgeRoute({ staff: 's' }, { ...yes, when: fail }, null), { allowed: false, reason: 'lookup_failed', impersonation: { staff: 's' }, error: { message: /./ } })
    t.match(await guard.judgeRoute({ staff: 's' }, { when: fail }, null), { allowed: false, reason: 'lookup_failed', impersonation: { staff: 's' } })
    t.match(await guard.judgeRoute({}, { stampOf: fail }, null), { allowed: false, reason: 'lookup_failed', impersonation: null }, 'whose grant that is, nobody knows')
    t.match(await guard.judgeRoute({}, { when: fail, stampOf: fail }, null), { allowed: false, reason: 'lookup_failed' })
    const unknown = setup({ timeoutMs: 1, impersonationOf: fail }).guard
    t.match(await unknown.judgeRoute({}, { ...yes, when: fail }, null), { allowed: false, reason: 'lookup_failed', impersonation: null }, 'nor who sits there')
  })

  test(`G1 a customer is not blocked when what the route says ${title}`, async t => {
    const { guard } = setup({ timeoutMs: 1 })
    const allowed = { allowed: true, reason: 'not_impersonating', error: { message: /./ } }
    t.match(await guard.judgeRoute({}, { when: fail }, null), allowed)
    t.match(await guard.judgeRoute({}, { when: fail, path: 'automatic-approval', stampOf: () => null }, null), { ...allowed, path: 'automatic-approval' })
    t.match(await guard.judgeRoute({}, { when: fail, path: 'exchange', stampOf: () => null }, null), allowed, 'nor is one whose code it is')
    const stamp = guard.stampOf(sam, { reach: approved })
    for (const path of ['automatic-approval', 'exchange'] as const) {
      t.match(await guard.judgeRoute({}, { when: fail, path, stampOf: () => stamp }, null), { allowed: false, reason: 'lookup_failed', impersonation: { staff: 'sam' } })
    }
    const agent = { actor: { issuer: 'https://login.example.com', subject: 'agent' }, principalType: 'user', impersonated: false } as const
    t.match(await guard.judgeRoute({}, { when: fail }, agent), { allowed: false, reason: 'token_not_direct' })
  })
}

test('G1 G19 when the way cannot be found out, it matters who it is', async t => {
  const path = (): never => { throw new Error('down') }
  const { guard } = setup()
  t.match(await guard.judgeRoute({ staff: 's' }, { path, reachOf: () => approved }, null), { allowed: false, reason: 'lookup_failed', path: null })
  t.match(await guard.judgeRoute({}, { path }, null), { allowed: true, reason: 'not_impersonating', error: { message: 'down' } })
  t.match(await guard.judgeRoute({}, { path, stampOf: () => null }, null), { allowed: true })
  t.match(await guard.judgeRoute({}, { path, stampOf: () => guard.stampOf(sam, { reach: approved }) }, null), { allowed: false })
})

test('G22 the client is told to the audit, and decides nothing', async t => {
  const table: ReadonlyArray<readonly [Options['clientOf'], string | null]> = [
    [undefined, null],
    [() => 'client-1', 'client-1'],
    [async () => 'client-1', 'client-1'],
    [() => null, null],
    [() => undefined, null],
    [() => 5 as never, null],
    ...failures.map(([, fail]) => [fail, null] as const)
  ]
  for (const [clientOf, client] of table) {
    const { guard } = setup({ timeoutMs: 1, ...clientOf !== undefined && { clientOf } })
    t.match(await guard.judgeNewOf({ staff: 's' }), { allowed: false, client }, String(clientOf))
  }
})

test('G22 the client of a grant that is used again is the one it was given to, when nobody says', async t => {
  const { guard } = setup()
  const stamp = guard.stampOf(sam, { reach: approved, client: 'c-1' })
  t.match(await guard.judgeReuse({ stamp, path: 'exchange' }), { client: 'c-1', path: 'exchange' })
  t.match(await guard.judgeReuse({ stamp, path: 'exchange', client: 'c-2' }), { client: 'c-2' })
  t.match(await guard.judgeReuse({ stamp: { ...stamp, client: 7 }, path: 'exchange' }), { client: null })
  t.match(await guard.judgeReuseOf({}, stamp, 'exchange'), { client: 'c-1' })
  t.match(await setup({ clientOf: () => 'c-2' }).guard.judgeReuseOf({}, stamp, 'exchange'), { client: 'c-2' })
})

test('G16 what was approved for the code is not for the token, when it was withdrawn meanwhile', async t => {
  const { clock, directory, guard } = setup()
  const stamp = guard.stampOf(sam, { reach: approved })
  t.match(stamp, { staff: 'sam', customer: 'ann', sessionId: 's-1', reach: approved, client: null, grantedAt: clock.now() })
  const exchange = async () => (await guard.judgeReuse({ stamp, path: 'exchange' })).reason
  t.equal(await exchange(), 'approved')
  clock.advance(1)
  directory.setApproval('yes', false)
  t.equal(await exchange(), 'not_approved')
  clock.advance(1)
  directory.setApproval('yes', true)
  t.equal(await exchange(), 'approval_younger', 'G18 nor when it was given again')
  t.equal((await guard.judgeReuse({ stamp: guard.stampOf(sam, { reach: approved }), path: 'exchange' })).reason, 'approved')
})

test('G14 an automatic approval is judged by the very grant that is used again', async t => {
  const { guard } = setup({ reachOf: () => ({ level: 'all' }) })
  const narrow = guard.stampOf(sam, { reach: approved })
  const wide = guard.stampOf(sam)
  for (const [stamp, reason] of [[narrow, 'approved'], [wide, 'not_approved']] as const) {
    t.match(await guard.judgeReuseOf({ staff: 'sam' }, stamp), { reason })
    t.match(await guard.judgeReuse({ stamp, impersonation: sam, path: 'automatic-approval' }), { reason })
    t.match(await guard.judgeRoute({ staff: 'sam' }, { path: 'automatic-approval', stampOf: async () => stamp }, null), { reason, path: 'automatic-approval' })
  }
})

test('G15 a grant of another state of impersonation is not used again', async t => {
  const { guard } = setup()
  const stamp = guard.stampOf(sam, { reach: approved })
  const foreign = { allowed: false, reason: 'grant_foreign' }
  t.match(await guard.judgeReuseOf({}, stamp), { ...foreign, impersonation: sam, reach: approved }, 'a customer, what staff made')
  t.match(await guard.judgeReuseOf({ staff: 'sam' }, null), { ...foreign, impersonation: sam, reach: null }, 'staff, a customer\'s own')
  t.match(await guard.judgeReuseOf({ staff: 'tom' }, stamp), { ...foreign, impersonation: { staff: 'tom' } }, 'staff, what others made')
  t.match(await guard.judgeReuse({ stamp, impersonation: null, path: 'automatic-approval' }), foreign)
  t.match(await guard.judgeReuse({ stamp, path: 'automatic-approval' } as never), { allowed: false, reason: 'lookup_failed' }, 'no session is no stamp')
  t.match(await guard.judgeReuse({ stamp, impersonation: undefined, path: undefined } as never), { allowed: false, reason: 'lookup_failed' }, 'nor is no way')
  t.match(await guard.judgeReuse({ stamp, impersonation: null, path: undefined } as never), foreign, 'nor is no way')
  t.equal(guard.isSameImpersonator(stamp, sam), true)
  t.equal(guard.isSameImpersonator(stamp, null), false)
})

test('G31 a stamp that cannot be read is a mark all the same', async t => {
  const { guard } = setup()
  for (const stamp of ['sam', {}, { staff: 'sam' }, false]) {
    for (const path of ['exchange', 'refresh'] as const) {
      t.match(await guard.judgeReuse({ stamp, path }), { allowed: false, reason: 'record_malformed', error: TypeError }, JSON.stringify(stamp))
    }
    t.match(await guard.judgeReuseOf({}, stamp), { allowed: false, reason: 'record_malformed' })
  }
})

test('G30 where there is no session, somebody says whether it goes on', async t => {
  const asked: unknown[] = []
  let alive: unknown = true
  const { clock, guard } = setup({ isAlive: impersonation => { asked.push(impersonation.sessionId); return alive as boolean } })
  const stamp = guard.stampOf({ ...sam, endsAt: clock.now() + 60_000 }, { reach: approved })
  const exchange = () => guard.judgeReuse({ stamp, path: 'exchange' })
  t.match(await exchange(), { reason: 'approved' })
  t.strictSame(asked, ['s-1'])
  for (alive of [false, undefined, 1, Promise.resolve(false)]) {
    t.match(await exchange(), { allowed: false, reason: 'impersonation_ended', impersonation: sam, reach: approved }, String(alive))
  }
  alive = false
  t.match(await guard.judgeReuse({ stamp, impersonation: { ...sam }, path: 'automatic-approval' }), { reason: 'approved' }, 'whoever has the session at hand has said so')
  alive = true
  clock.advance(60)
  asked.length = 0
  t.match(await exchange(), { allowed: false, reason: 'impersonation_ended' })
  t.strictSame(asked, [], 'what is over in total is not asked about')
  for (const [title, fail] of failures) {
    const failing = setup({ isAlive: fail, timeoutMs: 1 }).guard
    t.match(await failing.judgeReuse({ stamp: { ...stamp, endsAt: null }, path: 'exchange' }),
      { allowed: false, reason: 'lookup_failed', impersonation: sam, error: { message: /./ } }, title)
  }
})

test('G30 a session that is over makes no grant', async t => {
  const { clock, guard } = setup()
  t.match(await guard.judgeGrant({ impersonation: { ...sam, endsAt: clock.now() }, reach: approved }), { allowed: false, reason: 'impersonation_ended' })
})

test('G33 on the way of a client nothing that a request says counts', async t => {
  const { guard } = setup({ impersonationOf: () => t.fail('asked') as never, reachOf: () => t.fail('asked') as never })
  const stamp = guard.stampOf(sam)
  for (const path of ['exchange', 'refresh'] as const) {
    t.match(await guard.judgeReuseOf({ reach: approved }, stamp, path), { allowed: false, reason: 'not_approved', path })
    t.match(await guard.judgeRoute({ reach: approved }, { path: () => path, stampOf: () => stamp }, null), { allowed: false, reason: 'not_approved', path })
    t.match(await guard.judgeRoute({ reach: approved }, { path: () => path }, null), { allowed: false, reason: 'lookup_failed', error: { message: new RegExp(path) } }, 'and not nothing')
  }
})

test('GG-02 GG-03 GG-04 a grant is made with a user\'s own token', async t => {
  const { guard } = setup()
  const own = { actor: null, principalType: 'user', impersonated: false } as const
  const others = [
    { ...own, actor: { issuer: 'https://login.example.com', subject: 'agent' } }, { ...own, impersonated: true }, { ...own, principalType: 'client' }
  ] as const
  t.match(await guard.judgeRoute({}, {}, own), { allowed: true })
  for (const token of others) {
    t.match(await guard.judgeRoute({}, {}, token), { allowed: false, reason: 'token_not_direct', impersonation: null }, JSON.stringify(token))
    t.match(await guard.judgeRoute({}, { tokens: 'direct' }, token), { allowed: false })
    t.match(await guard.judgeRoute({}, { tokens: 'any' }, token), { allowed: true })
    t.match(await guard.judgeRoute({ staff: 's' }, { tokens: 'any' }, token), { allowed: false, reason: 'not_approved' })
    t.equal(await guard.judgeRoute({}, { when: () => false }, token), null, 'what makes no grant may be done by anybody')
  }
})

test('each way has its name', async t => {
  const { guard } = setup()
  for (const path of ['first-party', 'automatic-approval', 'consent'] as GrantStep[]) {
    t.match(await guard.judgeRoute({ staff: 's' }, { path }, null), { path })
    t.match(await guard.judgeNewOf({ staff: 's' }, undefined, path), { path })
  }
  t.match(await guard.judgeRoute({ staff: 's' }, {}, null), { path: null })
})

test('G24 G25 what an impersonator gets, by the clock of the server', async t => {
  const { clock, guard } = setup({ readOnlyScopes: ['read'] })
  const terms = { expiresInSeconds: 3600, scopes: ['read', 'write'], refreshToken: true }
  const stamp = guard.stampOf({ ...sam, readOnly: true, idleTimeoutSeconds: 900, endsAt: clock.now() + 1_000_000 })
  t.strictSame(guard.narrowGrant(terms, stamp), { expiresInSeconds: 900, scopes: ['read'], refreshToken: false })
  clock.advance(500)
  t.strictSame(guard.narrowGrant(terms, stamp), { expiresInSeconds: 500, scopes: ['read'], refreshToken: false })
  t.equal(guard.narrowGrant(terms, null), terms)
  t.strictSame(setup().guard.narrowGrant(terms, { ...sam, readOnly: true }).scopes, [])
  t.equal(guard.stampOf(null), null)
})

test('a grant of this server is for a customer of this server', async t => {
  const asked: unknown[] = []
  const report = (_customer: string, _reach: GrantAccess, issuer?: string) => {
    asked.push(issuer)
    return { organizations: 1, complete: true, withoutApproval: [] }
  }
  t.match(await setup({ directory: { report } }).guard.judgeGrant({ impersonation: sam }), { allowed: true })
  t.strictSame(asked, [undefined])
})
