import { test } from 'tap'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/memory-organization-directory.ts'

const directory = createMemoryOrganizationDirectory({
  organizations: [{ id: 'yes', aiApproved: true }, { id: 'no', aiApproved: false }, { id: 'unset' }],
  teams: [{ id: 'team-yes', organization: 'yes' }, { id: 'team-no', organization: 'no' }, { id: 'team-lost', organization: 'gone' }],
  memberships: [
    { customer: 'ann', organization: 'yes' }, { customer: 'ann', organization: 'no' }, { customer: 'bob', organization: 'yes' },
    { customer: 'carl', organization: 'gone' }
  ]
})

const cases = [
  ['listed organizations', 'ann', { level: 'organization', organizations: ['yes', 'unset'] }, 2, true, ['unset']],
  ['an organization listed twice is one', 'ann', { level: 'organization', organizations: ['yes', 'yes'] }, 1, true, []],
  ['an unknown organization', 'ann', { level: 'organization', organizations: ['yes', 'who'] }, 1, false, []],
  ['no organization at all', 'ann', { level: 'organization', organizations: [] }, 0, true, []],
  ['owners of teams', 'ann', { level: 'team', teams: ['team-yes', 'team-no'] }, 2, true, ['no']],
  ['an unknown team', 'ann', { level: 'team', teams: ['team-yes', 'who'] }, 1, false, []],
  ['a team whose organization is gone', 'ann', { level: 'team', teams: ['team-lost'] }, 0, false, []],
  ['everything of the customer', 'ann', { level: 'all' }, 2, true, ['no']],
  ['everything of another customer', 'bob', { level: 'all' }, 1, true, []],
  ['a membership of an organization that is gone', 'carl', { level: 'all' }, 0, false, []],
  ['a customer nobody knows', 'who', { level: 'all' }, 0, true, []],
  ['names that objects have of their own', '__proto__', { level: 'organization', organizations: ['constructor', '__proto__'] }, 0, false, []]
] as const

for (const [title, customer, reach, organizations, complete, withoutApproval] of cases) {
  test(title, async t => {
    t.same(await directory.report(customer, reach), { organizations, complete, withoutApproval })
  })
}

test('an approval can be given, withdrawn and given to a new organization', async t => {
  const changing = createMemoryOrganizationDirectory({ organizations: [{ id: 'one' }] })
  const without = async (id: string) => (await changing.report('x', { level: 'organization', organizations: [id] })).withoutApproval
  t.same(await without('one'), ['one'])
  changing.setApproval('one', true)
  t.same(await without('one'), [])
  changing.setApproval('one', false)
  t.same(await without('one'), ['one'])
  changing.setApproval('two', true)
  t.same(await without('two'), [])
})

test('no more organizations are named than an audit can read', async t => {
  const ids = Array.from({ length: 150 }, (_, i) => `org-${i}`)
  const large = createMemoryOrganizationDirectory({ organizations: ids.map(id => ({ id })) })
  const report = await large.report('x', { level: 'organization', organizations: ids })
  t.equal(report.organizations, 150)
  t.equal(report.withoutApproval.length, 100)
})
