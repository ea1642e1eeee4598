import { test } from 'tap'
import type { IntrospectionOptions } from '../../../lib/config/introspection.ts'
import type { IssuerOptions } from '../../../lib/config/issuer.ts'
import { createIssuer } from '../../../lib/resource/create-issuer.ts'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { parseJwt } from '../../../lib/token/jwt.ts'
import { optionsFor } from '../../support/app.ts'
import { createTestClock } from '../../support/clock.ts'
import { addIntrospection, clientId, secret } from '../../support/introspection.ts'
import { createRecordedLog } from '../../support/issuer-log.ts'
import type { FakeIssuer } from '../../support/issuer.ts'
import { createFakeIssuer } from '../../support/issuer.ts'

const mtlsEndpoint = 'https://mtls.login.example.com/introspect'

type Options = Omit<Partial<IssuerOptions>, 'introspection'> & { introspection: Partial<IntrospectionOptions> }
type OptionsOf = (fake: FakeIssuer, introspect: string) => Options

test('what an issuer is asked for, and nothing more', async t => {
  const cases: Array<[title: string, optionsOf: OptionsOf, asked: (fake: FakeIssuer, introspect: string) => string[]]> = [
    ['the endpoint, by its metadata', () => ({ introspection: {} }), (fake, introspect) => [fake.metadataUrl, introspect]],
    ['the endpoint that is configured', (_fake, endpoint) => ({ introspection: { endpoint } }), (_fake, introspect) => [introspect]],
    ['the keys of signed answers as well', () => ({ introspection: { signedResponseAlgorithm: 'ES256' } }),
      (fake, introspect) => [fake.metadataUrl, introspect, fake.jwksUri]],
    ['the keys alone, by its metadata', (_fake, endpoint) => ({ introspection: { endpoint, signedResponseAlgorithm: 'ES256' } }),
      (fake, introspect) => [introspect, fake.metadataUrl, fake.jwksUri]],
    ['the keys where they are configured to be', fake => ({ jwksUri: fake.jwksUri, introspection: { signedResponseAlgorithm: 'ES256' } }),
      (fake, introspect) => [fake.metadataUrl, introspect, fake.jwksUri]],
    ['no keys that are known', (fake, endpoint) => ({ jwks: { keys: fake.keys.map(key => key.publicJwk) }, introspection: { signedResponseAlgorithm: 'ES256', endpoint } }),
      (_fake, introspect) => [introspect]],
    ['the endpoint for clients with a certificate', fake => ({ introspection: { authentication: { method: 'tls_client_auth' }, fetch: fake.fetch } }),
      fake => [fake.metadataUrl, mtlsEndpoint]]
  ]
  for (const [title, optionsOf, askedOf] of cases) {
    const clock = createTestClock()
    const fake = await createFakeIssuer({ clock })
    const introspection = addIntrospection(fake, clock)
    fake.answer(fake.metadataUrl, () => Response.json({
      issuer: fake.issuer, jwks_uri: fake.jwksUri, introspection_endpoint: introspection.endpoint,
      mtls_endpoint_aliases: { introspection_endpoint: mtlsEndpoint }
    }))
    fake.answer(mtlsEndpoint, () => Response.json({ active: true, sub: 'user-1', aud: 'https://api.example.com' }))
    const given = optionsOf(fake, introspection.endpoint)
    if (given.introspection.signedResponseAlgorithm !== undefined) introspection.signAnswers()
    const authorizationServers = [{
      ...given, issuer: fake.issuer, introspection: { clientId, authentication: secret, ...given.introspection }
    }]
    const { config } = resolveConfig(optionsFor(fake, { clock, authorizationServers }))
    const issuer = createIssuer(config.issuers[0]!, config, createRecordedLog())
    t.strictSame(fake.requests, [])
    t.match(await issuer.verify(introspection.issue(), null), { accessToken: { subject: 'user-1' }, maxAgeMs: 10_000 }, title)
    t.strictSame(fake.requests, askedOf(fake, introspection.endpoint), title)
  }
})

test('an issuer of JWTs does not mind what is wrong with the rest of its metadata', async t => {
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock })
  fake.answer(fake.metadataUrl, () => Response.json({
    issuer: fake.issuer, jwks_uri: fake.jwksUri, introspection_endpoint: 'http://10.0.0.1/', mtls_endpoint_aliases: 7
  }))
  const { config } = resolveConfig(optionsFor(fake, { clock }))
  const issuer = createIssuer(config.issuers[0]!, config, createRecordedLog())
  const token = await fake.token()
  t.match(await issuer.verify(token, parseJwt(token)), { accessToken: { subject: 'user-1' }, maxAgeMs: undefined })
})

test('what an operator has to know of an issuer is logged (A2, A4)', async t => {
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock })
  const log = createRecordedLog()
  const { config } = resolveConfig(optionsFor(fake, { clock }))
  const issuer = createIssuer(config.issuers[0]!, config, log)
  const verify = async (): Promise<unknown> => {
    const token = await fake.token()
    return await issuer.verify(token, parseJwt(token))
  }
  fake.answer(fake.jwksUri, () => Response.json({ keys: [{ kid: 'old', kty: 'RSA', x5c: ['MIIB'] }, ...fake.keys.map(key => key.publicJwk)] }))
  await verify()
  t.match(log.lines, [{ level: 'debug', message: 'keys of an issuer cannot be used', details: { issuer: fake.issuer, skippedKeys: [{ keyId: '"old"' }] } }])
  fake.answer(fake.jwksUri, () => { throw new Error('certificate has expired') })
  clock.advance(600)
  await verify()
  while (log.lines.length < 2) await new Promise(setImmediate)
  t.match(log.lines[1], { level: 'warn', message: /keys of an issuer could not be renewed/, details: { issuer: fake.issuer, err: { message: /certificate has expired/ } } })
})

test('keysMaxAgeSeconds below a minute means what it says (E8)', async t => {
  const clock = createTestClock()
  const fake = await createFakeIssuer({ clock })
  const { config } = resolveConfig(optionsFor(fake, { clock, discovery: { keysMaxAgeSeconds: 5 } }))
  const issuer = createIssuer(config.issuers[0]!, config, createRecordedLog())
  const asked = async (): Promise<number> => {
    const token = await fake.token()
    await issuer.verify(token, parseJwt(token))
    await new Promise(setImmediate)
    return fake.requests.filter(url => url === fake.jwksUri).length
  }
  t.equal(await asked(), 1)
  clock.advance(4)
  t.equal(await asked(), 1)
  clock.advance(1)
  t.equal(await asked(), 2)
})
