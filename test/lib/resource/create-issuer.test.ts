import { test } from 'tap'
import type { IntrospectionOptions, IssuerOptions } from '../../../lib/config/issuer-options.ts'
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
