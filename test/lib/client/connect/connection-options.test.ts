import { test } from 'tap'
import { checkConnectOptions } from '../../../../lib/client/connect/connection-options.ts'

const browser = { prepare () {} }
const tokenStore = { read () {}, write () {}, exclusively () {} }
const connectionStore = { read () {}, write () {} }
const client = { issuer: 'x', clientId: 'c', authentication: { method: 'none' } }
const good = { url: 'https://mcp.example.com/mcp', browser }

test('options that are refused name the option and the value', t => {
  const table: Array<[unknown, RegExp]> = [
    [undefined, /options/],
    [{}, /url/],
    [{ ...good, url: 'http://mcp.example.com' }, /url must be https.*"http:\/\/mcp\.example\.com"/],
    [{ ...good, url: 'https://mcp.example.com/#x' }, /url must not have a fragment/],
    [{ url: good.url }, /exactly one of browser, redirectUri and grant is required, got none/],
    [{ ...good, grant () {} }, /got browser and grant/],
    [{ url: good.url, redirectUri: 'http://app.example.com/cb' }, /redirectUri must be https/],
    [{ ...good, clientMetadataUrl: 'https://client.example.com' }, /clientMetadataUrl must have a path/],
    [{ ...good, surprise: 1 }, /unknown option "surprise"/],
    [{ ...good, scopes: ['a b'] }, /scopes/],
    [{ ...good, coolDownMs: -1 }, /coolDownMs.*-1/],
    [{ ...good, timeoutMs: 0 }, /timeoutMs.*0/],
    [{ ...good, maxBytes: 1.5 }, /maxBytes.*1\.5/],
    [{ ...good, maxBytes: 0 }, /maxBytes.*0/],
    [{ ...good, allowedHosts: [''] }, /allowedHosts/],
    [{ ...good, resourceMatch: 'any' }, /resourceMatch must be one of "exact", "prefix"/],
    [{ ...good, proofOfPossession: true }, /^proofOfPossession /],
    [{ ...good, clients: [{ clientId: 'c', authentication: {} }] }, /clients\[0\]\.issuer/],
    [{ ...good, clients: [{ issuer: 'x', clientId: 'c', authentication: {}, assumptions: { supportPkce: true } }] }, /clients\[0\]\.assumptions: .*"supportPkce"/],
    [{ ...good, clientMetadata: { token_endpoint_auth_method: 'private_key_jwt' } }, /token_endpoint_auth_method must be none, client_secret_post or client_secret_basic .*"private_key_jwt"/],
    ...(['read', 'write', 'exclusively'] as const).map(name => [{ ...good, connectionStore, tokenStore: { ...tokenStore, [name]: undefined } }, new RegExp(`tokenStore\\.${name}`)] as [unknown, RegExp]),
    ...(['read', 'write'] as const).map(name => [{ ...good, tokenStore, connectionStore: { ...connectionStore, [name]: undefined } }, new RegExp(`connectionStore\\.${name}`)] as [unknown, RegExp]),
    [{ ...good, browser: {} }, /browser\.prepare/],
    [{ ...good, clock: {} }, /clock\.now/],
    [{ ...good, scopes: [''] }, /scopes/],
    [{ ...good, tokenStore }, /tokenStore and connectionStore must be set together: connectionStore is missing/],
    [{ ...good, connectionStore }, /tokenStore and connectionStore must be set together: tokenStore is missing/],
    [{ ...good, metadataTrust: { issuer: 'x' } }, /metadataTrust\.key/],
    [{ ...good, metadataTrust: { key: {} } }, /metadataTrust\.issuer/],
    [{ ...good, metadataTrust: { issuer: 'x', key: {}, surprise: 1 } }, /metadataTrust: .*"surprise"/],
    [{ ...good, clients: [{ ...client, surprise: 1 }] }, /clients\[0\]: .*"surprise"/],
    [{ ...good, clients: [{ ...client, assumptions: { protectsResource: 'https://mcp.example.com/#x' } }] }, /protectsResource .*#x/],
    [{ ...good, resourceMatch: 'exact', clients: [{ ...client, assumptions: { protectsResource: 'https://mcp.example.com' } }] }, /protectsResource .*got "https:\/\/mcp\.example\.com"/]
  ]
  for (const [options, message] of table) t.throws(() => checkConnectOptions(options), { code: 'FST_OAUTH_OPTION_INVALID', message }, JSON.stringify(options))
  t.end()
})

test('options that are taken', t => {
  t.equal(checkConnectOptions(good), good)
  t.ok(checkConnectOptions({ ...good, tokenStore, connectionStore }))
  for (const proofOfPossession of ['when_needed', 'always', 'never'] as const) t.ok(checkConnectOptions({ ...good, proofOfPossession }))
  for (const resourceMatch of ['exact', 'prefix'] as const) t.ok(checkConnectOptions({ ...good, resourceMatch }))
  t.ok(checkConnectOptions({ ...good, coolDownMs: 0, maxBytes: 1, timeoutMs: 0.5, clock: { now: () => 0 }, allowedHosts: ['10.0.0.1'], authorizationParameters: { login_hint: 'ann' } }))
  for (const key of [{ keys: [] }, () => ({ keys: [] })]) t.ok(checkConnectOptions({ ...good, metadataTrust: { issuer: 'x', key } }))
  t.ok(checkConnectOptions({ ...good, clients: [{ ...client, assumptions: { protectsResource: 'https://mcp.example.com' } }] }), 'a resource that covers the URL by prefix')
  t.ok(checkConnectOptions({ ...good, clientMetadata: { token_endpoint_auth_method: 'client_secret_post' } }))
  t.ok(checkConnectOptions({ ...good, dynamicRegistration: false, clientMetadata: { token_endpoint_auth_method: 'private_key_jwt' } }))
  t.ok(checkConnectOptions({ url: 'http://localhost:3000/mcp', redirectUri: 'http://127.0.0.1/cb' }))
  t.ok(checkConnectOptions({ url: good.url, grant () {}, clientMetadataUrl: 'https://client.example.com/m', clients: [{ issuer: 'x', clientId: 'c', authentication: { method: 'none' } }] }))
  t.end()
})

test('a secret is in no message', t => {
  t.throws(() => checkConnectOptions({ ...good, clients: [{ issuer: 'x', clientId: 'c', authentication: { method: 'client_secret_basic', clientSecret: 'top-secret' }, surprise: 1 }] }), { message: /^(?!.*top-secret)/ })
  t.end()
})
