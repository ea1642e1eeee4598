import { test } from 'tap'
import { resolveConfig } from '../../../lib/config/resolve.ts'
import { plainOptions } from '../../support/hint.ts'

test('the URL of the document can be another than the well-known one, below a gateway\'s prefix [B9]', t => {
  t.equal(resolveConfig({ ...plainOptions, resource: 'https://gw.example/team/mcp' }).config.metadataUrl,
    'https://gw.example/.well-known/oauth-protected-resource/team/mcp')
  const metadataUrl = 'https://gw.example/team/.well-known/oauth-protected-resource'
  t.equal(resolveConfig({ ...plainOptions, resource: 'https://gw.example/team/mcp', metadataUrl }).config.metadataUrl, metadataUrl)
  for (const bad of ['/team', 'http://gw.example/team', 'https://gw.example/#x']) {
    t.throws(() => resolveConfig({ ...plainOptions, metadataUrl: bad }), { name: 'OptionError', message: /^metadataUrl must/ })
  }
  t.end()
})

test('signed scopes cannot change', t => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const metadata = { resource_name: 'N', signed_metadata: `${part({ alg: 'ES256' })}.${part({ resource: plainOptions.resource, iss: 'x' })}.AA` }
  for (const [extra, message] of [
    [{ scopesSupported: 'routes' }, /^metadata\.signed_metadata and scopesSupported: 'routes' contradict each other/],
    [{ liveScopes: { source: async () => [] } }, /^metadata\.signed_metadata and liveScopes contradict each other/]
  ] as const) t.throws(() => resolveConfig({ ...plainOptions, metadata, ...extra }), { name: 'OptionError', message })
  t.end()
})

test('the mirror needs an issuer that is advertised', t => {
  t.equal(resolveConfig({ ...plainOptions, authorizationServerMirror: true }).config.authorizationServerMirror, 'https://login.example.com')
  t.equal(resolveConfig(plainOptions).config.authorizationServerMirror, null)
  t.throws(() => resolveConfig({ ...plainOptions, authorizationServers: [{ issuer: 'https://as', advertised: false }], authorizationServerMirror: true }),
    { name: 'OptionError', message: 'authorizationServerMirror: true requires an issuer in authorizationServers that is advertised' })
  t.end()
})
