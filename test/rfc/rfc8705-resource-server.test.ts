import { X509Certificate, createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ClientSessionOptions, SecureClientSessionOptions } from 'node:http2'
import { connect as connectOverHttp2 } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import type { RequestOptions } from 'node:https'
import { Agent, request as httpsRequest } from 'node:https'
import type { Test } from 'tap'
import { test } from 'tap'
import { createTestCertificateAuthority, createTestClient, createTestIssuer } from '../../plugins/entry-points/testing.ts'
import type { TestCertificate } from '../../plugins/entry-points/testing.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { createApp, resource } from '../support/app.ts'

const issuer = createTestIssuer({ resource })
const authority = createTestCertificateAuthority('The authority of this test')
const server = authority.issue('localhost')
const mine = createTestCertificateAuthority('A client that signed its own certificate')
const another = authority.issue('another')
const boundTo = ({ certificateThumbprint }: TestCertificate, claims: object = {}): { claims: Record<string, unknown> } =>
  ({ claims: { cnf: { 'x5t#S256': certificateThumbprint, ...claims } } })

/** A server that ends TLS itself; sends a request with a certificate, or without one. */
async function startTls (t: Test, options: Partial<OAuthResourceServerOptions>) {
  const https = { ...server, requestCert: true, rejectUnauthorized: false }
  const app = await createApp(t, { ...issuer.options, ...options }, { https } as never)
  app.get('/', async () => 'in')
  await app.listen({ port: 0, host: 'localhost' })
  const { port } = app.server.address() as AddressInfo
  return async (headers: Record<string, string>, certificate: Partial<TestCertificate> = {}) => {
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
    ['client-cert', 'Client-Cert', mine.clientCert], ['pem', 'X-SSL-Cert', pem],
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

test('RFC 8705 3.1: the thumbprint is base64url of the SHA-256 of the DER, without padding [R8705-03]', async t => {
  const { cert, certificateThumbprint } = mine
  t.equal(certificateThumbprint, createHash('sha256').update(new X509Certificate(cert).raw).digest('base64url'))
  t.equal(certificateThumbprint, new X509Certificate(cert).fingerprint256.replaceAll(':', '').toLowerCase().replace(/^.*$/, hex => Buffer.from(hex, 'hex').toString('base64url')))
})

test('RFC 8705 3: where certificates are required, a token without one is refused, and the document does not change', async t => {
  const app = await createApp(t, { ...issuer.options, clientCertificates: { header: 'Client-Cert', format: 'client-cert', trustedHops: ['127.0.0.1'], required: true } })
  app.get('/', async () => 'in')
  const status = async (headers: object): Promise<number> => (await app.inject({ url: '/', headers: { ...headers } })).statusCode
  t.equal(await status(issuer.headers()), 401)
  t.equal(await status({ ...issuer.headers(), 'client-cert': mine.clientCert }), 401, 'a certificate alone does not bind the token')
  t.equal(await status({ ...issuer.headers(boundTo(mine)), 'client-cert': mine.clientCert }), 200)
})

test('RFC 7800 3.1: members of cnf that are not understood are ignored by an option, those that are count all the same [R8705-08, R8705-09]', async t => {
  const authorizationServers = [{ issuer: issuer.issuer, allowUnknownConfirmation: true }]
  const app = await createApp(t, { ...issuer.options, authorizationServers, clientCertificates: { header: 'Client-Cert', format: 'client-cert', trustedHops: ['127.0.0.1'] } })
  app.get('/', async request => request.accessToken!.confirmation)
  const ask = async (cnf: object, more: object = {}) => await app.inject({ url: '/', headers: { ...issuer.headers({ claims: { cnf } }), ...more } })
  t.strictSame([(await ask({ kid: 'x' })).statusCode, (await ask({ kid: 'x' })).body], [200, 'null'])
  const both = { kid: 'x', 'x5t#S256': mine.certificateThumbprint }
  t.equal((await ask(both)).statusCode, 401)
  t.equal((await ask(both, { 'client-cert': mine.clientCert })).statusCode, 200)
  t.equal((await ask({ kid: 'x', jkt: 'y' })).statusCode, 401)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`RFC 8705 3, ${version}: a resumed session has the certificate of its first handshake [R8705-01]`, async t => {
    const https = { ...server, requestCert: true, rejectUnauthorized: false, minVersion: version, maxVersion: version }
    const app = await createApp(t, { ...issuer.options, clientCertificates: { source: 'tls' } }, { https } as never)
    app.get('/', async request => (request.raw.socket as TLSSocket).isSessionReused())
    await app.listen({ port: 0, host: 'localhost' })
    const { port } = app.server.address() as AddressInfo
    let session: Buffer | undefined
    const ask = async (headers: Record<string, string>): Promise<[number, string]> => {
      const request = httpsRequest({ port, host: 'localhost', headers, ca: authority.cert, agent: new Agent({ maxCachedSessions: 0 }), session, cert: mine.cert, key: mine.key } as RequestOptions)
      // TLS 1.3 sends the ticket after the handshake.
      request.on('socket', socket => socket.on('session', (given: Buffer) => { session = given }))
      const [response] = await once(request.end(), 'response')
      return [response.statusCode as number, await text(response)]
    }
    t.strictSame(await ask(issuer.headers(boundTo(mine))), [200, 'false'])
    t.ok(session, 'the server offers a session')
    t.strictSame(await ask(issuer.headers(boundTo(mine))), [200, 'true'])
    t.equal((await ask(issuer.headers(boundTo(another))))[0], 401)
  })
}

test('RFC 8705 3 and RFC 9449 4.3 over HTTP/2: certificate, target URI and each DPoP field are those of the request [R8705-01, R9449-01, R9449-09]', async t => {
  const client = createTestClient()
  const options = { http2: true, https: { ...server, requestCert: true, rejectUnauthorized: false } }
  const app = await createApp(t, { ...issuer.options, dpop: 'allowed', clientCertificates: { source: 'tls' } }, options as never)
  app.get('/', async request => request.accessToken!.subject)
  await app.listen({ port: 0, host: 'localhost' })
  const { port } = app.server.address() as AddressInfo
  const connect = (more: SecureClientSessionOptions & ClientSessionOptions) => {
    const session = connectOverHttp2(`https://localhost:${port}`, { ca: authority.cert, ...more })
    t.teardown(() => session.close())
    return async (headers: Record<string, string | string[]>): Promise<number> => {
      const stream = session.request({ ':path': '/?a=b', ':authority': 'evil.example', ...headers })
      const [response] = await once(stream, 'response') as [{ ':status': number }]
      stream.resume()
      return response[':status']
    }
  }
  const withMine = connect({ cert: mine.cert, key: mine.key })
  const without = connect({})
  const certified = issuer.headers(boundTo(mine))
  t.strictSame([await withMine(certified), await withMine(certified), await without(certified)], [200, 200, 401], 'one connection, many requests')
  const token = issuer.token({ boundTo: client })
  const headers = (url = `${resource}/`): Record<string, string> => ({ ...client.headers({ url, token }) })
  t.equal(await without(headers()), 200)
  t.equal(await without(headers('https://evil.example/')), 401, ':authority does not count')
  t.equal(await without({ ...headers(), dpop: [headers().dpop!, headers().dpop!] }), 401, 'two fields')
  const both = issuer.token({ boundTo: [client, mine] })
  const proven = (): Record<string, string> => ({ ...client.headers({ url: `${resource}/`, token: both }) })
  t.strictSame([await withMine(proven()), await without(proven())], [200, 401])
})
