import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { plainOptions } from '../../support/hint.ts'

const insecure = {
  ...plainOptions,
  resource: 'http://mcp-server:3000/mcp',
  authorizationServers: [
    'http://keycloak:8080/realms/a',
    { issuer: 'http://192.168.1.20/b', jwksUri: 'http://192.168.1.20/keys' },
    { issuer: 'http://192.168.1.21/c', introspection: { endpoint: 'http://192.168.1.21/i', clientId: 'c', authentication: { method: 'client_secret_basic', clientSecret: 's' } } }
  ],
  metadataUrl: 'http://gateway/x'
}

test('plain http of containers and local networks is accepted behind a switch, with a warning at each start [B9]', t => {
  const { config, warnings } = resolveConfig({ ...insecure, allowInsecureHttp: true })
  t.equal(config.allowInsecureHttp, true)
  t.strictSame(config.document.members.authorization_servers, ['http://keycloak:8080/realms/a', 'http://192.168.1.20/b', 'http://192.168.1.21/c'])
  t.match(warnings, [/^allowInsecureHttp is on: tokens, keys and secrets travel unencrypted .* for development only$/])
  t.end()
})

test('without the switch http is accepted for loopback hosts only, wherever something is fetched or advertised', t => {
  t.throws(() => resolveConfig(insecure), { message: /^resource must be https/ })
  for (const [index, option] of ['.issuer', '.jwksUri', '.introspection.endpoint'].entries()) {
    t.throws(() => resolveConfig({ ...plainOptions, authorizationServers: [insecure.authorizationServers[index]] }),
      { message: new RegExp(`^authorizationServers\\[0\\]${option.replaceAll('.', '\\.')} must be https`) })
  }
  t.throws(() => resolveConfig({ ...plainOptions, metadataUrl: insecure.metadataUrl }), { message: /^metadataUrl must be https/ })
  t.strictSame(resolveConfig(plainOptions).config.allowInsecureHttp, false)
  t.end()
})
