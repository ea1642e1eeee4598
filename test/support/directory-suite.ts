import { test } from 'tap'
import fc from 'fast-check'
import { checkGrant } from '../../lib/impersonation/check-grant.ts'
import type { GrantAccess, OrganizationDirectory } from '../../lib/stores/organizations/organization-directory.ts'
import type { TestClock } from './clock.ts'
import { createTestClock } from './clock.ts'

/** What every directory can hold: an approval that was given, one that was refused or withdrawn, and one that nobody spoke of. */
export interface SuiteContents {
  readonly organizations: ReadonlyArray<{
    readonly id: string
    readonly aiApproved?: boolean | null
    /** Milliseconds since the epoch. Default: 0. */
    readonly approvedSince?: number
  }>
  /** The organization of a team or of a membership need not be there. */
  readonly teams?: ReadonlyArray<{ readonly id: string, readonly organization: string }>
  readonly memberships?: ReadonlyArray<{ readonly customer: string, readonly organization: string }>
}

/** A directory under test, filled. */
export interface SuiteDirectory {
  readonly directory: OrganizationDirectory
  /** Gives or withdraws an approval, as of the time of the clock. */
  setApproval (organization: string, aiApproved: boolean | null): Promise<void> | void
  /** How many round trips were made so far, where that can be counted. */
  roundTrips? (): number
}

/**
 * Makes a directory that holds these contents and nothing else. Each call makes a new one; one that goes before need not
 * be usable any longer.
 */
export type MakeDirectory = (contents: SuiteContents, clock: TestClock) => Promise<SuiteDirectory> | SuiteDirectory

const contents: SuiteContents = {
  organizations: [
    { id: 'yes', aiApproved: true, approvedSince: 1_000 }, { id: 'also-yes', aiApproved: true, approvedSince: 2_500 },
    { id: 'no', aiApproved: false }, { id: 'unset' }, { id: 'null', aiApproved: null }
  ],
  teams: [
    { id: 'team-yes', organization: 'yes' }, { id: 'team-also-yes', organization: 'also-yes' }, { id: 'team-no', organization: 'no' },
    { id: 'team-lost', organization: 'gone' }
  ],
  memberships: [
    { customer: 'ann', organization: 'yes' }, { customer: 'ann', organization: 'no' }, { customer: 'bob', organization: 'yes' },
    { customer: 'bob', organization: 'also-yes' }, { customer: 'carl', organization: 'gone' },
    { customer: 'dora', organization: 'yes' }, { customer: 'dora', organization: 'gone' }
  ]
}

const organization = (...organizations: string[]): GrantAccess => ({ level: 'organization', organizations })
const team = (...teams: string[]): GrantAccess => ({ level: 'team', teams })
const all: GrantAccess = { level: 'all' }

type Case = readonly [
  title: string, customer: string, reach: GrantAccess,
  report: { organizations: number, complete: boolean, withoutApproval: string[], approvedSince: number | null },
  reason: string
]

const cases: readonly Case[] = [
  ['G2 an organization that said no', 'ann', organization('no'),
    { organizations: 1, complete: true, withoutApproval: ['no'], approvedSince: null }, 'not_approved'],
  ['G3 an organization that never said', 'ann', organization('unset'),
    { organizations: 1, complete: true, withoutApproval: ['unset'], approvedSince: null }, 'not_approved'],
  ['G3 an organization whose answer is null', 'ann', organization('null'),
    { organizations: 1, complete: true, withoutApproval: ['null'], approvedSince: null }, 'not_approved'],
  ['G4 G5 the one that said yes, though another did not', 'ann', organization('yes'),
    { organizations: 1, complete: true, withoutApproval: [], approvedSince: 1_000 }, 'approved'],
  ['G4 several that said yes, the youngest yes counts', 'ann', organization('yes', 'also-yes'),
    { organizations: 2, complete: true, withoutApproval: [], approvedSince: 2_500 }, 'approved'],
  ['G6 a team of one that said no', 'ann', team('team-no'),
    { organizations: 1, complete: true, withoutApproval: ['no'], approvedSince: null }, 'not_approved'],
  ['G7 everything, one of several said no', 'ann', all,
    { organizations: 2, complete: true, withoutApproval: ['no'], approvedSince: 1_000 }, 'not_approved'],
  ['G7 everything, all of them said yes', 'bob', all,
    { organizations: 2, complete: true, withoutApproval: [], approvedSince: 2_500 }, 'approved'],
  ['G8 two that are listed, one said no', 'ann', organization('yes', 'no'),
    { organizations: 2, complete: true, withoutApproval: ['no'], approvedSince: 1_000 }, 'not_approved'],
  ['G9 teams of two, one said no', 'ann', team('team-yes', 'team-no'),
    { organizations: 2, complete: true, withoutApproval: ['no'], approvedSince: 1_000 }, 'not_approved'],
  ['G9 teams of two that said yes', 'ann', team('team-yes', 'team-also-yes'),
    { organizations: 2, complete: true, withoutApproval: [], approvedSince: 2_500 }, 'approved'],
  ['G10 an unknown organization', 'ann', organization('who'),
    { organizations: 0, complete: false, withoutApproval: [], approvedSince: null }, 'organization_unknown'],
  ['G10 an unknown organization beside one that said yes', 'ann', organization('yes', 'who'),
    { organizations: 1, complete: false, withoutApproval: [], approvedSince: 1_000 }, 'organization_unknown'],
  ['G10 an unknown team beside one that is known', 'ann', team('team-yes', 'who'),
    { organizations: 1, complete: false, withoutApproval: [], approvedSince: 1_000 }, 'organization_unknown'],
  ['G10 a team whose organization is gone', 'ann', team('team-lost'),
    { organizations: 0, complete: false, withoutApproval: [], approvedSince: null }, 'organization_unknown'],
  ['G10 a membership of an organization that is gone', 'carl', all,
    { organizations: 0, complete: false, withoutApproval: [], approvedSince: null }, 'organization_unknown'],
  ['G10 a membership of one that is gone beside one that said yes', 'dora', all,
    { organizations: 1, complete: false, withoutApproval: [], approvedSince: 1_000 }, 'organization_unknown'],
  ['G11 no organization at all', 'ann', organization(),
    { organizations: 0, complete: true, withoutApproval: [], approvedSince: null }, 'access_empty'],
  ['G11 no team at all', 'ann', team(),
    { organizations: 0, complete: true, withoutApproval: [], approvedSince: null }, 'access_empty'],
  ['G11 a customer who belongs to nothing', 'who', all,
    { organizations: 0, complete: true, withoutApproval: [], approvedSince: null }, 'access_empty'],
  ['one that is listed twice is one', 'ann', organization('yes', 'yes'),
    { organizations: 1, complete: true, withoutApproval: [], approvedSince: 1_000 }, 'approved'],
  ['two teams of one organization reach one', 'ann', team('team-yes', 'team-yes'),
    { organizations: 1, complete: true, withoutApproval: [], approvedSince: 1_000 }, 'approved'],
  ['names that objects have of their own', '__proto__', organization('constructor', '__proto__', 'toString'),
    { organizations: 0, complete: false, withoutApproval: [], approvedSince: null }, 'organization_unknown'],
  ['names that a query language would misread', '\'; --', organization('yes\'', '{yes}', '"yes"', 'yes,no', 'NULL', '\\', ''),
    { organizations: 0, complete: false, withoutApproval: [], approvedSince: null }, 'organization_unknown'],
  ['names are compared as they are', 'Ann', organization('YES', 'yes '),
    { organizations: 0, complete: false, withoutApproval: [], approvedSince: null }, 'organization_unknown']
]

/**
 * What every directory has to do, whatever it is made of: registers its tests under the name.
 *
 * @param approvals of the property test: how often a world is made up
 */
export function directorySuite (name: string, make: MakeDirectory, { numRuns = 100 }: { numRuns?: number } = {}): void {
  test(`${name}: reports, and what the guard makes of them`, async t => {
    const { directory, roundTrips } = await make(contents, createTestClock())
    for (const [title, customer, reach, report, reason] of cases) {
      const before = roundTrips?.()
      const { organizations, ...rest } = await directory.report(customer, reach)
      const { organizations: expected, ...expectedRest } = report
      t.same(rest, expectedRest, title)
      // One that is named several times may be counted as often.
      t.ok(expected === 0 ? organizations === 0 : organizations >= expected, `${title}: ${organizations}`)
      if (before !== undefined) t.equal(roundTrips!() - before, 1, `${title}: one round trip`)
      t.match(await checkGrant({ staff: 'sam', customer }, reach, directory, { now: 0, timeoutMs: 2000 }), { reason, allowed: reason === 'approved' }, title)
    }
  })

  test(`${name}: G17 G18 an approval that is given, withdrawn and given again`, async t => {
    const clock = createTestClock()
    const { directory, setApproval } = await make({ organizations: [{ id: 'one' }, { id: 'two', aiApproved: true, approvedSince: 5_000 }] }, clock)
    const ask = async (...ids: string[]) => {
      const { withoutApproval, approvedSince } = await directory.report('ann', organization(...ids))
      return { withoutApproval, approvedSince }
    }
    t.same(await ask('one'), { withoutApproval: ['one'], approvedSince: null })
    const first = clock.now()
    await setApproval('one', true)
    t.same(await ask('one'), { withoutApproval: [], approvedSince: first })
    t.same(await ask('one', 'two'), { withoutApproval: [], approvedSince: first }, 'the youngest counts')
    t.same(await ask('two'), { withoutApproval: [], approvedSince: 5_000 }, 'and only of those in reach')
    clock.advance(60)
    await setApproval('one', true)
    t.same(await ask('one'), { withoutApproval: [], approvedSince: first }, 'said twice it is the same approval')
    await setApproval('one', false)
    t.same(await ask('one', 'two'), { withoutApproval: ['one'], approvedSince: 5_000 })
    clock.advance(60.25)
    await setApproval('one', true)
    t.same(await ask('one'), { withoutApproval: [], approvedSince: first + 120_250 }, 'after it was withdrawn it is another one')
    await setApproval('one', null)
    t.same(await ask('one'), { withoutApproval: ['one'], approvedSince: null })
  })

  test(`${name}: however many are in reach`, async t => {
    const ids = Array.from({ length: 250 }, (_, i) => `org-${i}`)
    const { directory, roundTrips } = await make({
      organizations: ids.map((id, i) => ({ id, aiApproved: i >= 150, approvedSince: i })),
      memberships: ids.map(organization => ({ customer: 'ann', organization }))
    }, createTestClock())
    for (const reach of [all, organization(...ids)]) {
      const before = roundTrips?.()
      const { withoutApproval, ...report } = await directory.report('ann', reach)
      if (before !== undefined) t.equal(roundTrips!() - before, 1, 'one round trip')
      t.same(report, { organizations: 250, complete: true, approvedSince: 249 })
      t.equal(withoutApproval.length, 100, 'no more are named than an audit can read')
      t.ok(withoutApproval.every(id => ids.indexOf(id) < 150))
    }
  })

  test(`${name}: never an allow that a plain re-statement of the rule denies`, async t => {
    await fc.assert(fc.asyncProperty(world, fc.array(question, { minLength: 1, maxLength: 8 }), async (made, questions) => {
      const { directory } = await make(made, createTestClock())
      for (const { customer, reach } of questions) {
        const { allowed, reason } = await checkGrant({ staff: 'sam', customer }, reach, directory, { now: 0, timeoutMs: 2000 })
        // Both ways: never blocked without a reason either.
        if (allowed !== mayBeMade(made, customer, reach)) throw new Error(`${String(allowed)}, ${reason}`)
      }
    }), { numRuns })
    t.pass('never')
  })
}

const ids = ['a', 'b', 'c', 'd', 'e']
const id = fc.constantFrom(...ids, 'stranger')
const customer = fc.constantFrom('ann', 'bob', 'carl')
const world: fc.Arbitrary<SuiteContents> = fc.record({
  organizations: fc.uniqueArray(
    fc.record({ id: fc.constantFrom(...ids), aiApproved: fc.constantFrom(true, true, true, false, null) }), { selector: one => one.id }),
  teams: fc.uniqueArray(fc.record({ id: fc.constantFrom('t1', 't2', 't3'), organization: id }), { selector: one => one.id }),
  memberships: fc.uniqueArray(fc.record({ customer, organization: id }), { selector: one => `${one.customer} ${one.organization}` })
})
const question = fc.record({
  customer,
  reach: fc.oneof<Array<fc.Arbitrary<GrantAccess>>>(
    fc.record({ level: fc.constant('organization'), organizations: fc.array(id) }),
    fc.record({ level: fc.constant('team'), teams: fc.array(fc.constantFrom('t1', 't2', 't3', 't4')) }),
    fc.constant({ level: 'all' })
  )
})

/** The rule in one sentence: something is reached, and every organization of it is there and has said yes. */
function mayBeMade ({ organizations, teams = [], memberships = [] }: SuiteContents, customer: string, reach: GrantAccess): boolean {
  const reached = reach.level === 'organization'
    ? reach.organizations
    : reach.level === 'team'
      ? reach.teams.map(name => teams.find(one => one.id === name)?.organization)
      : memberships.filter(one => one.customer === customer).map(one => one.organization)
  return reached.length > 0 && reached.every(one => organizations.find(two => two.id === one)?.aiApproved === true)
}
