import { test } from 'tap'
import { cacheDirectory } from '../../../../lib/stores/organizations/caching-organization-directory.ts'
import type { CachingDirectoryOptions } from '../../../../lib/stores/organizations/caching-organization-directory.ts'
import { createMemoryOrganizationDirectory } from '../../../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantAccess, OrganizationDirectory, AccessReport } from '../../../../lib/stores/organizations/organization-directory.ts'
import type { Deferred } from '../../../support/deferred.ts'
import { createDeferred } from '../../../support/deferred.ts'
import { createTestClock } from '../../../support/clock.ts'
import { directorySuite } from '../../../support/directory-suite.ts'

const yes: AccessReport = { organizations: 1, complete: true, withoutApproval: [], approvedSince: 5 }
const all: GrantAccess = { level: 'all' }

/** Without a cache a wrapped directory is the directory. */
directorySuite('behind a cache of no time', (contents, clock) => {
  const directory = createMemoryOrganizationDirectory(contents, { clock })
  return { directory: cacheDirectory(directory, { clock }), setApproval: (id, aiApproved) => { directory.setApproval(id, aiApproved) } }
})
// Each look-up is another one, as long as nothing changes.
directorySuite('behind a cache that is cleared with each change', (contents, clock) => {
  const directory = createMemoryOrganizationDirectory(contents, { clock })
  const cached = cacheDirectory(directory, { clock, maxAgeMs: 1000 })
  return {
    directory: cached,
    setApproval (id, aiApproved) {
      directory.setApproval(id, aiApproved)
      cached.clear()
    }
  }
})

function setup (options: CachingDirectoryOptions = {}, report: OrganizationDirectory['report'] = async () => yes) {
  const clock = createTestClock()
  const asked: string[] = []
  const cached = cacheDirectory({
    report (customer, reach, issuer) {
      asked.push(customer)
      return report(customer, reach, issuer)
    }
  }, { clock, maxAgeMs: 1000, ...options })
  return { clock, asked, cached }
}

/** A directory whose answers are the test's to give. */
function setupByHand (options: CachingDirectoryOptions = {}) {
  const answers: Array<Deferred<AccessReport>> = []
  const rest = setup(options, async () => {
    const answer = createDeferred<AccessReport>()
    answers.push(answer)
    return await answer.promise
  })
  return { answers, ...rest }
}

test('by default the directory is asked each time, at the same time too', async t => {
  const { asked, cached } = setup({ maxAgeMs: 0 })
  await Promise.all([cached.report('ann', all), cached.report('ann', all)])
  await cached.report('ann', all)
  t.equal(asked.length, 3)
  t.equal(cacheDirectory({ report: () => yes }).report('ann', all), yes, 'and its answer comes as it is')
})

test('a yes is kept for the time, and no longer', async t => {
  const { clock, asked, cached } = setup()
  const first = await cached.report('ann', all)
  t.strictSame(first, yes)
  t.ok(Object.isFrozen(first) && Object.isFrozen(first.withoutApproval), 'whoever asks gets the same')
  clock.advance(0.999)
  t.equal(await cached.report('ann', all), first)
  t.equal(asked.length, 1)
  clock.advance(0.001)
  await cached.report('ann', all)
  t.equal(asked.length, 2)
})

test('the time counts from the question: the answer may have been overtaken (G17)', async t => {
  const { answers, clock, cached } = setupByHand()
  const before = cached.report('ann', all)
  clock.advance(0.9)
  answers[0]!.resolve(yes)
  await before
  clock.advance(0.1)
  const after = cached.report('ann', all)
  t.equal(answers.length, 2)
  answers[1]!.resolve({ ...yes, withoutApproval: ['acme'] })
  t.strictSame((await after).withoutApproval, ['acme'])
})

test('who asks the same meanwhile waits for the same answer, while it is young enough', async t => {
  const { answers, clock, cached } = setupByHand()
  const [one, other] = [cached.report('ann', all), cached.report('ann', all)]
  t.equal(answers.length, 1)
  clock.advance(1)
  const late = cached.report('ann', all)
  t.equal(answers.length, 2, 'one that hangs keeps nobody from asking')
  answers[1]!.resolve({ ...yes, organizations: 2 })
  answers[0]!.resolve(yes)
  t.equal(await one, await other)
  t.equal((await late).organizations, 2)
  t.equal((await cached.report('ann', all)).organizations, 2, 'the younger answer is the one that stays')
})

test('an answer that does not come is not waited for as long as one is kept (G19)', async t => {
  const { answers, clock, cached } = setupByHand({ maxAgeMs: 60_000 })
  const hanging = [cached.report('ann', all)]
  clock.advance(1.999)
  hanging.push(cached.report('ann', all))
  t.equal(answers.length, 1)
  clock.advance(0.001)
  const asked = cached.report('ann', all)
  t.equal(answers.length, 2)
  answers[1]!.resolve(yes)
  const answer = await asked
  clock.advance(59.999)
  t.equal(await cached.report('ann', all), answer, 'one that came is kept')
  t.equal(answers.length, 2)
  answers[0]!.reject(new Error('down'))
  for (const one of hanging) await t.rejects(async () => await one, { message: 'down' })
  t.equal(await cached.report('ann', all), answer, 'whatever becomes of the one that did not')
})

test('how long is waited is the host\'s to say', async t => {
  const { answers, clock, cached } = setupByHand({ maxAgeMs: 60_000, maxWaitMs: 0 })
  const both = [cached.report('ann', all), cached.report('ann', all)]
  t.equal(answers.length, 2, 'not at all')
  for (const answer of answers) answer.resolve(yes)
  await Promise.all(both)
  clock.advance(59)
  await cached.report('ann', all)
  t.equal(answers.length, 2)
})

test('answers about customers of several issuers are kept apart', async t => {
  const { asked, cached } = setup({}, async (_customer, _reach, issuer) => ({ ...yes, organizations: issuer === undefined ? 1 : issuer.length }))
  const ask = async (issuer?: string) => (await cached.report('ann', all, issuer)).organizations
  for (let i = 0; i < 2; i++) t.strictSame([await ask(), await ask('aa'), await ask('bbb')], [1, 2, 3])
  t.equal(asked.length, 3)
  t.equal((await cacheDirectory({ report: (_customer, _reach, issuer) => ({ ...yes, organizations: issuer!.length }) }).report('ann', all, 'aaaa')).organizations, 4)
})

test('what is not a clear yes is asked again', async t => {
  for (const report of [
    { ...yes, withoutApproval: ['acme'] }, { ...yes, complete: false }, { ...yes, organizations: 0 }
  ]) {
    const { asked, cached } = setup({}, async () => report)
    t.strictSame(await cached.report('ann', all), report)
    await cached.report('ann', all)
    t.equal(asked.length, 2, JSON.stringify(report))
  }
})

test('what failed is asked again (G19)', async t => {
  const error = new Error('down')
  for (const report of [() => { throw error }, async () => { throw error }] as Array<OrganizationDirectory['report']>) {
    const { asked, cached } = setup({}, report)
    for (let i = 0; i < 2; i++) await t.rejects(async () => await cached.report('ann', all), error)
    t.equal(asked.length, 2)
  }
  const { cached } = setup({}, () => undefined as never)
  await t.rejects(async () => await cached.report('ann', all), TypeError, 'what is no report is no yes')
})

test('what failed late does not take a younger answer with it', async t => {
  const { answers, clock, cached } = setupByHand()
  const first = cached.report('ann', all)
  clock.advance(1)
  const second = cached.report('ann', all)
  answers[1]!.resolve(yes)
  await second
  answers[0]!.reject(new Error('down'))
  await t.rejects(async () => await first, { message: 'down' })
  await cached.report('ann', all)
  t.equal(answers.length, 2)
})

test('answers are kept apart by customer and reach, and not by the order of a list', async t => {
  const { asked, cached } = setup()
  const reaches: GrantAccess[] = [
    all, { level: 'organization', organizations: [] }, { level: 'team', teams: [] }, { level: 'organization', organizations: ['a', 'b'] },
    { level: 'team', teams: ['a', 'b'] }, { level: 'organization', organizations: ['a","b'] }, { level: 'organization', organizations: ['a'] }
  ]
  for (const customer of ['ann', 'bob']) for (const reach of reaches) await cached.report(customer, reach)
  t.equal(asked.length, 2 * reaches.length)
  await cached.report('ann', { level: 'organization', organizations: ['b', 'a', 'b'] })
  t.equal(asked.length, 2 * reaches.length)
})

test('what was withdrawn is forgotten when the host says so', async t => {
  const { answers, cached } = setupByHand()
  const before = cached.report('ann', all)
  cached.clear()
  const after = cached.report('ann', all)
  t.equal(answers.length, 2, 'what is on its way is too old already')
  answers[0]!.resolve(yes)
  answers[1]!.resolve({ ...yes, withoutApproval: ['acme'] })
  t.strictSame((await before).withoutApproval, [])
  t.strictSame((await after).withoutApproval, ['acme'])
})

test('a clock that was put back ends what was kept', async t => {
  const { clock, asked, cached } = setup()
  await cached.report('ann', all)
  clock.advance(-60)
  await cached.report('ann', all)
  t.equal(asked.length, 2)
})

test('no more answers are kept than there is room for', async t => {
  const { asked, cached } = setup({ maxEntries: 2 })
  for (const customer of ['ann', 'bob', 'carl', 'ann', 'carl']) await cached.report(customer, all)
  t.strictSame(asked, ['ann', 'bob', 'carl', 'ann'])
})

test('a time that is none', t => {
  for (const value of [-1, NaN, Infinity]) {
    for (const name of ['maxAgeMs', 'maxWaitMs']) {
      t.throws(() => cacheDirectory({ report: () => yes }, { [name]: value }), { name: 'TypeError', message: `${name} must be a number of milliseconds, got ${value}` })
    }
  }
  t.end()
})
