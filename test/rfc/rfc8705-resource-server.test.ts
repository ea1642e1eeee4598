import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { request as httpsRequest } from 'node:https'
import type { Test } from 'tap'
import { test } from 'tap'
import { certificateThumbprint } from '../../lib/proof/certificate.ts'
import { createTestClient, createTestIssuer } from '../../plugins/entry-points/testing.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { createApp, resource } from '../support/app.ts'
import type { Certified } from '../support/certificate.ts'
import { createCertificateAuthority } from '../support/certificate.ts'

const issuer = createTestIssuer({ resource })
const authority = createCertificateAuthority('The authority of this test')
const server = authority.issue('localhost')
const mine = createCertificateAuthority('A client that signed its own certificate')
const another = authority.issue('another')
const derOf = ({ cert }: Certified): Buffer => new X509Certificate(cert).raw
const boundTo = (certified: Certified, claims: object = {}): { claims: Record<string, unknown> } =>
  ({ claims: { cnf: { 'x5t#S256': certificateThumbprint(derOf(certified)), ...claims } } })

/** A server that ends TLS itself; sends a request with a certificate, or without one. */
async function startTls (t: Test, options: Partial<OAuthResourceServerOptions>) {
  const https = { ...server, requestCert: true, rejectUnauthorized: false }
  const app = await createApp(t, { ...issuer.options, ...options }, { https } as never)
  app.get('/', async () => 'in')
  await app.listen({ port: 0, host: 'localhost' })
  const { port } = app.server.address() as AddressInfo
  return async (headers: Record<string, string>, certificate: Partial<Certified> = {}) => {
    const request = httpsRequest({ port, host: 'localhost', headers, ca: authority.cert, agent: false, ...certificate }).end()
    const [response] = await once(request, 'response')
    response.resume()
    return { statusCode: response.statusCode as number, challenge: response.headers['www-authenticate'] as string | undefined }
  }
}

test('RFC 8705 3 the certificate of the connection must be that of the token, whoever signed it [R8705-01, R8705-02, R8705-03, R8705-05]', async t => {
  const send = await startTls(t, { clientCertificates: { source: 'tls' } })
  const headers = issuer.headers(boundTo(mine))
  t.equal((await send(headers, mine)).statusCode, 200)
  for (const certificate of [another, {}]) {
    const { statusCode, challenge } = await send(headers, certificate)
    t.equal(statusCode, 401)
    t.match(challenge, 'error="invalid_token"')
  }
  t.equal((await send(issuer.headers(), another)).statusCode, 200, 'a token that is bound to none')
})

test('RFC 8705 3.2 the binding of an introspected token counts [R8705-04]', async t => {
  const send = await startTls(t, { ...issuer.introspectionOptions, clientCertificates: { source: 'tls' } })
  const headers = { authorization: `Bearer ${issuer.opaqueToken(boundTo(mine))}` }
  t.equal((await send(headers, mine)).statusCode, 200)
  t.equal((await send(headers, another)).statusCode, 401)
})

test('RFC 8705 3 a bound token is refused where no certificates are read [R8705-07]', async t => {
  const send = await startTls(t, {})
  t.equal((await send(issuer.headers(boundTo(mine)), mine)).statusCode, 401)
})

test('RFC 8705 3 and RFC 9449 6: a token that is bound to a key and a certificate needs both [R8705-08, R8705-09]', async t => {
  const client = createTestClient()
  const send = await startTls(t, { clientCertificates: { source: 'tls' }, dpop: 'allowed' })
  const token = issuer.token(boundTo(mine, { jkt: client.thumbprint }))
  const proven = (): Record<string, string> => ({ ...client.headers({ url: `${resource}/`, token }) })
  t.equal((await send(proven(), mine)).statusCode, 200)
  t.equal((await send(proven(), another)).statusCode, 401)
  t.equal((await send({ authorization: `Bearer ${token}` }, mine)).statusCode, 401)
  t.equal((await send(issuer.headers(boundTo(mine, { kid: 'x' })), mine)).statusCode, 401, 'a member that is not understood')
})

test('RFC 8705 6.5 and RFC 9440 4: a header names the certificate only where a trusted proxy sent it, once [R8705-06]', async t => {
  const pem = encodeURIComponent(mine.cert)
  const headers = issuer.headers(boundTo(mine))
  for (const [format, header, value] of [
    ['client-cert', 'Client-Cert', `:${derOf(mine).toString('base64')}:`], ['pem', 'X-SSL-Cert', pem],
    ['xfcc', 'X-Forwarded-Client-Cert', `Hash=00;Cert="${pem}"`]
  ] as const) {
    const app = await createApp(t, { ...issuer.options, clientCertificates: { header, format, trustedHops: ['10.0.0.0/8', '::1'] } })
    app.get('/', async () => 'in')
    const from = async (remoteAddress: string, ...values: string[]): Promise<number> =>
      (await app.inject({ url: '/', remoteAddress, headers: { ...headers, [header]: values } as never })).statusCode
    t.equal(await from('10.1.2.3', value), 200, format)
    t.equal(await from('::ffff:10.1.2.3', value), 200, 'on a socket of both families')
    t.equal(await from('::1', value), 200)
    t.equal(await from('11.1.2.3', value), 401, 'another peer')
    t.equal(await from('not an address', value), 401)
    t.equal(await from('10.1.2.3', value, value), 401, 'twice')
    t.equal(await from('10.1.2.3', 'junk'), 401)
    t.equal((await app.inject({ url: '/', remoteAddress: '10.1.2.3', headers })).statusCode, 401)
    t.equal((await app.inject('/.well-known/oauth-protected-resource')).json().tls_client_certificate_bound_access_tokens, true)
  }
})
