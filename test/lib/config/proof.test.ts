import { inspect } from 'node:util'
import { test } from 'tap'
import type { OAuthResourceServerOptions } from '../../../lib/config/options.ts'
import type { OAuthConfig } from '../../../lib/config/resolve.ts'
import { resolveConfig } from '../../../lib/config/resolve.ts'

const resolve = (options: Partial<OAuthResourceServerOptions> & Record<string, unknown>): OAuthConfig =>
  resolveConfig({ resource: 'https://api.example.com/mcp', authorizationServers: ['https://login.example.com'], ...options }).config
const secret = 'a secret of 32 bytes, or even more'

test('dpop and clientCertificates are off by default, and have the defaults of the documentation', t => {
  t.match(resolve({}), { dpop: null, clientCertificates: null })
  const { dpop } = resolve({ dpop: 'allowed' })
  t.match(dpop, {
    requirement: 'allowed', algorithms: ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256'], maxAgeMs: 300_000, futureToleranceMs: null,
    nonces: null, publicBaseUrls: ['https://api.example.com']
  })
  t.type(dpop!.replays!.seen, 'function')
  t.equal(resolve({ dpop: 'required' }).dpop!.requirement, 'required')
  t.match(resolve({ dpop: { required: true, maxAgeSeconds: 60, futureToleranceSeconds: 300, replayStore: false, nonce: false, publicBaseUrl: 'https://g.example/a/' } }).dpop, {
    requirement: 'required', maxAgeMs: 60_000, futureToleranceMs: 300_000, replays: null, nonces: null, publicBaseUrls: ['https://g.example/a']
  })
  t.strictSame(resolve({ dpop: { publicBaseUrl: ['https://a.example/', 'https://b.example/c'] } }).dpop!.publicBaseUrls, ['https://a.example', 'https://b.example/c'])
  t.match(resolve({ clientCertificates: { source: 'tls' } }), { clientCertificates: { header: null, required: false } })
  t.match(resolve({ clientCertificates: { header: 'X-Cert', format: 'pem', trustedHops: ['::1'], required: true } }), { clientCertificates: { header: 'x-cert', required: true } })
  t.end()
})

test('nonces of one secret are the same, in text or bytes, and the secret cannot be read from the configuration', t => {
  const [one, other] = [secret, Buffer.from(secret)].map(value => resolve({ clock: { now: () => 0 }, dpop: { nonce: { secret: value, rotateSeconds: 60 } } }))
  t.equal(one!.dpop!.nonces!.current(), other!.dpop!.nonces!.current())
  t.not(one!.dpop!.nonces!.current(), resolve({ clock: { now: () => 0 }, dpop: { nonce: true } }).dpop!.nonces!.current())
  t.notMatch(inspect(one, { depth: 9 }), secret)
  t.end()
})

test('what contradicts itself, or cannot be used, stops the boot, and no message shows a secret', t => {
  for (const [options, message] of [
    [{ dpop: 'off' }, /dpop must be one of "allowed", "required"/],
    [{ dpop: { algorithms: ['HS256'] } }, /dpop\.algorithms must be of .*symmetric/],
    [{ dpop: { maxAge: 1 } }, /unknown option "maxAge"/],
    [{ dpop: 'allowed', tokenHeader: 'X-Token' }, /dpop and tokenHeader contradict/],
    [{ dpop: { nonce: { secret: 'too short' } } }, /dpop\.nonce\.secret must be .* 32 random bytes/],
    [{ dpop: { nonce: { secret: 7 } } }, /dpop\.nonce\.secret must be .* 32 random bytes/],
    [{ dpop: { nonce: secret } }, /dpop\.nonce must be/],
    [{ dpop: { replayStore: {} } }, /dpop\.replayStore/],
    [{ dpop: { publicBaseUrl: 'nowhere' } }, /dpop\.publicBaseUrl/],
    [{ dpop: { publicBaseUrl: 'https://g.example/?a' } }, /dpop\.publicBaseUrl must have no query/],
    [{ dpop: { publicBaseUrl: [] } }, /dpop\.publicBaseUrl/],
    [{ dpop: { publicBaseUrl: ['https://a.example', 'nowhere'] } }, /dpop\.publicBaseUrl\[1\]/],
    [{ dpop: { publicBaseUrl: ['https://a.example?b'] } }, /dpop\.publicBaseUrl\[0\] must have no query/],
    [{ dpop: 'allowed', metadata: { dpop_signing_alg_values_supported: ['ES256'] } }, /follows from dpop/],
    [{ clientCertificates: { source: 'header' } }, /clientCertificates\.header. is required/], [{ clientCertificates: { source: 'quic' } }, /clientCertificates\.source must be one of/],
    [{ clientCertificates: { source: 'tls', header: 'a' } }, /clientCertificates: unknown option "header"/],
    [{ clientCertificates: { header: 'a b', format: 'pem', trustedHops: ['::1'] } }, /clientCertificates\.header/],
    ...['localhost', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/8/8', '::1/129', ''].map(hop =>
      [{ clientCertificates: { header: 'Client-Cert', format: 'client-cert', trustedHops: [hop] } }, /clientCertificates\.trustedHops/] as const)
  ] as const) {
    let found: unknown = null
    try { resolve(options as never) } catch (error) { found = (error as Error).message }
    t.match(found, message)
    t.notMatch(found, /a secret of|too short/)
  }
  t.end()
})
