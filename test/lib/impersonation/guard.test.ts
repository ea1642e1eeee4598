import { test } from 'tap'
import type { ExistingGrantStep, GrantStep, NewGrantStep } from '../../../lib/impersonation/check-grant.ts'
import { createImpersonationGuard } from '../../../lib/impersonation/guard.ts'
import type { Impersonation } from '../../../lib/impersonation/impersonation.ts'
import type { ImpersonationGuardOptions } from '../../../lib/impersonation/options.ts'
import type { RecordedGrant } from '../../../lib/impersonation/record.ts'
import { createImpersonationRecord } from '../../../lib/impersonation/record.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantAccess } from '../../../lib/stores/organizations/organization-directory.ts'
import { createTestClock } from '../../support/clock.ts'

interface FakeRequest { staff?: string, access?: GrantAccess }
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
  const recordOf = (impersonation: Impersonation | null, grant: Omit<RecordedGrant, 'grantedAt'> = {}) =>
    createImpersonationRecord(impersonation, { ...grant, grantedAt: clock.now() })
  return { clock, directory, guard, recordOf }
}

const consent = { step: 'consent' } as const
const failures: ReadonlyArray<readonly [title: string, fail: () => never]> = [
  ['throws', () => { throw new Error('down') }],
  ['rejects', (() => Promise.reject(new Error('down'))) as () => never],
  ['never answers', (() => new Promise(() => {})) as () => never]
]

test('a grant whose access is not said gives access to everything', async t => {
  const { guard } = setup()
  t.match(await guard.checkNewGrantOf({ staff: 's' }, consent), { allowed: false, reason: 'not_approved', withoutApproval: ['no'], access: { level: 'all' }, record: null })
  t.match(await guard.checkNewGrant({ ...consent, impersonation: sam }), { allowed: false, reason: 'not_approved', withoutApproval: ['no'], client: null, step: 'consent' })
})

test('the access comes from the call, else from the route, else from the options', async t => {
  const { guard } = setup({ accessOf: async request => request.access })
  t.match(await guard.checkNewGrantOf({ staff: 's', access: approved }, consent), { allowed: true })
  t.match(await guard.checkNewGrantOf({ staff: 's', access: approved }, { ...consent, access: null }), { allowed: false })
  t.match(await guard.checkNewGrantOf({ staff: 's' }, { ...consent, access: approved }), { allowed: true })
  t.match(await guard.checkNewGrantOf({ staff: 's' }, { ...consent, accessOf: () => approved }), { allowed: true })
  t.match(await guard.checkNewGrant({ ...consent, impersonation: sam, access: approved, client: 'c' }),
    { allowed: true, reason: 'approved', impersonation: sam, client: 'c', step: 'consent', access: approved })
})

test('the decision carries the record to save: what was checked, for whom, and when', async t => {
  const { clock, guard } = setup({ clientOf: () => 'c-1' })
  const { record } = await guard.checkNewGrantOf({ staff: 'sam' }, { ...consent, access: approved })
  t.strictSame(record, { staff: 'sam', customer: 'ann', sessionId: 's-1', readOnly: false, endsAt: null, idleTimeoutSeconds: null, access: approved, client: 'c-1', grantedAt: clock.now() })
  t.ok(Object.isFrozen(record))
  t.match(await guard.checkExistingGrant({ step: 'exchange', storedRecord: JSON.parse(JSON.stringify(record)) }), { allowed: true, record })
  t.match(await guard.checkNewGrantOf({}, { ...consent, access: approved }), { allowed: true, record: null, access: approved }, 'a customer\'s own has none')
})

test('the record is dated before the directory is asked: an approval that is given again meanwhile is younger (G18)', async t => {
  const { clock, guard } = setup({
    directory: {
      report () {
        clock.advance(1)
        return { organizations: 1, complete: true, withoutApproval: [] }
      }
    }
  })
  const before = clock.now()
  t.equal((await guard.checkNewGrant({ ...consent, impersonation: sam })).record!.grantedAt, before)
})

test('a customer is asked nothing more (G1)', async t => {
  const { guard } = setup({ accessOf: () => t.fail('asked') as never, clientOf: () => t.fail('asked') as never, recordIsActive: () => t.fail('asked') as never })
  const own = { allowed: true, reason: 'not_impersonating', record: null }
  t.match(await guard.checkNewGrantOf({}, consent), { ...own, access: null })
  t.match(await guard.checkNewGrantOf({}, { ...consent, accessOf: () => t.fail('asked') as never }), { ...own, access: null })
  t.match(await guard.checkNewGrant({ ...consent, impersonation: null }), { ...own, access: { level: 'all' } })
  t.match(await guard.checkExistingGrantOf({}, { step: 'automatic-approval', storedRecord: null }), own)
  for (const step of ['exchange', 'refresh'] as const) t.match(await guard.checkExistingGrant({ storedRecord: null, step }), own)
  for (const decided of [await guard.checkNewGrantOf({}, consent), await guard.checkExistingGrant({ storedRecord: null, step: 'refresh' })]) t.equal(decided.impersonation, null)
})

test('undefined is no answer: a column of another name, a row that was not found (G19)', async t => {
  const silent = setup({ impersonationOf: () => undefined as unknown as null }).guard
  const { guard } = setup()
  const unknown = { allowed: false, reason: 'lookup_failed', error: TypeError, record: null }
  t.match(await silent.checkNewGrantOf({}, consent), unknown)
  t.match(await silent.checkExistingGrantOf({}, { step: 'automatic-approval', storedRecord: null }), unknown)
  t.match(await guard.checkNewGrant(consent as never), unknown)
  t.match(await guard.checkExistingGrant({ storedRecord: null, step: 'automatic-approval' } as never), unknown)
  t.throws(() => guard.narrowGrant({ expiresInSeconds: 5, scopes: [], refreshToken: true }, undefined as never), TypeError)
  t.equal(guard.isSameImpersonator(null, undefined as never), false)
})

test('a record that was not found is not a customer\'s own (G19, G31)', async t => {
  const { guard } = setup()
  const lost = { allowed: false, reason: 'record_malformed', error: TypeError, record: null }
  for (const step of ['exchange', 'refresh'] as const) {
    t.match(await guard.checkExistingGrant({ storedRecord: undefined, step }), lost)
    t.match(await guard.checkExistingGrantOf({}, { storedRecord: undefined, step }), lost)
  }
  t.match(await guard.checkExistingGrant({ storedRecord: undefined, impersonation: null, step: 'automatic-approval' }), lost)
  t.equal(guard.isSameImpersonator(undefined, null), false)
})

test('a new grant is not checked at a step that uses one again, nor the other way round: no session is not a customer [D1]', async t => {
  const { guard, recordOf } = setup({ directory: { report: () => t.fail('looked up') as never }, impersonationOf: () => t.fail('asked') as never })
  const refused = { allowed: false, reason: 'step_refused', error: TypeError, impersonation: null, record: null }
  for (const step of ['exchange', 'refresh', 'automatic-approval', undefined, null, 'elsewhere'] as unknown as NewGrantStep[]) {
    t.match(await guard.checkNewGrant({ step, impersonation: null }), refused, String(step))
    t.match(await guard.checkNewGrantOf({}, { step }), refused, String(step))
  }
  for (const step of ['consent', 'first-party', undefined] as unknown as ExistingGrantStep[]) {
    for (const storedRecord of [null, recordOf(sam, { access: approved })]) {
      t.match(await guard.checkExistingGrant({ step, storedRecord, impersonation: null } as never), refused, String(step))
      t.match(await guard.checkExistingGrantOf({}, { step, storedRecord }), refused, String(step))
    }
  }
  t.match(await guard.checkNewGrant({ step: 'exchange' as never, impersonation: null }),
    { step: 'exchange', error: { message: 'the step of a new grant must be one of "first-party", "consent", got "exchange"' } }, 'and the log says what was expected')
  t.match(await guard.checkNewGrant({ step: 'elsewhere' as never, impersonation: null }), { step: null })
})

const unclear: ReadonlyArray<readonly [title: string, options: Partial<Options>]> = [
  ...failures.flatMap(([title, fail]) => [
    [`the session ${title}`, { impersonationOf: fail, timeoutMs: 1 }], [`accessOf ${title}`, { accessOf: fail, timeoutMs: 1 }],
    [`the directory ${title}`, { directory: { report: fail }, timeoutMs: 1 }]
  ] as Array<readonly [string, Partial<Options>]>),
  ['the session says nothing clear', { impersonationOf: () => ({ staff: 's' }) as never }],
  ['the session says yes and not who', { impersonationOf: () => true as never }]
]
for (const [title, options] of unclear) {
  test(`the check could not be completed when ${title} (G19)`, async t => {
    const decision = await setup(options).guard.checkNewGrantOf({ staff: 's' }, consent)
    t.match(decision, { allowed: false, reason: 'lookup_failed', record: null })
    t.ok(decision.error instanceof Error)
  })
}

test('the check could not be completed when the caller does not say who it is (G19)', async t => {
  t.match(await setup().guard.checkNewGrant({ ...consent, impersonation: true as never }), { allowed: false, reason: 'lookup_failed', impersonation: null })
  t.match(await setup().guard.checkExistingGrant({ storedRecord: null, impersonation: true as never, step: 'automatic-approval' }), { allowed: false, reason: 'lookup_failed' })
})

test('the client is audited, and the decision does not depend on it (G22)', async t => {
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
    const { allowed, client: audited } = await guard.checkNewGrantOf({ staff: 's' }, consent)
    t.strictSame({ allowed, client: audited }, { allowed: false, client }, String(clientOf))
    t.match(await guard.checkNewGrantOf({ staff: 's' }, { ...consent, access: approved }), { allowed: true, client, record: { client } })
  }
})

test('the client of a grant that is used again is the one of its record, unless the caller says another (G22)', async t => {
  const { guard, recordOf } = setup()
  const storedRecord = recordOf(sam, { access: approved, client: 'c-1' })
  t.match(await guard.checkExistingGrant({ storedRecord, step: 'exchange' }), { client: 'c-1', step: 'exchange' })
  t.match(await guard.checkExistingGrant({ storedRecord, step: 'exchange', client: 'c-2' }), { client: 'c-2' })
  t.match(await guard.checkExistingGrantOf({}, { storedRecord, step: 'exchange' }), { client: 'c-1' })
  t.match(await setup({ clientOf: () => 'c-2' }).guard.checkExistingGrantOf({}, { storedRecord, step: 'exchange' }), { client: 'c-2' })
})

test('an approval that was withdrawn between code and token, and one that was given again (G16)', async t => {
  const { clock, directory, guard, recordOf } = setup()
  const storedRecord = recordOf(sam, { access: approved })
  const exchange = async () => (await guard.checkExistingGrant({ storedRecord, step: 'exchange' })).reason
  t.equal(await exchange(), 'approved')
  clock.advance(1)
  directory.setApproval('yes', false)
  t.equal(await exchange(), 'not_approved')
  clock.advance(1)
  directory.setApproval('yes', true)
  t.equal(await exchange(), 'approval_younger', 'G18')
  t.equal((await guard.checkExistingGrant({ storedRecord: recordOf(sam, { access: approved }), step: 'exchange' })).reason, 'approved')
})

test('an automatic approval is checked by the access of the very grant that is used again (G14)', async t => {
  const { guard, recordOf } = setup({ accessOf: () => ({ level: 'all' }) })
  const narrow = recordOf(sam, { access: approved })
  const wide = recordOf(sam)
  for (const [storedRecord, reason] of [[narrow, 'approved'], [wide, 'not_approved']] as const) {
    t.match(await guard.checkExistingGrantOf({ staff: 'sam' }, { step: 'automatic-approval', storedRecord }), { reason, record: storedRecord })
    t.match(await guard.checkExistingGrant({ storedRecord, impersonation: sam, step: 'automatic-approval' }), { reason })
  }
})

test('a grant of another state of impersonation is not used again (G15)', async t => {
  const { guard, recordOf } = setup()
  const storedRecord = recordOf(sam, { access: approved })
  const step = 'automatic-approval'
  const foreign = { allowed: false, reason: 'grant_foreign' }
  t.match(await guard.checkExistingGrantOf({}, { step, storedRecord }), { ...foreign, impersonation: sam, access: approved }, 'by a customer, one that staff made')
  t.match(await guard.checkExistingGrantOf({ staff: 'sam' }, { step, storedRecord: null }), { ...foreign, impersonation: sam, access: null }, 'by staff, a customer\'s own')
  t.match(await guard.checkExistingGrantOf({ staff: 'tom' }, { step, storedRecord }), { ...foreign, impersonation: { staff: 'tom' } }, 'by staff, one that other staff made')
  t.match(await guard.checkExistingGrant({ storedRecord, impersonation: null, step }), foreign)
  t.match(await guard.checkExistingGrant({ storedRecord, step } as never), { allowed: false, reason: 'lookup_failed' }, 'without a session there is no automatic approval')
  t.equal(guard.isSameImpersonator(storedRecord, sam), true)
  t.equal(guard.isSameImpersonator(storedRecord, null), false)
})

test('a record that cannot be read marks its grant all the same (G31)', async t => {
  const { guard } = setup()
  for (const storedRecord of ['sam', {}, { staff: 'sam' }, false]) {
    for (const step of ['exchange', 'refresh'] as const) {
      t.match(await guard.checkExistingGrant({ storedRecord, step }), { allowed: false, reason: 'record_malformed', error: TypeError }, JSON.stringify(storedRecord))
    }
    t.match(await guard.checkExistingGrantOf({}, { storedRecord, step: 'automatic-approval' }), { allowed: false, reason: 'record_malformed' })
  }
})

test('where there is no session, recordIsActive says whether it goes on (G30)', async t => {
  const asked: unknown[] = []
  let active: unknown = true
  const { clock, guard, recordOf } = setup({ recordIsActive: record => { asked.push([record.sessionId, record.access]); return active as boolean } })
  const storedRecord = recordOf({ ...sam, endsAt: clock.now() + 60_000 }, { access: approved })
  const exchange = () => guard.checkExistingGrant({ storedRecord, step: 'exchange' })
  t.match(await exchange(), { reason: 'approved' })
  t.strictSame(asked, [['s-1', approved]])
  for (active of [false, undefined, 1, Promise.resolve(false)]) {
    t.match(await exchange(), { allowed: false, reason: 'impersonation_ended', impersonation: sam, access: approved }, String(active))
  }
  active = false
  t.match(await guard.checkExistingGrant({ storedRecord, impersonation: { ...sam }, step: 'automatic-approval' }), { reason: 'approved' }, 'where the session is at hand, it has said so')
  active = true
  clock.advance(60)
  asked.length = 0
  t.match(await exchange(), { allowed: false, reason: 'impersonation_ended' })
  t.strictSame(asked, [], 'nothing is asked after the end')
  for (const [title, fail] of failures) {
    const failing = setup({ recordIsActive: fail, timeoutMs: 1 }).guard
    t.match(await failing.checkExistingGrant({ storedRecord: { ...storedRecord, endsAt: null }, step: 'exchange' }),
      { allowed: false, reason: 'lookup_failed', impersonation: sam, error: { message: /./ } }, title)
  }
})

test('a session that is over makes no grant (G30)', async t => {
  const { clock, guard } = setup()
  t.match(await guard.checkNewGrant({ ...consent, impersonation: { ...sam, endsAt: clock.now() }, access: approved }), { allowed: false, reason: 'impersonation_ended', record: null })
})

test('at the exchange and the refresh nothing that a request says counts (G33)', async t => {
  const { guard, recordOf } = setup({ impersonationOf: () => t.fail('asked') as never, accessOf: () => t.fail('asked') as never })
  const storedRecord = recordOf(sam)
  for (const step of ['exchange', 'refresh'] as const) {
    t.match(await guard.checkExistingGrantOf({ access: approved }, { storedRecord, step }), { allowed: false, reason: 'not_approved', step })
  }
})

test('each decision says its step', async t => {
  const { guard, recordOf } = setup()
  for (const step of ['first-party', 'consent'] as const) {
    t.match(await guard.checkNewGrantOf({ staff: 's' }, { step }), { step })
  }
  for (const step of ['automatic-approval', 'exchange', 'refresh'] as GrantStep[]) {
    t.match(await guard.checkExistingGrantOf({ staff: 's' }, { step: step as ExistingGrantStep, storedRecord: recordOf(sam) }), { step })
  }
})

test('what an impersonator gets, by the clock of the server (G24, G25)', async t => {
  const { clock, guard, recordOf } = setup({ readOnlyScopes: ['read'] })
  const terms = { expiresInSeconds: 3600, scopes: ['read', 'write'], refreshToken: true }
  const record = recordOf({ ...sam, readOnly: true, idleTimeoutSeconds: 900, endsAt: clock.now() + 1_000_000 })
  t.strictSame(guard.narrowGrant(terms, record), { expiresInSeconds: 900, scopes: ['read'], refreshToken: false })
  clock.advance(500)
  t.strictSame(guard.narrowGrant(terms, record), { expiresInSeconds: 500, scopes: ['read'], refreshToken: false })
  t.equal(guard.narrowGrant(terms, null), terms)
  t.strictSame(setup().guard.narrowGrant(terms, { ...sam, readOnly: true }).scopes, [])
})

test('a grant of this server is for a customer of this server', async t => {
  const asked: unknown[] = []
  const report = (_customer: string, _access: GrantAccess, issuer?: string) => {
    asked.push(issuer)
    return { organizations: 1, complete: true, withoutApproval: [] }
  }
  t.match(await setup({ directory: { report } }).guard.checkNewGrant({ ...consent, impersonation: sam }), { allowed: true })
  t.strictSame(asked, [undefined])
})
