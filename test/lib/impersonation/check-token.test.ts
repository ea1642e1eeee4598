import { test } from 'tap'
import type { ImpersonatedTokenOptions } from '../../../lib/impersonation/token-options.ts'
import { resolveTokenOptions } from '../../../lib/impersonation/token-options.ts'
import { createCheckToken } from '../../../lib/impersonation/check-token.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/organizations/memory-organization-directory.ts'
import type { AccessToken } from '../../../lib/token/access-token.ts'
import { accessTokenOf } from '../../support/access-token.ts'
import { createTestClock } from '../../support/clock.ts'

const issuedAt = 1_800_000_000
const actor = { issuer: 'https://login.example.com', subject: 'sam' }

function setup (options: Partial<ImpersonatedTokenOptions> = {}) {
  const clock = createTestClock(issuedAt)
  const directory = createMemoryOrganizationDirectory({
    organizations: [{ id: 'yes', aiApproved: true }, { id: 'no' }],
    teams: [{ id: 'team-yes', organization: 'yes' }],
    memberships: [{ customer: 'ann', organization: 'yes' }, { customer: 'ann', organization: 'no' }, { customer: 'bob', organization: 'yes' }]
  }, { clock })
  const check = createCheckToken(resolveTokenOptions({ directory, ...options }, null), clock)
  return { clock, directory, check }
}

function impersonated (said: object = {}, members: Partial<AccessToken> = {}): AccessToken {
  return accessTokenOf({ actor, subject: 'bob', issuedAt, claims: { impersonation: said }, ...members })
}

test('a token that nobody impersonates by passes at once, and nothing is looked up', t => {
  const { check } = setup({
    directory: { report: () => t.fail('looked up') as never },
    accessOf: () => t.fail('asked') as never,
    sessionIsActive: () => t.fail('asked') as never
  })
  t.equal(check(accessTokenOf({ actor })), null)
  t.equal(setup({ impersonationOf: () => null }).check(accessTokenOf()), null)
  t.end()
})

test('a token lives by the approval it was granted under (G17, G18)', async t => {
  const { clock, directory, check } = setup()
  const old = impersonated({ granted_at: clock.now() })
  const reason = async (token: AccessToken) => (await check(token))?.refusal?.reason ?? 'allowed'
  t.equal(await reason(old), 'allowed')
  clock.advance(0.002)
  directory.setApproval('yes', false)
  t.equal(await reason(old), 'not_approved')
  clock.advance(0.002)
  directory.setApproval('yes', true)
  t.equal(await reason(old), 'approval_younger')
  t.equal(await reason(impersonated({ granted_at: clock.now() })), 'allowed', 'what is granted from now on is good')
  t.equal(await reason(impersonated({ granted_at: clock.now() - 1 })), 'approval_younger')
})

test('without a time of the grant that of the token counts, in whole seconds (G18)', async t => {
  const { clock, directory, check } = setup()
  const reason = async (members: Partial<AccessToken>) => (await check(impersonated({}, members)))?.refusal?.reason ?? 'allowed'
  directory.setApproval('yes', false)
  clock.advance(10.5)
  directory.setApproval('yes', true)
  t.equal(await reason({ issuedAt: issuedAt + 10 }), 'approval_younger', 'nobody knows which came first')
  t.equal(await reason({ issuedAt: issuedAt + 10.9 }), 'approval_younger', 'not by parts of a second')
  t.equal(await reason({ issuedAt: issuedAt + 11 }), 'allowed')
  t.equal(await reason({ issuedAt: null }), 'approval_younger', 'nor when it was issued')
  const ancient = setup({ directory: { report: () => ({ organizations: 1, complete: true, withoutApproval: [], approvedSince: 0 }) } })
  t.match(await ancient.check(impersonated({}, { issuedAt: null })), { refusal: { reason: 'approval_younger' } }, 'however old the approval is')
})

test('where the directory does not say since when, age does not matter (G18)', async t => {
  const { check } = setup({ directory: { report: () => ({ organizations: 1, complete: true, withoutApproval: [] }) } })
  t.equal((await check(impersonated({}, { issuedAt: null })))?.refusal, null)
})

test('what the token is bound to is what it reaches', async t => {
  const { check } = setup()
  const decided = async (members: Partial<AccessToken>) => (await check(impersonated({}, { subject: 'ann', ...members })))!.decision
  t.match(await decided({}), { reason: 'not_approved', access: { level: 'all' }, withoutApproval: ['no'] })
  t.match(await decided({ organizations: ['yes'] }), { reason: 'approved', access: { organizations: ['yes'] } })
  t.match(await decided({ organizations: [] }), { reason: 'access_empty' })
  t.match(await decided({ teams: ['team-yes'] }), { reason: 'approved' })
  t.match(await decided({ organizations: ['who'] }), { reason: 'organization_unknown' })
  t.match(await setup({ accessOf: async () => ({ level: 'organization', organizations: ['yes'] }) }).check(impersonated({}, { subject: 'ann' })), { refusal: null })
  t.match(await setup({ accessOf: () => ({ level: 'galaxy' }) as never }).check(impersonated()), { refusal: { reason: 'access_malformed' } })
})

test('a refusal is 403 and no question of scope (G17, H3)', async t => {
  const { check } = setup()
  const verdict = await check(impersonated({}, { subject: 'ann' }))
  t.match(verdict, {
    impersonation: { staff: 'sam', customer: 'ann' },
    decision: { allowed: false },
    refusal: { statusCode: 403, code: 'FST_OAUTH_ACCESS_DENIED', oauthError: 'access_denied', reason: 'not_approved' }
  })
  t.notMatch(verdict!.refusal!.message, /no\b/, 'G21 it names no organization')
})

test('a session that is over leaves a dead token, whatever was approved (G30, H35)', async t => {
  const { clock, check } = setup({ directory: { report: () => t.fail('looked up') as never } })
  const token = impersonated({ ends_at: clock.now() + 60_000 })
  const dead = { statusCode: 401, oauthError: 'invalid_token', code: 'FST_OAUTH_TOKEN_INVALID', reason: 'impersonation_over' }
  clock.advance(60)
  t.match(await check(token), { decision: { reason: 'impersonation_ended' }, refusal: dead }, 'in total')
  t.match(await check(impersonated({ ends_at: 'soon' })), { refusal: dead }, 'at a time that cannot be read')
  t.match(await setup({ sessionIsActive: () => { throw new Error('the session is gone') } }).check(impersonated({ ends_at: 1 })), { refusal: dead }, 'no session store is needed to know it')

  let alive: unknown = true
  const asked: unknown[] = []
  const idle = setup({ sessionIsActive: (impersonation, accessToken) => { asked.push([impersonation.sessionId, accessToken.subject]); return alive as boolean } })
  const inSession = impersonated({ session: 's-1', granted_at: idle.clock.now() })
  t.match(await idle.check(inSession), { refusal: null })
  t.strictSame(asked, [['s-1', 'bob']])
  for (alive of [false, undefined, 1, 'yes', Promise.resolve(false)]) t.match(await idle.check(inSession), { refusal: dead }, String(alive))
  alive = Promise.resolve(true)
  t.match(await idle.check(inSession), { refusal: null })
})

test('what could not be found out is 503, and nobody gets in (G19)', async t => {
  const error = new Error('down')
  const throwing = (): never => { throw error }
  const rejecting = async (): Promise<never> => { throw error }
  const never = async (): Promise<never> => await new Promise(() => {})
  const unavailable = { statusCode: 503, code: 'FST_OAUTH_UNAVAILABLE', reason: 'impersonation_unavailable', retryAfterSeconds: 5 }
  for (const name of ['impersonationOf', 'accessOf', 'sessionIsActive'] as const) {
    for (const [kind, fail] of [['throws', throwing], ['rejects', rejecting]] as const) {
      t.match(await setup({ [name]: fail }).check(impersonated()), { refusal: { ...unavailable, cause: error }, decision: { error } }, `${name} ${kind}`)
    }
    t.match(await setup({ [name]: never, timeoutMs: 1 }).check(impersonated()), { refusal: { ...unavailable, cause: { name: 'TimeLimitError' } } }, `${name} is silent`)
  }
  for (const report of [throwing, rejecting]) t.match(await setup({ directory: { report } }).check(impersonated()), { refusal: { ...unavailable, cause: error } })
  t.match(await setup({ directory: { report: never }, timeoutMs: 1 }).check(impersonated()), { refusal: { ...unavailable, cause: { name: 'TimeLimitError' } } })
  t.match(await setup({ directory: { report: () => null as never } }).check(impersonated()), { refusal: unavailable })
})

test('somebody impersonates, and nobody knows who (G19)', async t => {
  const good = { staff: 'sam', customer: 'bob' }
  for (const found of [true, 'sam', {}, { staff: 'sam' }, { ...good, customer: 7 }, { ...good, staff: 7 }, { ...good, endsAt: NaN }, { ...good, endsAt: '5' }, { ...good, grantedAt: 'x' }]) {
    t.match(await setup({ impersonationOf: () => found as never }).check(impersonated()),
      { impersonation: null, refusal: { statusCode: 503, reason: 'impersonation_unavailable' } }, JSON.stringify(found))
  }
  t.match(await setup({ impersonationOf: () => true as never }).check(impersonated()), { decision: { error: { message: 'impersonationOf must return null or { staff, customer }' } } }, 'the log says it')
  t.match(await setup({ impersonationOf: async () => good }).check(impersonated()), { impersonation: good, refusal: null })
  t.match(await setup({ impersonationOf: async () => ({ customer: 'bob', staff: null, endsAt: null, grantedAt: null }) }).check(impersonated()), { impersonation: { staff: null }, refusal: null })
  t.equal(await setup({ impersonationOf: async () => null }).check(impersonated()), null)
})

test('undefined is no answer: nobody has said that it is the customer (G19)', async t => {
  for (const impersonationOf of [() => undefined, async () => undefined] as never[]) {
    t.match(await setup({ impersonationOf }).check(accessTokenOf()), { decision: { allowed: false, reason: 'lookup_failed', error: TypeError }, refusal: { reason: 'impersonation_unavailable' } })
  }
})

test('whose customer it is goes with the question, where several issuers are trusted', async t => {
  const asked: unknown[] = []
  const report = (...question: unknown[]) => {
    asked.push(question)
    return { organizations: 1, complete: true, withoutApproval: [] }
  }
  await setup({ directory: { report } }).check(impersonated({}, { issuer: 'https://partner.example' }))
  t.strictSame(asked, [['bob', { level: 'all' }, 'https://partner.example']])
})
