import { test } from 'tap'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { impersonationGuard } from '../../plugins/impersonation-guard.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { createImpersonationRecord } from '../../lib/impersonation/record.ts'
import type { ImpersonationGuardOptions } from '../../lib/impersonation/options.ts'
import { createMemoryOrganizationDirectory } from '../../lib/stores/organizations/memory-organization-directory.ts'
import type { GrantDecisionEvent } from '../../lib/audit/events.ts'
import type { GrantAccess } from '../../lib/stores/organizations/organization-directory.ts'
import { bearer, createApp, optionsFor } from '../support/app.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeIssuer } from '../support/issuer.ts'

type Options = ImpersonationGuardOptions<FastifyRequest>

const directory = createMemoryOrganizationDirectory({
  organizations: [{ id: 'acme-secret-name', aiApproved: false }, { id: 'globex', aiApproved: true }],
  memberships: [{ customer: 'ann', organization: 'acme-secret-name' }, { customer: 'ann', organization: 'globex' }]
})

const options: Options = {
  directory,
  impersonationOf: ({ headers: { staff } }) => typeof staff === 'string' ? { staff, customer: 'ann' } : null
}
const accessOfQuery = ({ query }: FastifyRequest): GrantAccess | null => {
  const { organization } = query as { organization?: string }
  return organization === undefined ? null : { level: 'organization', organizations: [organization] }
}
const as = (staff: string): { headers: Record<string, string> } => ({ headers: { staff } })

interface LogLine { level: number, msg: string, audit?: GrantDecisionEvent, err?: { message: string } }

/** An authorization server that is no protected resource, with its log. */
async function createServer (t: { teardown (close: () => unknown): unknown }, given: Options = options): Promise<{ app: FastifyInstance, log: LogLine[], minted: string[] }> {
  const log: LogLine[] = []
  const minted: string[] = []
  const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { log.push(JSON.parse(line) as LogLine) } } } })
  t.teardown(() => app.close())
  await app.register(impersonationGuard, given)
  const mint = async (request: FastifyRequest): Promise<string> => { minted.push(request.url); return 'code' }
  app.get('/authorize', { config: { impersonationGuard: { step: 'consent', accessOf: accessOfQuery } } }, mint)
  app.post('/consent', {
    config: { impersonationGuard: { step: 'consent', when: ({ body }) => (body as { allow?: boolean } | null)?.allow !== false } }
  }, mint)
  app.get('/plain', mint)
  app.get('/by-hand', async (request, reply) => {
    const decision = await request.checkNewGrant({ step: 'consent', access: accessOfQuery(request) })
    return decision.allowed ? await mint(request) : reply.refuseGrant(decision)
  })
  app.get('/by-hand-default', async (request, reply) => {
    const decision = await request.checkNewGrant({ step: 'consent' })
    return decision.allowed ? await mint(request) : reply.refuseGrant(decision)
  })
  return { app, log, minted }
}

test('a customer is never blocked (F60, G1)', async t => {
  const { app, minted } = await createServer(t)
  for (const url of ['/authorize', '/authorize?organization=acme-secret-name', '/plain', '/by-hand', '/by-hand-default']) {
    t.equal((await app.inject({ url })).statusCode, 200, url)
  }
  t.equal((await app.inject({ method: 'POST', url: '/consent', payload: { allow: true } })).statusCode, 200)
  t.equal(minted.length, 6)
})

test('an impersonator is refused on every guarded way, and no organization is named (F60, G2, G7, G21)', async t => {
  const { app, minted } = await createServer(t)
  const requests = [
    { url: '/authorize' }, { url: '/authorize?organization=acme-secret-name' }, { url: '/by-hand' }, { url: '/by-hand-default' },
    { method: 'POST', url: '/consent', payload: { allow: true } } as const
  ]
  for (const request of requests) {
    const response = await app.inject({ ...request, ...as('staff-1') })
    t.equal(response.statusCode, 403, request.url)
    t.same(response.json(), { error: 'access_denied', error_description: 'This authorization is not allowed' })
    t.match(response.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store' })
    t.notMatch(response.body + JSON.stringify(response.headers), /acme/)
    t.notOk(response.headers['www-authenticate'], 'H3 a permission that more scope would not give')
  }
  t.same(minted, [], 'no handler ran')
})

test('an impersonator may where every organization in reach said yes (G4, G5)', async t => {
  const { app, minted } = await createServer(t)
  t.equal((await app.inject({ url: '/authorize?organization=globex', ...as('staff-1') })).statusCode, 200)
  t.equal((await app.inject({ url: '/by-hand?organization=globex', ...as('staff-1') })).statusCode, 200)
  t.equal(minted.length, 2)
})

test('a denial by the user proceeds, as it grants nothing (G13)', async t => {
  const { app } = await createServer(t)
  const response = await app.inject({ method: 'POST', url: '/consent', payload: { allow: false }, ...as('staff-1') })
  t.equal(response.statusCode, 200)
})

test('the guard sees the body of a consent form as the schema of the route made it', async t => {
  const { app } = await createServer(t)
  const body = { type: 'object', properties: { allow: { type: 'boolean', default: false } } }
  app.post('/form', {
    schema: { body },
    config: { impersonationGuard: { step: 'consent', when: request => (request.body as { allow: boolean }).allow } }
  }, async () => 'answered')
  const post = async (payload: object): Promise<number> => (await app.inject({ method: 'POST', url: '/form', payload, ...as('staff-1') })).statusCode
  t.equal(await post({}), 200, 'the default denies')
  t.equal(await post({ allow: 'false' }), 200, 'text of a form is converted')
  t.equal(await post({ allow: 'true' }), 403)
  t.equal(await post({ allow: 'perhaps' }), 400, 'a body that the route refuses is not audited as a grant')
})

test('a route without the rule is not guarded', async t => {
  const { app } = await createServer(t)
  t.equal((await app.inject({ url: '/plain', ...as('staff-1') })).statusCode, 200)
})

test('what was decided is logged, with who and where; a customer is not', async t => {
  const { app, log } = await createServer(t)
  const entries = (): LogLine[] => log.filter(line => 'audit' in line)
  await app.inject({ url: '/authorize' })
  t.same(entries(), [])
  await app.inject({ url: '/authorize', ...as('staff-1') })
  await app.inject({ url: '/authorize?organization=globex', ...as('staff-1') })
  t.match(entries(), [
    { level: 40, audit: { reason: 'not_approved', organizations: ['acme-secret-name'], staff: 'staff-1', customer: 'ann', subject: null } },
    { level: 30, audit: { reason: 'approved', organizations: [], staff: 'staff-1', customer: 'ann', route: 'GET /authorize' } }
  ])
})

test('a decision outside of any route is told without one', async t => {
  const { app, log } = await createServer(t)
  app.setNotFoundHandler(async (request, reply) => { await request.checkNewGrant({ step: 'consent' }); return reply.code(404).send() })
  await app.inject({ url: '/nowhere', ...as('staff-1') })
  t.match(log.find(line => 'audit' in line), { audit: { route: null, reason: 'not_approved' } })
})

test('a look-up that throws is 503 with a time to try again, and is logged [C7] (G19)', async t => {
  const { app, log, minted } = await createServer(t, { ...options, directory: { report () { throw new Error('database down') } } })
  for (const url of ['/authorize', '/by-hand']) {
    const response = await app.inject({ url, ...as('staff-1') })
    t.equal(response.statusCode, 503, url)
    t.match(response.headers, { 'retry-after': '5', 'cache-control': 'no-store' })
    t.same(response.json(), { error: 'temporarily_unavailable', error_description: 'Whether this authorization is allowed could not be checked' })
    t.notMatch(response.body, /database/)
  }
  t.match(log.find(line => line.audit?.reason === 'lookup_failed'), { level: 40, audit: { code: 'FST_OAUTH_UNAVAILABLE', statusCode: 503 }, err: { message: 'database down' } })
  t.same(minted, [])
})

test('RFC 6749 4.1.2.1: a session store that is slow is temporarily_unavailable for a customer, and never access_denied [C7]', async t => {
  const { app } = await createServer(t, { ...options, timeoutMs: 1, impersonationOf: async () => await new Promise(() => {}) })
  const redirectOf = () => ({ redirectUri: 'https://client.example/cb', state: 's', issuer: 'https://login.example.com' })
  app.get('/back', { config: { impersonationGuard: { step: 'first-party', redirectOf } } }, async () => 'code')
  app.get('/again', { config: { impersonationGuard: { step: 'automatic-approval', storedRecord: () => null } } }, async () => 'code')
  app.post('/token', { config: { impersonationGuard: { step: 'exchange', storedRecord: async () => await new Promise<null>(() => {}), refuseWith: 'invalid_grant' } } }, async () => 'token')
  for (const request of [{ url: '/authorize' }, { url: '/by-hand' }, { url: '/again' }, { url: '/token', method: 'POST' }] as const) {
    const response = await app.inject(request)
    t.equal(response.statusCode, 503, request.url)
    t.match(response.json(), { error: 'temporarily_unavailable' })
  }
  const back = await app.inject('/back')
  t.match(Object.fromEntries(new URL(String(back.headers.location)).searchParams), { error: 'temporarily_unavailable', state: 's' })
})

test('a guard in a guard decides once, by the inner one, and the decision is one entry [E8]', async t => {
  let asked = 0
  const impersonationOf = () => { asked++; return { staff: 'sam', customer: 'ann' } }
  const { app, log } = await createServer(t, { ...options, impersonationOf })
  await app.register(async child => {
    await child.register(impersonationGuard, { ...options, impersonationOf, directory: { report: () => ({ organizations: 1, complete: true, withoutApproval: [] }) } })
    child.get('/inner', { config: { impersonationGuard: { step: 'consent' } } }, async () => 'code')
  })
  t.equal((await app.inject('/inner')).statusCode, 200)
  t.equal(asked, 1)
  t.match(log.flatMap(({ audit }) => audit ?? []), [{ reason: 'approved' }])
  t.equal(log.flatMap(({ audit }) => audit ?? []).length, 1)
})

test('a token endpoint without step and stored record does not start, and by hand it refuses [D1]', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(impersonationGuard, options)
  for (const rule of [true, {}, { step: 'exchange' }, { step: 'refresh' }] as never[]) {
    t.throws(() => app.post('/token', { config: { impersonationGuard: rule } }, async () => 'token'), { code: 'FST_OAUTH_OPTION_INVALID', message: /storedRecord/ })
  }
  app.post('/by-hand', async request => (await request.checkNewGrant({ step: 'exchange' } as never)).allowed)
  app.post('/by-hand-existing', async request => (await request.checkExistingGrant({ step: 'refresh' } as never)).allowed)
  app.post('/by-app', async () => (await app.impersonationGuard.checkNewGrant({ step: 'refresh', impersonation: null } as never)).allowed)
  for (const url of ['/by-hand', '/by-hand-existing', '/by-app']) t.equal((await app.inject({ method: 'POST', url })).body, 'false', url)
})

test('a guarded route finds the decision on the request, with the record to save', async t => {
  const { app } = await createServer(t)
  app.post('/made', { config: { impersonationGuard: { step: 'consent', accessOf: () => ({ level: 'organization', organizations: ['globex'] }) } } },
    async request => request.grantDecision!.record)
  app.get('/unguarded', async request => ({ decision: request.grantDecision }))
  t.match((await app.inject({ method: 'POST', url: '/made', ...as('staff-1') })).json(), { staff: 'staff-1', customer: 'ann', access: { organizations: ['globex'] } })
  t.equal((await app.inject({ method: 'POST', url: '/made' })).json(), null, 'a customer\'s own grant has no record')
  t.same((await app.inject('/unguarded')).json(), { decision: null })
})

test('what was decided a moment ago is audited again only when it is refused now', async t => {
  const { app, log } = await createServer(t)
  const storedRecord = createImpersonationRecord({ staff: 'sam', customer: 'ann' }, { access: { level: 'organization', organizations: ['globex'] }, grantedAt: Date.now() })
  const entries = (): number => log.filter(line => 'audit' in line).length
  const check = app.impersonationGuard.checkExistingGrant
  t.match(await check({ step: 'exchange', storedRecord }, 'refused'), { allowed: true })
  t.equal(entries(), 0)
  t.match(await check({ step: 'exchange', storedRecord: { ...storedRecord, access: { level: 'all' } } }, 'refused'), { allowed: false })
  t.equal(entries(), 1)
  await check({ step: 'exchange', storedRecord })
  t.equal(entries(), 2)
})

test('a guard that is not configured stops the boot', async t => {
  const app = Fastify()
  await t.rejects(async () => { await app.register(impersonationGuard) }, { message: /^impersonationGuard is not configured: / })
})

test('Fastify\'s own options are not the guard\'s', async t => {
  const app = Fastify()
  await t.rejects(async () => { await app.register(impersonationGuard, { prefix: '/x' } as never) }, { message: /^impersonationGuard is not configured: / })
  await t.resolves(async () => { await Fastify().register(impersonationGuard, { ...options, logLevel: 'info' }) })
})

test('a rule that makes no sense stops the boot', async t => {
  const { app } = await createServer(t)
  t.throws(() => app.get('/x', { config: { impersonationGuard: 'yes' as never } }, async () => 'x'),
    { message: /^config\.impersonationGuard of GET \/x must be an object that names its step, got "yes"/ })
})

test('the composed plugin registers the guard from its options', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, {
    resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'], impersonationGuard: options
  })
  app.get('/authorize', { config: { oauth: false, impersonationGuard: { step: 'consent' } } }, async () => 'code')
  t.equal((await app.inject({ url: '/authorize', ...as('staff-1') })).statusCode, 403)
  t.equal((await app.inject({ url: '/authorize' })).statusCode, 200)
  t.ok(Object.isFrozen(app.oauthConfig.impersonationGuard))
})

test('without it there is no guard to misread', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, { resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'] })
  t.notOk(app.hasDecorator('impersonationGuard'))
})

test('a child scope may have a guard of its own', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(impersonationGuard, options)
  await app.register(async child => {
    await child.register(impersonationGuard, { ...options, impersonationOf: () => null })
    child.get('/child', { config: { impersonationGuard: { step: 'consent' } } }, async () => 'code')
  })
  app.get('/parent', { config: { impersonationGuard: { step: 'consent' } } }, async () => 'code')
  t.equal((await app.inject({ url: '/parent', ...as('staff-1') })).statusCode, 403)
  t.equal((await app.inject({ url: '/child', ...as('staff-1') })).statusCode, 200)
})

test('a refusal goes back to a client whose redirect URI is valid, and stays here otherwise (G20)', async t => {
  const { app } = await createServer(t)
  const redirectOf = ({ query }: FastifyRequest) => {
    const { redirect_uri: redirectUri, state } = query as { redirect_uri?: string, state?: string }
    // What is registered for the client.
    return redirectUri === 'https://client.example.com/cb' ? { redirectUri, state: state ?? null, issuer: 'https://login.example.com' } : null
  }
  app.get('/redirecting', { config: { impersonationGuard: { step: 'consent', redirectOf } } }, async () => 'code')
  app.post('/redirecting', { config: { impersonationGuard: { step: 'consent', redirectOf: async request => redirectOf(request) } } }, async () => 'code')
  app.get('/by-hand-redirect', async (request, reply) => {
    return reply.refuseGrant(await request.checkNewGrant({ step: 'consent' }), redirectOf(request)!)
  })
  const url = (path: string, redirectUri: string): string => `${path}?${String(new URLSearchParams({ redirect_uri: redirectUri, state: 's&1' }))}`
  for (const request of [{ url: '/redirecting' }, { url: '/redirecting', method: 'POST' }, { url: '/by-hand-redirect' }] as const) {
    const valid = await app.inject({ ...request, url: url(request.url, 'https://client.example.com/cb'), ...as('staff-1') })
    t.equal(valid.statusCode, 303)
    t.match(valid.headers, { 'cache-control': 'no-store' })
    const location = new URL(String(valid.headers.location))
    t.equal(location.origin + location.pathname, 'https://client.example.com/cb')
    t.same(Object.fromEntries(location.searchParams), {
      error: 'access_denied', error_description: 'This authorization is not allowed', state: 's&1', iss: 'https://login.example.com'
    })
    t.notMatch(valid.body + JSON.stringify(valid.headers), /acme/, 'G21')
  }
  for (const method of ['GET', 'POST'] as const) {
    const invalid = await app.inject({ method, url: url('/redirecting', 'https://evil.example/cb'), ...as('staff-1') })
    t.equal(invalid.statusCode, 403)
    t.notOk(invalid.headers.location)
    t.match(invalid.json(), { error: 'access_denied' })
  }
})

test('a refusal that cannot be sent back stays a refusal (G20)', async t => {
  const { app, log, minted } = await createServer(t)
  const ways: Array<() => never> = [() => { throw new Error('no client') }, () => ({ redirectUri: 'https://client.example.com/#x', issuer: 'i' }) as never]
  ways.forEach((redirectOf, i) => app.get(`/way-${i}`, { config: { impersonationGuard: { step: 'consent', redirectOf } } }, async request => { minted.push(request.url); return 'code' }))
  for (const i of ways.keys()) {
    const response = await app.inject({ url: `/way-${i}`, ...as('staff-1') })
    t.equal(response.statusCode, 403)
    t.match(response.json(), { error: 'access_denied' })
  }
  t.equal(log.filter(({ level, msg }) => level === 50 && msg === 'redirectOf of a guarded route failed').length, 2)
  t.same(minted, [])
})

test('a host hears of a refusal before it is answered, to burn the code (G16)', async t => {
  const { app, log } = await createServer(t)
  const record = createImpersonationRecord({ staff: 'sam', customer: 'ann' }, { grantedAt: Date.now() })
  const codes = new Set(['code-1', 'code-2'])
  const codeOf = ({ body }: FastifyRequest): string => (body as { code: string }).code
  app.post('/token', {
    config: {
      impersonationGuard: {
        step: 'exchange',
        storedRecord: async () => record,
        onRefused: async (request, decision) => {
          codes.delete(codeOf(request))
          if (codeOf(request) === 'code-2') throw new Error('no database')
          t.match(decision, { allowed: false, reason: 'not_approved', impersonation: { staff: 'sam' } })
        },
        refuseWith: 'invalid_grant'
      }
    }
  }, async () => 'token')
  for (const code of ['code-1', 'code-2']) {
    const response = await app.inject({ method: 'POST', url: '/token', payload: { code } })
    t.equal(response.statusCode, 400, 'GG-12 as clients of a token endpoint know it')
    t.match(response.headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
    t.match(response.json(), { error: 'invalid_grant' })
  }
  t.same([...codes], [])
  t.match(log.find(({ level }) => level === 50), { msg: 'onRefused of a guarded route failed', err: { message: 'no database' } })
})

test('a code without a stamp of its own mints nothing (G16, G31)', async t => {
  const { app, log, minted } = await createServer(t)
  const rows: Record<string, { record?: null }> = { known: { record: null }, renamed: {} }
  app.post('/token', {
    config: {
      impersonationGuard: { step: 'exchange', storedRecord: ({ body }) => rows[(body as { code: string }).code]?.record as null, refuseWith: 'invalid_grant' }
    }
  }, async request => { minted.push(request.url); return 'token' })
  for (const [code, status] of [['known', 200], ['renamed', 400], ['unknown', 400]] as const) {
    t.equal((await app.inject({ method: 'POST', url: '/token', payload: { code } })).statusCode, status, code)
  }
  t.equal(minted.length, 1)
  t.match(log.flatMap(({ audit }) => audit ?? []), Array(2).fill({ reason: 'record_malformed', step: 'exchange' }))
})

test('a customer without a body is not blocked, and what failed is told (G1)', async t => {
  const { app, log, minted } = await createServer(t)
  app.post('/form', { config: { impersonationGuard: { step: 'consent', when: ({ body }) => (body as { allow: boolean }).allow } } }, async request => { minted.push(request.url); return 'code' })
  t.equal((await app.inject({ method: 'POST', url: '/form' })).statusCode, 200)
  t.match(log.find(({ level }) => level === 50), { msg: 'when of a guarded route failed', err: { message: /allow/ } })
  t.notOk(log.some(line => 'audit' in line))
  t.equal((await app.inject({ method: 'POST', url: '/form', ...as('staff-1') })).statusCode, 503)
  t.match(log.flatMap(({ audit }) => audit ?? []), [{ reason: 'lookup_failed', staff: 'staff-1' }])
  t.equal(minted.length, 1)
})

test('each decision says how the grant comes about', async t => {
  const { app, log } = await createServer(t)
  const record = createImpersonationRecord({ staff: 'staff-1', customer: 'ann' }, { client: 'client-1', grantedAt: Date.now() })
  app.get('/short-cut', { config: { impersonationGuard: { step: 'first-party' } } }, async () => 'code')
  app.get('/automatic', { config: { impersonationGuard: { step: 'automatic-approval', storedRecord: () => record } } }, async () => 'code')
  app.get('/hand', async request => (await request.checkNewGrant({ step: 'consent', access: { level: 'all' } })).step)
  app.get('/again', async request => (await request.checkExistingGrant({ step: 'automatic-approval', storedRecord: record })).step)
  app.get('/refresh', async request => (await request.checkExistingGrant({ step: 'refresh', storedRecord: record })).step)
  for (const url of ['/short-cut', '/automatic', '/hand', '/again', '/refresh']) await app.inject({ url, ...as('staff-1') })
  t.match(log.flatMap(({ audit }) => audit ?? []), [
    { step: 'first-party', route: 'GET /short-cut', grantedTo: null, access: { level: 'all' } },
    { step: 'automatic-approval', route: 'GET /automatic', grantedTo: 'client-1' },
    { step: 'consent', route: 'GET /hand' },
    { step: 'automatic-approval', route: 'GET /again', grantedTo: 'client-1' },
    { step: 'refresh', route: 'GET /refresh', grantedTo: 'client-1' }
  ])
})

test('code without a request decides alike, and its decisions are told (G22)', async t => {
  const { app, log } = await createServer(t)
  const { impersonationGuard: guard } = app
  const sam = { staff: 'sam', customer: 'ann' }
  const globex: GrantAccess = { level: 'organization', organizations: ['globex'] }
  t.match(await guard.checkNewGrant({ impersonation: null, step: 'consent' }), { allowed: true })
  t.match(await guard.checkNewGrant({ impersonation: sam, step: 'consent', client: 'client-1' }), { allowed: false })
  t.match(await guard.checkNewGrant({ impersonation: sam, access: globex, step: 'first-party' }), { allowed: true })
  const storedRecord = createImpersonationRecord(sam, { access: globex, client: 'client-1', grantedAt: Date.now() })
  t.match(await guard.checkExistingGrant({ storedRecord, step: 'refresh' }), { allowed: true })
  t.match(await guard.checkExistingGrant({ storedRecord, step: 'automatic-approval', impersonation: null }), { allowed: false })
  t.match(log.filter(line => 'audit' in line), [
    { level: 40, audit: { reason: 'not_approved', step: 'consent', staff: 'sam', customer: 'ann', grantedTo: 'client-1', organizations: ['acme-secret-name'], route: null } },
    { level: 30, audit: { reason: 'approved', step: 'first-party', access: globex } },
    { level: 30, audit: { reason: 'approved', step: 'refresh', grantedTo: 'client-1' } },
    { level: 40, audit: { reason: 'grant_foreign', step: 'automatic-approval', staff: 'sam' } }
  ])
  t.ok(Object.isFrozen(guard))
  t.equal(guard.isSameImpersonator(storedRecord, sam), true)
  t.match(guard.narrowGrant({ expiresInSeconds: 60, scopes: ['a'], refreshToken: true }, storedRecord), { refreshToken: false })
})

test('a route that makes grants and is not guarded stops the boot (GG-01)', async t => {
  const boot = async (grantRoutes: string[]) => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(impersonationGuard, { ...options, grantRoutes })
    app.route({ method: ['GET', 'POST'], url: '/authorize', config: { impersonationGuard: { step: 'consent' } }, handler: async () => 'code' })
    await app.register(async child => { child.post('/consent', { config: { impersonationGuard: { step: 'consent' } } }, async () => 'code') }, { prefix: '/v1' })
    app.post('/keys', async () => 'key')
    app.post('/not-guarded', { config: { impersonationGuard: false } }, async () => 'key')
    await app.ready()
  }
  await t.resolves(boot(['GET /authorize', 'POST /authorize', 'POST /v1/consent']))
  for (const route of ['POST /keys', 'POST /not-guarded', 'PUT /authorize', 'POST /nowhere']) {
    await t.rejects(boot(['GET /authorize', route]),
      { code: 'FST_OAUTH_OPTION_INVALID', message: `impersonationGuard.grantRoutes: ${route} is not guarded. Set config.impersonationGuard on the route, and register the route after the guard` })
  }
})

test('a route that has variants is guarded when all of them are (GG-01)', async t => {
  const boot = async (...rules: boolean[]) => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(impersonationGuard, { ...options, grantRoutes: ['POST /mint'] })
    for (const [i, rule] of rules.entries()) {
      app.route({ method: 'POST', url: '/mint', ...i > 0 && { constraints: { version: `${i}.0.0` } }, config: { impersonationGuard: rule && { step: 'consent' } }, handler: async () => 'code' })
    }
    await app.ready()
  }
  await t.resolves(boot(true, true))
  for (const rules of [[false, true], [true, false], [true, true, false]]) {
    await t.rejects(boot(...rules), { code: 'FST_OAUTH_OPTION_INVALID', message: /^impersonationGuard\.grantRoutes: POST \/mint is not guarded/ }, String(rules))
  }
})

test('what a delegate, an impersonator or a client holds makes no grant (GG-02, GG-03, GG-04, R8693-11)', async t => {
  const clock = createTestClock()
  const issuer = await createFakeIssuer({ clock })
  const app = await createApp(t, optionsFor(issuer, { clock, impersonationGuard: options, impersonatedTokens: { accessOf: () => ({ level: 'organization', organizations: ['globex'] }) } }))
  app.post('/keys', { config: { impersonationGuard: { step: 'consent' } } }, async () => 'key')
  app.post('/keys-by-any', { config: { impersonationGuard: { step: 'consent', tokens: 'any' } } }, async () => 'key')
  const post = async (url: string, claims: Record<string, unknown>) => await app.inject({ method: 'POST', url, headers: bearer(await issuer.token(claims)) })
  t.equal((await post('/keys', {})).statusCode, 200)
  for (const claims of [{ act: { sub: 'agent' } }, { impersonation: {} }, { sub: 'client-1' }]) {
    const response = await post('/keys', claims)
    t.equal(response.statusCode, 403, JSON.stringify(claims))
    t.notOk(response.headers['www-authenticate'])
    t.match(response.json(), { error: 'access_denied' })
    t.equal((await post('/keys-by-any', claims)).statusCode, 200)
  }
  t.match(app.oauthCounters.grants, [{ allowed: false, reason: 'token_not_direct', count: 3 }])
})

test('what a caller says of impersonation and scope is not what the server knows (G33)', async t => {
  const { app, minted } = await createServer(t)
  const said = 'impersonation=null&staff=&impersonated=false&scope=globex&access=organization&organizations=globex'
  for (const url of [`/authorize?${said}`, `/by-hand?${said}`, `/by-hand-default?${said}`]) {
    t.equal((await app.inject({ url, ...as('staff-1') })).statusCode, 403, url)
  }
  const body = { allow: true, staff: null, impersonation: null, access: { level: 'organization', organizations: ['globex'] } }
  t.equal((await app.inject({ method: 'POST', url: '/consent', payload: body, ...as('staff-1') })).statusCode, 403)
  t.equal((await app.inject({ url: '/authorize?staff=sam&impersonation=sam' })).statusCode, 200, 'nor makes it a customer one of staff')
  t.equal(minted.length, 1)
})
