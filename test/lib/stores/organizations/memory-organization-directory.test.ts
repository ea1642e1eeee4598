import { test } from 'tap'
import { createMemoryOrganizationDirectory } from '../../../../lib/stores/organizations/memory-organization-directory.ts'
import { directorySuite } from '../../../support/directory-suite.ts'

directorySuite('in memory', (contents, clock) => {
  const directory = createMemoryOrganizationDirectory(contents, { clock })
  return { directory, setApproval: (id, aiApproved) => { directory.setApproval(id, aiApproved) } }
}, { numRuns: 1000 })

test('values other than the boolean true are no approval (G23)', async t => {
  for (const aiApproved of ['true', 1, {}, [true], 'yes', Symbol.iterator, new Boolean(true)]) { // eslint-disable-line no-new-wrappers
    const directory = createMemoryOrganizationDirectory({ organizations: [{ id: 'one', aiApproved }] })
    const report = () => directory.report('ann', { level: 'organization', organizations: ['one'] })
    t.same(report(), { organizations: 1, complete: true, withoutApproval: ['one'], approvedSince: null }, String(aiApproved))
    directory.setApproval('one', true)
    t.same(report().withoutApproval, [])
    directory.setApproval('one', aiApproved)
    t.same(report().withoutApproval, ['one'], String(aiApproved))
  }
})

test('an organization that is new, and an approval by the system\'s clock', t => {
  const directory = createMemoryOrganizationDirectory({ organizations: [] })
  const before = Date.now()
  directory.setApproval('one', true)
  const { approvedSince, ...report } = directory.report('ann', { level: 'organization', organizations: ['one'] })
  t.same(report, { organizations: 1, complete: true, withoutApproval: [] })
  t.ok(approvedSince! >= before && approvedSince! <= Date.now())
  t.end()
})
