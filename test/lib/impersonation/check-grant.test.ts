import { test } from 'tap'
import { checkGrant as checkGrantOf, lookupFailed } from '../../../lib/impersonation/check-grant.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantAccess, AccessReport } from '../../../lib/stores/organizations/organization-directory.ts'

const impersonation = { staff: 'staff-1', customer: 'ann' }
type Given = Parameters<typeof checkGrantOf>
const checkGrant = (who: Given[0], access: unknown, of: Given[2], settings: Given[3] = { now: 0, timeoutMs: 2000 }): ReturnType<typeof checkGrantOf> =>
  checkGrantOf(who, access, of, settings)
const directory = createMemoryOrganizationDirectory({
  organizations: [
    { id: 'yes', aiApproved: true }, { id: 'also-yes', aiApproved: true }, { id: 'no', aiApproved: false }, { id: 'unset' },
    { id: 'null', aiApproved: null }, { id: 'text', aiApproved: 'true' }, { id: 'one', aiApproved: 1 }
  ],
  teams: [{ id: 'team-yes', organization: 'yes' }, { id: 'team-no', organization: 'no' }],
  memberships: [{ customer: 'ann', organization: 'yes' }, { customer: 'ann', organization: 'no' }, { customer: 'eve', organization: 'yes' }]
})

const organization = (...organizations: string[]): GrantAccess => ({ level: 'organization', organizations })
const team = (...teams: string[]): GrantAccess => ({ level: 'team', teams })

const cases: ReadonlyArray<[title: string, access: unknown, reason: string, without?: string[]]> = [
  ['G2 an organization that said no', organization('no'), 'not_approved', ['no']],
  ['G3 an organization that never said', organization('unset'), 'not_approved', ['unset']],
  ['G3 an organization whose answer is null', organization('null'), 'not_approved', ['null']],
  ['G4 an organization that said yes', organization('yes'), 'approved'],
  ['G5 limited to the approved organization', organization('yes'), 'approved'],
  ['G6 a team of a disabled organization', team('team-no'), 'not_approved', ['no']],
  ['G7 level all, one of several disabled', { level: 'all' }, 'not_approved', ['no']],
  ['G7 no level', {}, 'not_approved', ['no']],
  ['G7 level null', { level: null }, 'not_approved', ['no']],
  ['G7 no reach', undefined, 'not_approved', ['no']],
  ['G8 two organizations, one disabled', organization('yes', 'no'), 'not_approved', ['no']],
  ['G9 teams of an approved and a disabled organization', team('team-yes', 'team-no'), 'not_approved', ['no']],
  ['G10 an unknown organization', organization('who'), 'organization_unknown'],
  ['G10 an unknown beside an approved one', organization('yes', 'who'), 'organization_unknown'],
  ['G10 an unknown team', team('who'), 'organization_unknown'],
  ['G11 no organization listed', organization(), 'access_empty'],
  ['G11 no team listed', team(), 'access_empty'],
  ['G23 the text "true"', organization('text'), 'not_approved', ['text']],
  ['G23 the number 1', organization('one'), 'not_approved', ['one']],
  ['a level nobody knows', { level: 'galaxy' }, 'access_malformed'],
  ['organizations with a level nobody knows', { level: 'galaxy', organizations: ['yes'] }, 'access_malformed'],
  ['organizations with the level of teams', { level: 'team', organizations: ['yes'] }, 'access_malformed'],
  ['teams with the level of organizations', { level: 'organization', teams: ['team-yes'] }, 'access_malformed'],
  ['organizations that are no list', { level: 'organization', organizations: 'yes' }, 'access_malformed'],
  ['organizations that are no strings', { level: 'organization', organizations: [{}] }, 'access_malformed'],
  ['teams that are missing', { level: 'team' }, 'access_malformed']
]

for (const [title, reach, reason, withoutApproval = []] of cases) {
  test(title, async t => {
    const decision = await checkGrant(impersonation, reach, directory)
    t.match(decision, { allowed: reason === 'approved', reason, impersonation, withoutApproval, error: null })
    t.ok(Object.isFrozen(decision))
  })
}

test('a customer acting for themselves is allowed, and nothing is looked up (G1)', async t => {
  const decision = await checkGrant(null, { level: 'all' }, { report: () => t.fail('looked up') as never })
  t.match(decision, { allowed: true, reason: 'not_impersonating', impersonation: null })
})

test('a customer who belongs to nothing (G11)', async t => {
  t.match(await checkGrant({ staff: 's', customer: 'nobody' }, null, directory), { allowed: false, reason: 'access_empty' })
})

test('a look-up that throws, or rejects (G19)', async t => {
  const error = new Error('down')
  t.match(await checkGrant(impersonation, null, { report () { throw error } }), { allowed: false, reason: 'lookup_failed', error })
  t.match(await checkGrant(impersonation, null, { report: () => Promise.reject(error) }), { allowed: false, reason: 'lookup_failed', error })
})

test('a directory that says nothing clear allows nothing', async t => {
  const good: AccessReport = { organizations: 1, complete: true, withoutApproval: [] }
  t.match(await checkGrant(impersonation, null, { report: () => good }), { allowed: true })
  t.match(await checkGrant(impersonation, null, { report: () => null as never }), { reason: 'lookup_failed', error: { message: /^directory\.report must return \{/ } })
  const unclear: unknown[] = [
    undefined, null, true, {}, { ...good, organizations: '1' }, { ...good, organizations: NaN }, { ...good, organizations: -1 },
    { ...good, complete: 'true' }, { ...good, complete: undefined }, { ...good, withoutApproval: null }, { ...good, withoutApproval: [1] }
  ]
  for (const report of unclear) {
    const decision = await checkGrant(impersonation, null, { report: () => report as AccessReport })
    t.equal(decision.allowed, false, JSON.stringify(report))
    t.match(decision, { impersonation, access: { level: 'all' } }, 'the audit knows whose grant it was')
  }
})

test('a look-up that failed before anybody was known', t => {
  const error = new Error('no session')
  t.same(lookupFailed(error), { allowed: false, reason: 'lookup_failed', impersonation: null, access: null, record: null, withoutApproval: [], error })
  t.end()
})

test('an approval that is younger than the grant is another one (G18)', async t => {
  const since = (approvedSince: number | null | undefined, grantedAt?: number | null) =>
    checkGrant(impersonation, null, { report: () => ({ organizations: 1, complete: true, withoutApproval: [], ...approvedSince !== undefined && { approvedSince } }) },
      { now: 0, timeoutMs: 1000, ...grantedAt !== undefined && { grantedAt } })
  const cases: ReadonlyArray<readonly [approvedSince: number | null | undefined, grantedAt: number | null | undefined, reason: string]> = [
    [1000, 999, 'approval_younger'], [1000, 1000, 'approved'], [1000, 1001, 'approved'],
    [1000, null, 'approval_younger'], [1000, undefined, 'approved'], [null, null, 'approved'], [null, 5, 'approved'], [undefined, 5, 'approved'],
    [0, 0, 'approved'], [0, -1, 'approval_younger']
  ]
  for (const [approvedSince, grantedAt, reason] of cases) {
    t.match(await since(approvedSince, grantedAt), { reason, allowed: reason === 'approved' }, `${String(approvedSince)}, ${String(grantedAt)}`)
  }
  for (const unclear of [NaN, '5', new Date(), Infinity]) t.match(await since(unclear as number, 5), { reason: 'lookup_failed' }, String(unclear))
})

test('when it is over nothing is looked up and nothing is granted (G30)', async t => {
  const asked = { report: () => t.fail('looked up') as never }
  const at = (now: number) => checkGrant({ ...impersonation, endsAt: 1000 }, { level: 'all' }, asked, { now, timeoutMs: 1000 })
  t.match(await at(1000), { allowed: false, reason: 'impersonation_ended', access: { level: 'all' } })
  t.match(await at(1001), { allowed: false, reason: 'impersonation_ended' })
  t.match(await checkGrant({ ...impersonation, endsAt: 1000 }, organization('yes'), directory, { now: 999, timeoutMs: 1000 }), { reason: 'approved' })
  t.match(await checkGrant({ ...impersonation, endsAt: null }, organization('yes'), directory, { now: 999, timeoutMs: 1000 }), { reason: 'approved' })
  t.match(await checkGrant({ ...impersonation, endsAt: 1000 }, organization('yes'), directory), { reason: 'approved' }, 'nobody knows the time')
})

test('a look-up that takes too long (G19)', async t => {
  t.match(await checkGrant(impersonation, null, { report: () => new Promise(() => {}) }, { now: 0, timeoutMs: 1 }),
    { allowed: false, reason: 'lookup_failed', error: { name: 'TimeLimitError' } })
})

test('what was judged is told', async t => {
  t.match(await checkGrant(impersonation, null, directory), { access: { level: 'all' } })
  t.match(await checkGrant(impersonation, organization('yes'), directory), { access: organization('yes') })
  t.equal((await checkGrant(impersonation, { level: 'galaxy' }, directory)).access, null)
  t.strictSame((await checkGrant(null, organization('yes'), directory)).access, organization('yes'))
})
