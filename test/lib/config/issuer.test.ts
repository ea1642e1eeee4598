import { generateKeyPair } from 'jose'
import { test } from 'tap'
import type { ResolvedIssuer } from '../../../lib/config/issuer.ts'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { createSigningKey } from '../../support/issuer.ts'
import { plainOptions } from '../../support/hint.ts'

const resolve = (authorizationServers: readonly unknown[], extra = {}): readonly ResolvedIssuer[] =>
  resolveConfig({ ...plainOptions, ...extra, authorizationServers }).config.issuers
const issuer = 'https://as'

test('defaults and what is given', async t => {
  const { publicJwk } = await createSigningKey('k', 'ES256')
  t.match(resolve([issuer])[0], {
    rule: {
      issuer, audiences: [plainOptions.resource], foreignAudiences: 'accept', profile: 'rfc9068', scopeClaims: ['scope'],
      clockToleranceSeconds: 5
    },
    advertised: true, jwksUri: null, jwks: null
  })
  t.notOk(resolve([issuer])[0]!.rule.algorithms.some(algorithm => /^(?:HS|none)/i.test(algorithm)))
  t.match(resolve([{ issuer, profile: 'jwt', audience: ['a', 'b'], advertised: false, algorithms: ['ES256'] }], { clockToleranceSeconds: 9 })[0], {
    rule: { profile: 'jwt', audiences: ['a', 'b'], scopeClaims: ['scope', 'scp'], algorithms: ['ES256'], clockToleranceSeconds: 9 },
    advertised: false
  })
  t.match(resolve([{ issuer, audience: 'a', scopeClaims: ['roles'], clockToleranceSeconds: 0, rejectForeignAudiences: true, jwksUri: 'https://as/k' }],
    { clockToleranceSeconds: 9 })[0], {
    rule: { audiences: ['a'], scopeClaims: ['roles'], clockToleranceSeconds: 0, foreignAudiences: 'refuse' }, jwksUri: 'https://as/k'
  })
  t.strictSame(resolve([{ issuer, jwks: { keys: [publicJwk] } }])[0]!.jwks, { keys: [publicJwk] })
  t.strictSame(resolve([issuer, 'https://as/']).map(one => one.rule.issuer), [issuer, 'https://as/'], 'a slash makes another issuer')
})

test('introspection, claims and rules', async t => {
  const { privateKey } = await generateKeyPair('ES256')
  const check = (): boolean => true
  const [resolved] = resolve([{
    issuer,
    introspection: { clientId: 'api', authentication: { method: 'private_key_jwt', privateKey, keyId: 'k' } },
    claims: { roles: ['realm', 'roles'], teams: undefined },
    clientTokens: [{ gty: 'x', a: true }],
    tokenRules: [{ name: 'a', check }, { name: 'b', check, reportOnly: true }],
    rejectForeignAudiences: 'report'
  }])
  t.match(resolved, {
    introspection: {
      rule: { clientId: 'api', authentication: { method: 'private_key_jwt', privateKey, keyId: 'k' }, signedResponseAlgorithm: null },
      endpoint: null, opaquePrefix: '', cacheMs: 10_000, refusedCacheMs: 0, maxConcurrent: 100, fetch: null
    },
    rule: {
      claims: { audience: 'aud', actor: 'act', roles: ['realm', 'roles'], organizations: null, teams: null, session: 'sid', grant: null },
      clientTokens: [{ gty: 'x', a: true }],
      tokenRules: [{ name: 'a', reportOnly: false }, { name: 'b', reportOnly: true }], foreignAudiences: 'report'
    }
  })
  t.ok(Object.isFrozen(resolved!.introspection) && Object.isFrozen(resolved!.introspection!.rule.authentication))
  t.equal(resolve([issuer])[0]!.introspection, null)
  const opaque = (name: string, opaquePrefix?: string | null): object =>
    ({ issuer: name, introspection: { clientId: 'api', authentication: basic, ...opaquePrefix !== undefined && { opaquePrefix } } })
  t.equal(resolve([opaque('https://a'), opaque('https://b', 'x'), opaque('https://c', null), opaque('https://d', null)]).length, 4)
})

const basic = { method: 'client_secret_basic', clientSecret: 'hunter2' }
const introspection = { clientId: 'api', authentication: basic }
const publicKey = (await createSigningKey('k', 'ES256')).publicJwk

for (const [given, message] of [
  [[{ issuer, introspection: { authentication: basic } }], /^`authorizationServers\[0\]\.introspection\.clientId` is required/],
  [[{ issuer, introspection: { clientId: 'api' } }], /^`authorizationServers\[0\]\.introspection\.authentication` is required/],
  [[{ issuer, introspection: { ...introspection, authentication: { ...basic, method: 'none' } } }], /^authorizationServers\[0\]\.introspection\.authentication\.method /],
  [[{ issuer, introspection: { ...introspection, authentication: { ...basic, secret: 'hunter2' } } }], /introspection\.authentication: unknown option "secret"\. Did you mean "clientSecret"\?$/],
  [[{ issuer, introspection: { ...introspection, authentication: { ...basic, keyId: 'k' } } }], /authentication: unknown option "keyId"/],
  [[{ issuer, introspection: { ...introspection, authentication: { ...basic, method: 'tls_client_auth' } } }], /authentication: unknown option "clientSecret"\. Known options: method\.$/],
  [[{ issuer, introspection: { ...introspection, authentication: { method: 'client_secret_post' } } }], /authentication\.clientSecret` is required$/],
  [[{ issuer, introspection: { ...introspection, authentication: 'hunter' } }], /introspection\.authentication/],
  [[{ issuer, introspection: { ...introspection, ttl: 1 } }], /introspection: unknown option "ttl"/],
  [[{ issuer, introspection: { ...introspection, cacheSeconds: -1 } }], /introspection\.cacheSeconds must be an integer .*, got -1/],
  [[{ issuer, introspection: { ...introspection, refusedCacheSeconds: 4000 } }], /introspection\.refusedCacheSeconds must be an integer .*, got 4000/],
  [[{ issuer, introspection: { ...introspection, maxConcurrent: 0 } }], /introspection\.maxConcurrent must be an integer .*, got 0/],
  [[{ issuer, introspection: { ...introspection, endpoint: 'http://as/i' } }], /introspection\.endpoint must be https/],
  [[{ issuer, introspection: { ...introspection, signedResponseAlgorithm: 'HS256' } }], /introspection\.signedResponseAlgorithm must be of .*HS256/],
  [[{ issuer, introspection: { clientId: 'api', authentication: { method: 'tls_client_auth' } } }], /tls_client_auth requires .*introspection\.fetch/],
  ...['-----BEGIN PRIVATE KEY-----', null, {}, publicKey, { type: 'public', usages: ['verify'] }, { type: 'private', usages: ['deriveBits'] }]
    .map(privateKey => [[{ issuer, introspection: { clientId: 'api', authentication: { method: 'private_key_jwt', privateKey } } }],
      /authentication\.privateKey(?:` is required| must be a private CryptoKey whose usages include sign)$/] as const),
  [[{ issuer, introspection }, { issuer: 'https://b', introspection }], 'introspection.opaquePrefix "" belongs to two authorizationServers; opaque tokens are routed by it'],
  [[{ issuer, preset: 'gooogle' }], /authorizationServers\[0\]\.preset must be one of "entra".* got "gooogle"\. Did you mean "google"\?$/],
  [[{ issuer, claims: { tenant: 'tid' } }], 'authorizationServers[0].claims: unknown option "tenant". Known options: audience, actor, roles, organizations, teams, session, grant.'],
  [[{ issuer, claims: { roles: [] } }], /authorizationServers\[0\]\.claims\.roles/],
  [[{ issuer, tokenRules: [{ name: 'a' }] }], /`authorizationServers\[0\]\.tokenRules\[0\]\.check` is required/],
  [[{ issuer, requiredClaims: { ver: 2 } }], 'authorizationServers[0].requiredClaims.ver must be a string, got 2'],
  [[{ issuer, clientTokens: { gty: 'x' } }], 'authorizationServers[0].clientTokens must be an array, got {"gty":"x"}'],
  [[{ issuer, clientTokens: [{}] }], /^authorizationServers\[0\]\.clientTokens\[0\] must be /],
  [[{ issuer, clientTokens: [{ gty: false }] }], /^authorizationServers\[0\]\.clientTokens\[0\]\.gty /],
  [[{ issuer, clientTokens: [{ a: true }, { sub: '{client}@clients' }] }],
    'authorizationServers[0].clientTokens has the placeholder {client}; known are {clientId} and {subject}']
] as ReadonlyArray<readonly [unknown[], string | RegExp]>) {
  test(`boot stops: ${String(message)}`, t => {
    try {
      resolve(given)
      t.fail('it went on')
    } catch (error) {
      t.match(error, { name: 'OptionError', message })
      t.notMatch((error as Error).message, 'hunter2', 'and no secret is printed')
    }
    t.end()
  })
}

for (const [given, message] of [
  [[5], 'authorizationServers[0] must be a non-empty string or an object, got 5'],
  [[{}], '`authorizationServers[0].issuer` is required'],
  [[issuer, issuer], 'authorizationServers names "https://as" twice; remove one'],
  [[issuer, { issuer, audience: 'x' }], 'authorizationServers names "https://as" twice; remove one'],
  [['http://as'], 'authorizationServers[0].issuer must be https; http is allowed for loopback hosts only, got "http://as". For development in containers or a local network, set allowInsecureHttp. Its metadata is fetched from there: set jwksUri, jwks or introspection.endpoint for an issuer that is only compared with iss'],
  [['https://as#f'], 'authorizationServers[0].issuer must not have a fragment, got "https://as#f". Its metadata is fetched from there: set jwksUri, jwks or introspection.endpoint for an issuer that is only compared with iss'],
  [['https://as?x'], 'authorizationServers[0].issuer must not have a query (RFC 8414 section 2), got "https://as?x". Its metadata is fetched from there: set jwksUri, jwks or introspection.endpoint for an issuer that is only compared with iss'],
  [[''], 'authorizationServers[0] must be a non-empty string or an object, got ""'],
  [[issuer, { issuer: 'https://b', aud: 'x' }], 'authorizationServers[1]: unknown option "aud". Did you mean "audience"?'],
  [[{ issuer, audience: [] }], 'authorizationServers[0].audience must be a non-empty string or a non-empty array without duplicates, got []'],
  [[{ issuer, audience: ['a', 'a'] }], 'authorizationServers[0].audience must be a non-empty string or a non-empty array without duplicates, got ["a","a"]'],
  [[{ issuer, profile: 'oidc' }], 'authorizationServers[0].profile must be one of "rfc9068", "jwt", got "oidc"'],
  [[{ issuer, algorithms: [] }], 'authorizationServers[0].algorithms must be a non-empty array without duplicates, got []'],
  [[{ issuer, clockToleranceSeconds: 3000 }], 'authorizationServers[0].clockToleranceSeconds must be an integer from 0 to 300, got 3000'],
  [[{ issuer, jwksUri: 'http://as/jwks' }],
    'authorizationServers[0].jwksUri must be https; http is allowed for loopback hosts only, got "http://as/jwks". For development in containers or a local network, set allowInsecureHttp'],
  [[{ issuer, jwksUri: 'https://as/jwks', jwks: { keys: [] } }], 'authorizationServers[0].jwks and authorizationServers[0].jwksUri contradict each other; remove one'],
  [[{ issuer, jwks: { keys: [] } }], 'authorizationServers[0].jwks has no public key that can be used'],
  [[{ issuer, jwks: [{ kty: 'EC', d: 'secret' }] }], 'authorizationServers[0].jwks must be an object, got [{"kty":"EC","d":"***"}]']
] as const) {
  test(`boot stops: ${message}`, t => {
    t.throws(() => resolve(given), { name: 'OptionError', message })
    t.end()
  })
}

for (const algorithm of ['HS256', 'none', 'es256', 'RSA-OAEP']) {
  test(`boot stops: algorithm ${algorithm}`, t => {
    t.throws(() => resolve([{ issuer, algorithms: ['ES256', algorithm] }]),
      { name: 'OptionError', message: new RegExp(`^authorizationServers\\[0\\]\\.algorithms must be of .*, got "${algorithm}"`) })
    t.end()
  })
}

test('an issuer that clients cannot look up is not advertised [B5]', t => {
  const jwksUri = 'https://sts.example/keys'
  const adfs = 'http://sts.example/adfs/services/trust'
  const { config } = resolveConfig({ ...plainOptions, authorizationServers: [issuer, { issuer: adfs, jwksUri }] })
  t.strictSame(config.issuers.map(one => one.advertised), [true, false])
  t.strictSame(config.document.members.authorization_servers, [issuer])
  for (const keys of [{ jwks: { keys: [publicKey] } }, { introspection: { ...introspection, endpoint: 'https://sts.example/i' } }]) {
    t.equal(resolve([{ issuer: 'auth-service', ...keys }])[0]!.rule.issuer, 'auth-service')
  }
  const signed = { ...introspection, endpoint: 'https://sts.example/i', signedResponseAlgorithm: 'ES256' }
  t.throws(() => resolve([{ issuer: 'auth-service', introspection: signed }]), { message: /set jwksUri, jwks or introspection\.endpoint/ }, 'its keys are needed')
  t.ok(resolve([{ issuer: 'auth-service', introspection: signed, jwksUri }]))
  t.throws(() => resolve([{ issuer: adfs, jwksUri, advertised: true }]), {
    name: 'OptionError', message: 'authorizationServers[0].advertised: true requires an issuer that clients can look up: an https URL (RFC 8414 section 2)'
  })
  t.end()
})

test('tokens without an audience are accepted by one option for JWT and introspection, with a warning at each start [B3]', t => {
  for (const more of [{}, { introspection }]) {
    const { config, warnings } = resolveConfig({ ...plainOptions, authorizationServers: [{ issuer, allowMissingAudience: true, ...more }] })
    t.equal(config.issuers[0]!.rule.allowMissingAudience, true)
    t.strictSame(warnings, ['authorizationServers[0].allowMissingAudience: tokens without aud are accepted, also those that the issuer issues for other resources'])
  }
  t.match(resolve([issuer])[0]!.rule, { allowMissingAudience: false, allowIdTokens: false })
  t.end()
})

test('an audience that every token of the product has is accepted with a warning, one for this API without', t => {
  const warningsFor = (more: object): readonly string[] =>
    resolveConfig({ ...plainOptions, authorizationServers: [{ issuer, preset: 'keycloak', ...more }] }).warnings
  for (const audience of ['account', ['my-api', 'account']]) {
    t.same(warningsFor({ audience }).map(warning => warning.split(':', 1)[0]), ['authorizationServers[0].audience'])
  }
  t.same(warningsFor({ audience: 'my-api' }), [])
  t.same(warningsFor({}), [])
  t.same(warningsFor({ audience: 'account', preset: 'auth0' }), [], 'it is the name of an API there')
  t.end()
})

test('unknown members of cnf are ignored by an option, with a warning at each start [R8705-09]', t => {
  const { config, warnings } = resolveConfig({ ...plainOptions, authorizationServers: [{ issuer, allowUnknownConfirmation: true }] })
  t.equal(config.issuers[0]!.rule.allowUnknownConfirmation, true)
  t.match(warnings, [/^authorizationServers\[0\]\.allowUnknownConfirmation: tokens that are bound by members of cnf/])
  t.equal(resolve([issuer])[0]!.rule.allowUnknownConfirmation, false)
  t.end()
})

test('a secret that is undefined, as an environment variable that is not set, is refused [A8]', t => {
  for (const method of ['client_secret_basic', 'client_secret_post']) {
    t.throws(() => resolve([{ issuer, introspection: { clientId: 'api', authentication: { method, clientSecret: undefined } } }]),
      { name: 'OptionError', message: '`authorizationServers[0].introspection.authentication.clientSecret` is required' })
  }
  t.end()
})
