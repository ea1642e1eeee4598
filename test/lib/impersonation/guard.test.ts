import { test } from 'tap'
import { createImpersonationGuard } from '../../../lib/impersonation/guard.ts'
import type { ImpersonationGuardOptions } from '../../../lib/impersonation/options.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/memory-organization-directory.ts'
import type { GrantReach } from '../../../lib/stores/organization-directory.ts'
import { createTestClock } from '../../support/clock.ts'

interface FakeRequest { staff?: string, reach?: GrantReach }

const directory = createMemoryOrganizationDirectory({
  organizations: [{ id: 'yes', aiApproved: true }, { id: 'no' }],
  memberships: [{ customer: 'ann', organization: 'no' }]
})
const approved: GrantReach = { level: 'organization', organizations: ['yes'] }

function guardWith (options: Partial<ImpersonationGuardOptions<FakeRequest>> = {}) {
  return createImpersonationGuard<FakeRequest>({
    directory,
    impersonationOf: ({ staff }) => staff === undefined ? null : { staff, customer: 'ann' },
    ...options
  }, createTestClock())
}

test('without a reach of its own a grant reaches everything', async t => {
  t.match(await guardWith().judgeNewOf({ staff: 's' }), { allowed: false, reason: 'not_approved', withoutApproval: ['no'] })
})

test('the reach comes from the call, else from the options', async t => {
  const guard = guardWith({ reachOf: async request => request.reach })
  t.match(await guard.judgeNewOf({ staff: 's', reach: approved }), { allowed: true })
  t.match(await guard.judgeNewOf({ staff: 's', reach: approved }, () => ({ level: 'all' })), { allowed: false })
  t.match(await guard.judgeRoute({ staff: 's' }, { reachOf: () => approved }, null), { allowed: true })
})

test('G1 whoever does not impersonate is asked nothing more', async t => {
  const guard = guardWith({ reachOf: () => t.fail('asked') as never })
  t.match(await guard.judgeNewOf({}), { allowed: true, reason: 'not_impersonating' })
})

test('undefined is nobody', async t => {
  t.match(await guardWith({ impersonationOf: () => undefined as unknown as null }).judgeNewOf({}), { reason: 'not_impersonating' })
})

for (const [title, options] of [
  ['the session cannot be looked up', { impersonationOf: () => { throw new Error('down') } }],
  ['the session cannot be looked up, later', { impersonationOf: () => Promise.reject(new Error('down')) }],
  ['the session says nothing clear', { impersonationOf: () => ({ staff: 's' }) as never }],
  ['the session says yes and not who', { impersonationOf: () => true as never }],
  ['the reach cannot be found out', { reachOf: () => { throw new Error('down') } }]
] as ReadonlyArray<[string, Partial<ImpersonationGuardOptions<FakeRequest>>]>) {
  test(`G19 a no, when ${title}`, async t => {
    const decision = await guardWith(options).judgeNewOf({ staff: 's' })
    t.match(decision, { allowed: false, reason: 'lookup_failed' })
    t.ok(decision.error instanceof Error)
  })
}

test('a request that would make no grant is not judged', async t => {
  t.equal(await guardWith().judgeRoute({ staff: 's' }, { when: async () => false }, null), null)
  t.match(await guardWith().judgeRoute({ staff: 's' }, { when: () => true }, null), { allowed: false })
  t.match(await guardWith().judgeRoute({ staff: 's' }, { when: () => 0 as unknown as boolean }, null), { allowed: false }, 'only false is no')
})

test('G19 a no, when it cannot be found out whether a grant would be made', async t => {
  t.match(await guardWith().judgeRoute({}, { when: () => { throw new Error('no body') } }, null), { allowed: false, reason: 'lookup_failed' })
})

test('G22 the client is told to the audit, and decides nothing', async t => {
  const table: ReadonlyArray<readonly [ImpersonationGuardOptions<FakeRequest>['clientOf'], string | null]> = [
    [undefined, null],
    [() => 'client-1', 'client-1'],
    [async () => 'client-1', 'client-1'],
    [() => null, null],
    [() => undefined, null],
    [() => 5 as never, null],
    [() => { throw new Error('no session') }, null],
    [async () => { throw new Error('no session') }, null]
  ]
  for (const [clientOf, client] of table) {
    t.match(await guardWith(clientOf === undefined ? {} : { clientOf }).judgeNewOf({ staff: 's' }), { allowed: false, client }, String(clientOf))
  }
})
