import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { plainOptions } from '../../support/hint.ts'

const verify = (): null => null
const resolve = (customTokens: unknown, extra: object = {}) => resolveConfig({ ...plainOptions, ...extra, customTokens }).config.customTokens
const introspection = { clientId: 'api', authentication: { method: 'client_secret_basic', clientSecret: 'secret' } }

test('defaults and what is given (F34)', async t => {
  t.strictSame(resolveConfig(plainOptions).config.customTokens, [])
  t.strictSame(resolve([{ prefix: 'pat_', verify }, { prefix: '', verify, issuer: 'https://keys.example', cacheSeconds: 7 }]), [
    { issuer: plainOptions.resource, prefix: 'pat_', verify, maxAgeMs: 0 }, { issuer: 'https://keys.example', prefix: '', verify, maxAgeMs: 7000 }
  ])
  const frozen = resolve([{ prefix: 'pat_', verify }])
  t.ok(Object.isFrozen(frozen) && Object.isFrozen(frozen[0]))
})

for (const [customTokens, message, extra] of [
  [[{ prefix: 'pat_' }], '`customTokens[0].verify` is required'],
  [[{ verify }], /^`customTokens\[0\]\.prefix` is required/],
  [[{ prefix: 'pat_', verify, scopes: [] }], 'customTokens[0]: unknown option "scopes". Known options: prefix, verify, issuer, cacheSeconds.'],
  [[{ prefix: 'pat_', verify, cacheSeconds: -1 }], 'customTokens[0].cacheSeconds must be an integer from 0 to 31536000, got -1'],
  [[{ prefix: 'a', verify }, { prefix: 'a', verify }], 'customTokens[1].prefix "a" is already used by an issuer or another entry; tokens are routed by it'],
  [[{ prefix: '', verify }], 'customTokens[0].prefix "" is already used by an issuer or another entry; tokens are routed by it', { authorizationServers: [{ issuer: 'https://as', introspection }] }],
  [[{ prefix: 'a', verify, issuer: 'https://as' }], 'customTokens[0].issuer "https://as" is one of authorizationServers; their users would be taken for yours', { authorizationServers: ['https://as'] }]
] as ReadonlyArray<readonly [unknown, string | RegExp, object?]>) {
  test(`boot stops: ${String(message)} (F34)`, async t => {
    t.throws(() => resolve(customTokens, extra), { name: 'OptionError', message })
  })
}
