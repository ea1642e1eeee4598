import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { InvalidTokenError } from '../../../lib/errors/errors.ts'
import { createResource } from '../../../lib/resource/create-resource.ts'
import type { ProtectedResource } from '../../../lib/resource/create-resource.ts'
import { createMemoryOrganizationDirectory } from '../../../lib/stores/organizations/memory-organization-directory.ts'
import { optionsFor } from '../../support/app.ts'
import { createTestClock } from '../../support/clock.ts'
import { createRecordedLog } from '../../support/issuer-log.ts'
import { createFakeIssuer } from '../../support/issuer.ts'

const clock = createTestClock()
const issuer = await createFakeIssuer({ clock })
const silent = createRecordedLog()
const create = (options: object = {}, log = silent): ProtectedResource =>
  createResource(resolveConfig(optionsFor(issuer, { clock, ...options })).config, log)

test('a resource is made and used without a server', async t => {
  const resource = create({ scopes: { read: 'Read' } })
  t.strictSame(resource.policies.policyOf({ oauth: { scopes: ['read'] } }).defaultChallenges, [`Bearer resource_metadata="${resource.config.metadataUrl}", scope="read"`])
  t.match(await resource.verifier.verify(await issuer.token()), { subject: 'user-1' })
  await t.rejects(async () => await resource.verifier.verify('x'), InvalidTokenError)
  t.equal(resource.checkToken, null)
  t.match(resource.counters.snapshot(), { cache: { hits: 0, misses: 2 } })
})

test('its verifier is made when it is first needed, once, and fetches nothing before the first token', async t => {
  const jwks = { keys: issuer.keys.map(key => key.publicJwk) }
  const cases = {
    'finds the keys': [{}, [issuer.metadataUrl, issuer.jwksUri], true],
    'uses the jwksUri': [{ authorizationServers: [{ issuer: issuer.issuer, jwksUri: issuer.jwksUri }] }, [issuer.jwksUri], true],
    'uses the keys': [{ authorizationServers: [{ issuer: issuer.issuer, jwks }] }, [], true],
    'remembers nothing without a token cache': [{ tokenCache: false as const }, [issuer.metadataUrl, issuer.jwksUri], false]
  } as const
  for (const [title, [options, requests, remembers]] of Object.entries(cases)) {
    issuer.requests.length = 0
    const resource = create(options)
    const { verifier } = resource
    t.equal(resource.verifier, verifier)
    t.strictSame(issuer.requests, [], title)
    const token = await issuer.token()
    t.match(await verifier.verify(token), { subject: 'user-1' }, title)
    t.strictSame(issuer.requests, requests, title)
    const again = verifier.verify(token)
    t.notOk(again instanceof Promise, `${title}: known keys need no promise`)
    t.equal(again === verifier.verify(token), remembers, title)
  }
})

test('a rule of tokens that only reports is written to the log', async t => {
  const log = createRecordedLog()
  const tokenRules = [{ name: 'mfa', check: () => false, reportOnly: true }]
  const resource = create({ authorizationServers: [{ issuer: issuer.issuer, tokenRules }] }, log)
  await resource.verifier.verify(await issuer.token())
  t.match(log.lines, [{ level: 'warn', details: { rule: 'mfa', subject: 'user-1', issuer: issuer.issuer } }])
})

test('two resources share nothing', async t => {
  const [one, other] = [create(), create()]
  await one.verifier.verify(await issuer.token())
  t.not(one.verifier, other.verifier)
  t.match(other.counters.snapshot(), { cache: { misses: 0 } })
  t.type(create({ impersonatedTokens: { directory: createMemoryOrganizationDirectory({ organizations: [], memberships: [] }) } }).checkToken, 'function')
})
