import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { test } from 'tap'
import { createImpersonationGuard } from '../../../lib/impersonation/guard.ts'
import type { ImpersonationRecord } from '../../../lib/impersonation/record.ts'
import { createImpersonationRecord } from '../../../lib/impersonation/record.ts'
import { impersonationClaims } from '../../../lib/impersonation/token-impersonation.ts'
import { resolveTokenOptions } from '../../../lib/impersonation/token-options.ts'
import { createCheckToken } from '../../../lib/impersonation/check-token.ts'
import { cacheDirectory } from '../../../lib/stores/organizations/caching-organization-directory.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantAccess } from '../../../lib/stores/organizations/organization-directory.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'

const ids = ['a', 'b', 'c']
const customers = ['ann', 'bob']
const id = fc.constantFrom(...ids, ...ids, ...ids, 'stranger')
const customer = fc.constantFrom(...customers)
const teams = [{ id: 't1', organization: 'a' }, { id: 't2', organization: 'b' }, { id: 't3', organization: 'stranger' }]
const access: fc.Arbitrary<GrantAccess> = fc.oneof(
  fc.record({ level: fc.constant('organization' as const), organizations: fc.array(id, { maxLength: 3 }) }),
  fc.record({ level: fc.constant('team' as const), teams: fc.array(fc.constantFrom('t1', 't2', 't3', 't4'), { maxLength: 3 }) }),
  fc.constant({ level: 'all' as const })
)
const session = fc.record({ readOnly: fc.boolean(), minutes: fc.option(fc.integer({ min: 1, max: 50 })) })
const step = fc.oneof(
  { arbitrary: fc.record({ organization: fc.constantFrom(...ids), approved: fc.constantFrom<unknown>(true, true, true, false, 'true', null) }), weight: 2 },
  { arbitrary: fc.record({ customer, access, session, staff: fc.option(fc.constantFrom('sam', 'tom')) }), weight: 2 },
  { arbitrary: fc.record({ use: fc.nat({ max: 20 }), exchange: fc.boolean() }), weight: 4 }
)
const world = fc.record({
  memberships: fc.array(fc.record({ customer, organization: id }), { maxLength: 4 }),
  steps: fc.array(step, { maxLength: 40, size: 'max' })
})

interface Made { readonly customer: string, readonly access: GrantAccess, readonly record: ImpersonationRecord | null, readonly at: number }

test('a grant is made and used only while every organization in reach has said yes, without a break (F60)', async t => {
  let allowed = 0
  let refused = 0
  await fc.assert(fc.asyncProperty(world, async ({ memberships, steps }) => {
    const clock = createTestClock()
    const memory = createMemoryOrganizationDirectory({ organizations: ids.map(one => ({ id: one, aiApproved: true })), teams, memberships }, { clock })
    // Cleared with each change, a cache must not be noticed.
    const directory = cacheDirectory(memory, { maxAgeMs: 3_600_000, clock })
    const guard = createImpersonationGuard<never>({ directory, impersonationOf: () => null }, clock)
    const checkToken = createCheckToken(resolveTokenOptions({ directory }, null), clock)

    /** For each organization since when it has been saying yes; it is not there when it does not. */
    const yesSince = new Map(ids.map(one => [one, 0]))
    const mayBe = ({ customer: who, access: what, record, at }: Made): boolean => {
      if (record === null) return true
      const reached = what.level === 'organization'
        ? what.organizations
        : what.level === 'team'
          ? what.teams.map(name => teams.find(one => one.id === name)?.organization ?? 'nowhere')
          : memberships.filter(one => one.customer === who).map(one => one.organization)
      const inTime = record.endsAt === null || clock.now() < record.endsAt
      return inTime && reached.length > 0 && reached.every(one => (yesSince.get(one) ?? Infinity) <= at)
    }
    const made: Made[] = []
    for (const one of steps) {
      clock.advance(60)
      if ('approved' in one) {
        const { organization, approved } = one
        memory.setApproval(organization, approved)
        directory.clear()
        if (approved !== true) yesSince.delete(organization)
        else if (!yesSince.has(organization)) yesSince.set(organization, clock.now())
      } else if ('staff' in one) {
        const { minutes, readOnly } = one.session
        const impersonation = one.staff === null
          ? null
          : { staff: one.staff, customer: one.customer, readOnly, endsAt: minutes === null ? null : clock.now() + minutes * 60_000 }
        const grant = {
          customer: one.customer,
          access: one.access,
          record: createImpersonationRecord(impersonation, { access: one.access, grantedAt: clock.now() }),
          at: clock.now()
        }
        const decision = await guard.checkNewGrant({ step: 'consent', impersonation, access: one.access })
        if (decision.allowed !== mayBe(grant)) throw new Error(`made: ${decision.reason}`)
        if (decision.allowed && !isDeepStrictEqual(decision.record, grant.record)) throw new Error('the decision carries another record')
        // A grant that was made without the check is refused when it is used.
        made.push(grant)
      } else if (made.length > 0) {
        const grant = made[one.use % made.length]!
        const { record, access: what } = grant
        let may: boolean
        if (one.exchange) may = (await guard.checkExistingGrant({ storedRecord: JSON.parse(JSON.stringify(record)), step: 'exchange' })).allowed
        else {
          const claims = impersonationClaims(record) as Record<string, unknown>
          const verdict = await checkToken(accessTokenOf({
            subject: grant.customer,
            claims,
            organizations: what.level === 'organization' ? what.organizations : null,
            teams: what.level === 'team' ? what.teams : null
          }))
          may = verdict === null || verdict.refusal === null
        }
        if (may !== mayBe(grant)) throw new Error(`used: ${String(may)}`)
        if (record === null) continue
        if (may) allowed++
        else refused++
      }
    }
  }), { numRuns: 500 })
  t.ok(allowed > 100 && refused > 100, `both happen: ${allowed}, ${refused}`)
})
