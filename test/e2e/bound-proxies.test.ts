import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { RequestOptions } from 'node:https'
import { Agent, request as httpsRequest } from 'node:https'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import Fastify from 'fastify'
import * as oauth from 'oauth4webapi'
import type { Test } from 'tap'
import { test } from 'tap'
import { fetch as fetchOver, Agent as Dispatcher } from 'undici'
import type { TestCertificate } from '../../plugins/entry-points/testing.ts'
import { createTestCertificateAuthority, createTestClient, createTestIssuer } from '../../plugins/entry-points/testing.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import oauthResourceServer from '../../plugins/index.ts'
import { startDaemon, untilListening } from '../support/daemon.ts'
import { textOfDocument } from '../support/documents.ts'
import { freePort } from '../support/example.ts'
import { findPart, missingPart } from '../support/missing-part.ts'

const authority = createTestCertificateAuthority('The authority of the proxy')
const server = authority.issue('localhost')
const mine = createTestCertificateAuthority('A client that signed its own certificate')
const another = authority.issue('another')

/** The lines that docs/dpop.md tells people to write, with the ports of this test. */
function linesOf (language: string, listen: RegExp, ports: { listen: number, app: number }): string {
  const snippet = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(textOfDocument('docs/dpop.md'))![1]!
  return snippet.replace(listen, `$1127.0.0.1:${ports.listen}`).replaceAll('127.0.0.1:3000', `127.0.0.1:${ports.app}`)
}

/** A server without TLS, which the proxy publishes under a prefix. */
async function startApp (t: Test, publicPort: number, certificates: Pick<OAuthResourceServerOptions, 'clientCertificates'>) {
  const base = `https://localhost:${publicPort}/team`
  const issuer = createTestIssuer({ resource: base })
  const app = Fastify({ forceCloseConnections: true })
  await app.register(oauthResourceServer, { ...issuer.options, dpop: { publicBaseUrl: base, nonce: true }, ...certificates })
  app.get('/projects/:id', async request => (request.params as { id: string }).id)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  return { base, issuer, port: (app.server.address() as AddressInfo).port }
}

type App = Awaited<ReturnType<typeof startApp>>

async function send (url: string, headers: Record<string, string>, certificate: Partial<TestCertificate> = {}, more: RequestOptions = {}): Promise<number> {
  const { cert, key } = certificate
  const options = { headers, agent: false as const, ...more }
  const request = url.startsWith('https') ? httpsRequest(url, { ...options, ca: authority.cert, servername: 'localhost', cert, key }) : httpRequest(url, options as object)
  const [response] = await once(request.end(), 'response')
  await text(response)
  return response.statusCode as number
}

/** DPoP below the prefix: discovery by the challenge, the nonce, and the URL that the client used. */
async function checkProofs (t: Test, { base, issuer }: App): Promise<void> {
  const dispatcher = new Dispatcher({ connect: { ca: authority.cert } })
  t.teardown(() => dispatcher.destroy())
  const watched = async (url: string, init: object): Promise<Response> => await fetchOver(url, { ...init, dispatcher } as never) as unknown as Response
  const pointer = /resource_metadata="([^"]+)"/.exec((await watched(`${base}/projects/1`, {})).headers.get('www-authenticate')!)![1]!
  t.match(await (await watched(pointer, {})).json(), { resource: base, tls_client_certificate_bound_access_tokens: true })

  const keys = await oauth.generateKeyPair('ES256')
  const client: oauth.Client = { client_id: 'client-1' }
  const DPoP = oauth.DPoP(client, keys)
  const token = issuer.token({ boundTo: { thumbprint: await DPoP.calculateThumbprint() } })
  const ask = async (path: string): Promise<string> =>
    await (await oauth.protectedResourceRequest(token, 'GET', new URL(`${base}${path}`), undefined, undefined, { DPoP, [oauth.customFetch]: watched as never })).text()
  const demand: unknown = await ask('/projects/1?a=b').catch((error: unknown) => error)
  t.ok(oauth.isDPoPNonceError(demand), 'the nonce of the server passes the proxy')
  t.equal(await ask('/projects/1?a=b'), '1')
  t.equal(await ask('/projects/a%2Fb'), 'a/b', 'the path arrives as it was written')

  const own = createTestClient()
  const bound = issuer.token({ boundTo: own })
  const nonce = (await watched(`${base}/projects/1`, { headers: own.headers({ url: `${base}/projects/1`, token: bound }) })).headers.get('dpop-nonce')!
  const proof = (url: string): Record<string, string> => ({ ...own.headers({ url, token: bound, nonce }) })
  const good = proof(`${base}/projects/1`)
  t.equal(await send(`${base}/projects/1`, good), 200)
  t.equal(await send(`${base}/projects/1`, good), 401, 'a proof that was captured')
  const evil = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-prefix': '/evil' }
  t.equal(await send(`${base}/projects/1`, { ...proof('https://evil.example/team/projects/1'), ...evil }), 401)
  t.equal(await send(`${base}/projects/1`, proof(`${base.replace('/team', '')}/projects/1`)), 401, 'without the prefix')
}

/** The certificate of the connection to the proxy counts, and no header that a client sends. */
async function checkCertificates (t: Test, { base, issuer, port }: App, header: string, value: string): Promise<void> {
  const url = `${base}/projects/1`
  const headers = issuer.headers({ boundTo: mine })
  const forged = { ...headers, [header]: value }
  t.strictSame([await send(url, headers, mine), await send(url, headers, another), await send(url, headers)], [200, 401, 401])
  t.strictSame([await send(url, forged), await send(url, forged, another)], [401, 401], 'a client that sends the header itself')
  t.equal(await send(url, { ...headers, [header]: another.clientCert }, mine), 200, 'what it sends is replaced')
  t.equal(await send(url, issuer.headers(), mine), 200, 'a bearer token with a certificate')

  const direct = `http://127.0.0.1:${port}/projects/1`
  t.equal(await send(direct, forged, {}, { localAddress: '127.0.0.2' }), 401, 'a connection past the proxy')
  t.equal(await send(direct, forged), 200, 'which is refused for its address, and not for the header')

  // A resumed session: the proxy has the certificate of the first handshake.
  let session: Buffer | undefined
  const resumed: boolean[] = []
  const again = async (): Promise<number> => {
    const agent = new Agent({ maxCachedSessions: 0 })
    const request = httpsRequest(url, { headers, agent, ca: authority.cert, cert: mine.cert, key: mine.key, session } as RequestOptions)
    request.on('socket', socket => {
      socket.on('session', (given: Buffer) => { session = given })
      socket.once('secureConnect', () => { resumed.push((socket as unknown as { isSessionReused (): boolean }).isSessionReused()) })
    })
    const [response] = await once(request.end(), 'response')
    await text(response)
    agent.destroy()
    return response.statusCode as number
  }
  t.strictSame([await again(), await again(), resumed], [200, 200, [false, true]])
}

test('nginx with the lines of the documentation: proofs and client certificates behind TLS and a path prefix [F38, F40, R8705-06, R9449-11]', { skip: missingPart('nginx') }, async t => {
  const listen = await freePort()
  const header = 'X-SSL-Client-Cert'
  const app = await startApp(t, listen, { clientCertificates: { header, format: 'pem', trustedHops: ['127.0.0.1'] } })
  const folder = t.testdir({
    'server.pem': server.cert,
    'server.key': server.key,
    'nginx.conf': `
      daemon off; worker_processes 1; pid nginx.pid; error_log stderr notice; events {}
      http {
        access_log off;
        client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
        ${linesOf('nginx', /(listen )443/, { listen, app: app.port })}
      }`
  })
  const nginx = await startDaemon(findPart('nginx')!, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], /start worker process \d+/)
  t.teardown(() => nginx.stop())
  await untilListening(listen)
  await checkProofs(t, app)
  await checkCertificates(t, app, header, encodeURIComponent(mine.cert))
})

test('HAProxy with the lines of the documentation: proofs and client certificates (RFC 9440) behind TLS and a path prefix [F38, F40, R8705-06, R9449-11]', { skip: missingPart('haproxy') }, async t => {
  const listen = await freePort()
  const header = 'Client-Cert'
  const app = await startApp(t, listen, { clientCertificates: { header, format: 'client-cert', trustedHops: ['127.0.0.1'] } })
  const folder = t.testdir({ 'server.pem': `${server.cert}${server.key}`, 'authority.pem': authority.cert })
  const lines = linesOf('haproxy', /(bind ):443/, { listen, app: app.port })
    .replace('crt server.pem', `crt ${join(folder, 'server.pem')}`).replace('ca-file authority.pem', `ca-file ${join(folder, 'authority.pem')}`)
  const config = join(t.testdir({ 'server.pem': `${server.cert}${server.key}`, 'authority.pem': authority.cert, 'haproxy.cfg': lines }), 'haproxy.cfg')
  const haproxy = await startDaemon(findPart('haproxy')!, ['-db', '-V', '-f', config], /as the polling mechanism/)
  t.teardown(() => haproxy.stop())
  await untilListening(listen)
  await checkProofs(t, app)
  await checkCertificates(t, app, header, mine.clientCert)
})
