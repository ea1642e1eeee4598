import { test } from 'tap'
import type { OAuthResourceServerOptions } from '../../../lib/config/options.ts'
import { createIssuerResolver } from '../../../lib/resource/issuer-resolver.ts'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { parseJwt } from '../../../lib/token/jwt.ts'
import type { IssuerResolver } from '../../../lib/token/verifier.ts'
import type { TestClock } from '../../support/clock.ts'
import { createTestClock } from '../../support/clock.ts'
import { createDeferred } from '../../support/deferred.ts'
import { createFakeIssuer } from '../../support/issuer.ts'
import { plainOptions } from '../../support/hint.ts'
import { createRecordedLog } from '../../support/issuer-log.ts'
import { reasonOfAsync } from '../../support/reason.ts'

type Find = NonNullable<OAuthResourceServerOptions['resolveIssuer']>

const tenant = (name: string): string => `https://${name}.tenants.example`

function setup (find: (issuer: string) => unknown): { resolve: IssuerResolver, asked: string[], clock: TestClock } {
  const clock = createTestClock()
  const asked: string[] = []
  const resolveIssuer = ((issuer: string) => { asked.push(issuer); return find(issuer) }) as Find
  const { config } = resolveConfig({ ...plainOptions, clock, resolveIssuer })
  return { resolve: createIssuerResolver(config, resolveIssuer, createRecordedLog()), asked, clock }
}

test('what it makes of what the function gives', async t => {
  const cases: Array<[given: (issuer: string) => unknown, result: string | null]> = [
    [issuer => issuer, 'found'], [async issuer => issuer, 'found'], [issuer => ({ issuer, audience: 'x' }), 'found'],
    [() => null, null], [async () => null, null], [() => undefined, null],
    [() => tenant('b'), 'issuer_unresolvable'], [issuer => `${issuer}/`, 'issuer_unresolvable'], [issuer => ({ issuer: [issuer] }), 'issuer_unresolvable'],
    [issuer => ({ issuer, aud: 'x' }), 'issuer_unresolvable'], [() => 7, 'issuer_unresolvable'], [() => false, 'issuer_unresolvable'],
    [() => ({}), 'issuer_unresolvable'], [issuer => ({ issuer, jwks: { keys: [] } }), 'issuer_unresolvable'],
    [() => { throw new Error('down') }, 'issuer_unresolvable'], [async () => { throw new Error('down') }, 'issuer_unresolvable']
  ]
  for (const [given, result] of cases) {
    const { resolve } = setup(given)
    const title = String(given)
    if (result === 'issuer_unresolvable') {
      t.equal(await reasonOfAsync(() => resolve(tenant('a'))), result, title)
      await t.rejects(resolve(tenant('a')), { statusCode: 503, retryAfterSeconds: 5, cause: Error } as never, title)
    } else {
      t.equal((await resolve(tenant('a')))?.expected.issuer ?? null, result === null ? null : tenant('a'), title)
    }
  }
})

test('what is dangerous about an issuer that was found is in the log', async t => {
  const find: Find = issuer => ({ issuer, allowMissingAudience: true })
  const log = createRecordedLog()
  const { config } = resolveConfig({ ...plainOptions, resolveIssuer: find })
  t.equal((await createIssuerResolver(config, find, log)(tenant('a')))?.expected.issuer, tenant('a'))
  t.match(JSON.stringify(log), /allowMissingAudience/)
})

test('it is not asked about what cannot be an issuer', async t => {
  const { resolve, asked } = setup(issuer => issuer)
  for (const junk of ['', 'a', 'https://', 'http://a.example', 'https://a.example#x', 'ftp://a.example', 'https://user@a.example', 'https://a b.example',
    `https://a.example/${'x'.repeat(2048)}`, 'javascript:alert(1)', 'https://a.example/\n']) {
    t.equal(await resolve(junk), null, junk.slice(0, 40))
  }
  t.strictSame(asked, [])
})

test('an issuer is found once, and whoever asks meanwhile waits for that', async t => {
  const answer = createDeferred<string>()
  const { resolve, asked } = setup(issuer => issuer === tenant('slow') ? answer.promise : issuer)
  const first = Promise.all(Array.from({ length: 100 }, () => resolve(tenant('slow'))))
  t.equal((await resolve(tenant('b')))?.expected.issuer, tenant('b'), 'another is not kept waiting')
  answer.resolve(tenant('slow'))
  const found = await first
  t.equal(new Set(found).size, 1)
  t.equal(await resolve(tenant('slow')), found[0])
  t.strictSame(asked, [tenant('slow'), tenant('b')])
})

test('identifiers that are no issuer take no place of an issuer, and are remembered for a short time (C4)', async t => {
  const { resolve, asked, clock } = setup(issuer => issuer === tenant('a') ? issuer : null)
  const known = await resolve(tenant('a'))
  for (let i = 0; i < 1500; i++) t.equal(await resolve(tenant(`stranger-${i}`)), null)
  t.equal(await resolve(tenant('a')), known)
  t.equal(asked.length, 1501)
  t.equal(await resolve(tenant('stranger-1499')), null)
  t.equal(asked.length, 1501, 'not asked for again')
  t.equal(await resolve(tenant('stranger-0')), null)
  t.equal(asked.length, 1502, 'only so many are remembered')
  clock.advance(5)
  t.equal(await resolve(tenant('stranger-1499')), null)
  t.equal(asked.length, 1503, 'and not for long')
})

test('only so many identifiers that are not known are asked for at the same time, and known issuers are served meanwhile (C4)', async t => {
  const answer = createDeferred<null>()
  const { resolve, asked } = setup(issuer => issuer === tenant('a') ? issuer : answer.promise)
  const known = await resolve(tenant('a'))
  const flood = Array.from({ length: 2000 }, (_, i) => reasonOfAsync(() => resolve(tenant(`stranger-${i}`))))
  t.equal(asked.length, 21)
  t.equal(await resolve(tenant('a')), known)
  answer.resolve(null)
  const reasons = await Promise.all(flood)
  t.equal(reasons.filter(reason => reason === null).length, 20)
  t.equal(reasons.filter(reason => reason === 'issuer_unresolvable').length, 1980)
})

test('a remembered token of an issuer that the function no longer knows is not current (D9)', async t => {
  let isKnown = true
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock, issuer: tenant('a') })
  const { resolve, clock: own } = setup(issuer => isKnown ? { issuer, jwks: { keys: fake.keys.map(key => key.publicJwk) } } : null)
  const token = await fake.token()
  const { validity } = await (await resolve(tenant('a')))!.verify(token, parseJwt(token))
  t.equal(validity.isCurrent(), true)
  own.advance(599)
  t.equal(validity.isCurrent(), true)
  own.advance(1)
  t.equal(validity.isCurrent(), false, 'the function has to be asked again')
  isKnown = false
  t.equal(await resolve(tenant('a')), null)
  t.equal(validity.isCurrent(), false)
})

test('and of one whose tokens are introspected (D9)', async t => {
  const { resolve } = setup(issuer => ({
    issuer,
    introspection: {
      clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'x' }, endpoint: `${issuer}/introspect`,
      fetch: async () => Response.json({ active: true, sub: 'user-1', aud: plainOptions.resource })
    }
  }))
  const { validity } = await (await resolve(tenant('a')))!.verify('opaque', null)
  t.equal(validity.isCurrent(), true)
})

test('a failure is not remembered', async t => {
  let down = true
  const { resolve } = setup(issuer => { if (down) throw new Error('down'); return issuer })
  t.equal(await reasonOfAsync(() => resolve(tenant('a'))), 'issuer_unresolvable')
  down = false
  t.equal((await resolve(tenant('a')))?.expected.issuer, tenant('a'))
})

test('tenants go as well as come', async t => {
  let given: unknown = { issuer: tenant('a'), audience: 'x' }
  const { resolve, asked, clock } = setup(() => { if (given instanceof Error) throw given; return given })
  const first = await resolve(tenant('a'))
  clock.advance(599)
  t.equal(await resolve(tenant('a')), first)
  t.equal(asked.length, 1)
  clock.advance(1)
  given = { issuer: tenant('a'), audience: 'x' }
  t.equal(await resolve(tenant('a')), first, 'the same options leave keys and caches as they are')
  t.equal(asked.length, 2)
  clock.advance(600)
  given = new Error('down')
  t.equal(await reasonOfAsync(() => resolve(tenant('a'))), 'issuer_unresolvable', 'a function that fails serves no old answer (C9)')
  clock.advance(5)
  given = { issuer: tenant('a'), audience: 'y' }
  const changed = await resolve(tenant('a'))
  t.not(changed, first, 'another rule makes another issuer')
  clock.advance(600)
  given = null
  t.equal(await resolve(tenant('a')), null)
  clock.advance(5)
  given = { issuer: tenant('a'), audience: 'y' }
  const again = await resolve(tenant('a'))
  t.not(again, changed)
  t.equal(again?.expected.issuer, tenant('a'))
})
