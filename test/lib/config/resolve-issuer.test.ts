import { test } from 'tap'
import { resolveIssuers } from '../../../lib/config/resolve-issuer.ts'
import { createSigningKey } from '../../support/issuer.ts'
import { plainOptions } from '../../support/hint.ts'

type Given = (typeof plainOptions.authorizationServers)[number]
const resolve = (authorizationServers: readonly unknown[], extra = {}): ReturnType<typeof resolveIssuers> =>
  resolveIssuers({ ...plainOptions, ...extra, authorizationServers: authorizationServers as readonly Given[] })
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

for (const [given, message] of [
  [[5], 'authorizationServers.0 must be object, and is 5'],
  [[{}], 'authorizationServers.0 must have required properties issuer, and is {}'],
  [[issuer, issuer], 'authorizationServers names "https://as" twice'],
  [[issuer, { issuer, audience: 'x' }], 'authorizationServers names "https://as" twice'],
  [['http://as'], 'authorizationServers.0.issuer must be https; http is allowed for loopback hosts only, and is "http://as"'],
  [['https://as#f'], 'authorizationServers.0.issuer must not have a fragment, and is "https://as#f"'],
  [['https://as?x'], 'authorizationServers.0.issuer must not have a query (RFC 8414 section 2), and is "https://as?x"'],
  [[''], 'authorizationServers.0.issuer must not have fewer than 1 characters, and is ""'],
  [[issuer, { issuer: 'https://b', aud: 'x' }], 'authorizationServers.1 has no option "aud"'],
  [[{ issuer, audience: [] }], 'authorizationServers.0.audience must not have fewer than 1 items, and is []'],
  [[{ issuer, audience: ['a', 'a'] }], 'authorizationServers.0.audience must not have duplicate items, and is ["a","a"]'],
  [[{ issuer, profile: 'oidc' }], 'authorizationServers.0.profile must be one of "rfc9068", "jwt", and is "oidc"'],
  [[{ issuer, algorithms: [] }], 'authorizationServers.0.algorithms must not have fewer than 1 items, and is []'],
  [[{ issuer, clockToleranceSeconds: 3000 }], 'authorizationServers.0.clockToleranceSeconds must be <= 300, and is 3000'],
  [[{ issuer, jwksUri: 'http://as/jwks' }],
    'authorizationServers.0.jwksUri must be https; http is allowed for loopback hosts only, and is "http://as/jwks"'],
  [[{ issuer, jwksUri: 'https://as/jwks', jwks: { keys: [] } }], 'authorizationServers.0.jwks and authorizationServers.0.jwksUri contradict each other'],
  [[{ issuer, jwks: { keys: [] } }], 'authorizationServers.0.jwks has no public key that can be used'],
  [[{ issuer, jwks: [{ kty: 'EC', d: 'secret' }] }], 'authorizationServers.0.jwks must be object, and is [{"kty":"EC","d":"***"}]']
] as const) {
  test(`boot stops: ${message}`, t => {
    t.throws(() => resolve(given), { name: 'OptionError', message })
    t.end()
  })
}

for (const algorithm of ['HS256', 'none', 'es256', 'RSA-OAEP']) {
  test(`boot stops: algorithm ${algorithm}`, t => {
    t.throws(() => resolve([{ issuer, algorithms: ['ES256', algorithm] }]),
      { name: 'OptionError', message: new RegExp(`^authorizationServers\\.0\\.algorithms must be of .*, and one is "${algorithm}"$`) })
    t.end()
  })
}
