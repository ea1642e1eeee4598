import { test } from 'tap'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { impersonationGuard } from '../../plugins/impersonation-guard.ts'
import oauthResourceServer from '../../plugins/index.ts'
import type { ImpersonationGuardOptions } from '../../lib/impersonation/options.ts'
import { createMemoryOrganizationDirectory } from '../../lib/stores/memory-organization-directory.ts'
import type { GrantDecisionEvent } from '../../lib/signals/event.ts'
import type { GrantReach } from '../../lib/stores/organization-directory.ts'

type Options = ImpersonationGuardOptions<FastifyRequest>

const directory = createMemoryOrganizationDirectory({
  organizations: [{ id: 'acme-secret-name', aiApproved: false }, { id: 'globex', aiApproved: true }],
  memberships: [{ customer: 'ann', organization: 'acme-secret-name' }, { customer: 'ann', organization: 'globex' }]
})

const options: Options = {
  directory,
  impersonationOf: ({ headers: { staff } }) => typeof staff === 'string' ? { staff, customer: 'ann' } : null
}
const reachOfQuery = ({ query }: FastifyRequest): GrantReach | null => {
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
  app.get('/authorize', { config: { impersonationGuard: { reachOf: reachOfQuery } } }, mint)
  app.post('/consent', {
    config: { impersonationGuard: { when: ({ body }) => (body as { allow?: boolean } | null)?.allow !== false } }
  }, mint)
  app.get('/plain', mint)
  app.get('/by-hand', async (request, reply) => {
    const decision = await request.judgeGrant(reachOfQuery(request))
    return decision.allowed ? await mint(request) : reply.refuseGrant()
  })
  app.get('/by-hand-default', async (request, reply) => (await request.judgeGrant()).allowed ? await mint(request) : reply.refuseGrant())
  return { app, log, minted }
}

test('G1 a customer is never blocked', async t => {
  const { app, minted } = await createServer(t)
  for (const url of ['/authorize', '/authorize?organization=acme-secret-name', '/plain', '/by-hand', '/by-hand-default']) {
    t.equal((await app.inject({ url })).statusCode, 200, url)
  }
  t.equal((await app.inject({ method: 'POST', url: '/consent', payload: { allow: true } })).statusCode, 200)
  t.equal(minted.length, 6)
})

test('G2 G7 G21 an impersonator is refused on every guarded way, and no organization is named', async t => {
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

test('G4 G5 an impersonator may where every organization in reach said yes', async t => {
  const { app, minted } = await createServer(t)
  t.equal((await app.inject({ url: '/authorize?organization=globex', ...as('staff-1') })).statusCode, 200)
  t.equal((await app.inject({ url: '/by-hand?organization=globex', ...as('staff-1') })).statusCode, 200)
  t.equal(minted.length, 2)
})

test('a denial by the user proceeds, as it grants nothing', async t => {
  const { app } = await createServer(t)
  const response = await app.inject({ method: 'POST', url: '/consent', payload: { allow: false }, ...as('staff-1') })
  t.equal(response.statusCode, 200)
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
  app.setNotFoundHandler(async (request, reply) => { await request.judgeGrant(); return reply.code(404).send() })
  await app.inject({ url: '/nowhere', ...as('staff-1') })
  t.match(log.find(line => 'audit' in line), { audit: { route: null, reason: 'not_approved' } })
})

test('G19 a look-up that throws is a no, and is logged', async t => {
  const { app, log } = await createServer(t, { ...options, directory: { report () { throw new Error('database down') } } })
  const response = await app.inject({ url: '/authorize', ...as('staff-1') })
  t.equal(response.statusCode, 403)
  t.match(log.find(line => line.audit?.reason === 'lookup_failed'), { level: 40, err: { message: 'database down' } })
  t.notMatch(response.body, /database/)
})

test('a guard that is not configured stops the boot', async t => {
  const app = Fastify()
  await t.rejects(async () => { await app.register(impersonationGuard) }, { message: 'impersonationGuard is not configured' })
})

test('Fastify\'s own options are not the guard\'s', async t => {
  const app = Fastify()
  await t.rejects(async () => { await app.register(impersonationGuard, { prefix: '/x' } as never) }, { message: 'impersonationGuard is not configured' })
  await t.resolves(async () => { await Fastify().register(impersonationGuard, { ...options, logLevel: 'info' }) })
})

test('a rule that makes no sense stops the boot', async t => {
  const { app } = await createServer(t)
  t.throws(() => app.get('/x', { config: { impersonationGuard: 'yes' as never } }, async () => 'x'),
    { message: 'config.impersonationGuard of GET /x must be object, and is "yes"' })
})

test('the composed plugin registers the guard from its options', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(oauthResourceServer, {
    resource: 'https://api.example.com', authorizationServers: ['https://login.example.com'], impersonationGuard: options
  })
  app.get('/authorize', { config: { oauth: false, impersonationGuard: true } }, async () => 'code')
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
    child.get('/child', { config: { impersonationGuard: true } }, async () => 'code')
  })
  app.get('/parent', { config: { impersonationGuard: true } }, async () => 'code')
  t.equal((await app.inject({ url: '/parent', ...as('staff-1') })).statusCode, 403)
  t.equal((await app.inject({ url: '/child', ...as('staff-1') })).statusCode, 200)
})
