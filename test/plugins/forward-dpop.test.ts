import type { FastifyInstance } from 'fastify'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'
import { test } from 'tap'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { createProofKey, createProver } from '../../plugins/entry-points/client.ts'
import type { ForwardOptions } from '../../plugins/entry-points/forward.ts'
import { forward } from '../../plugins/entry-points/forward.ts'
import { createTestCertificateAuthority, createTestClient, createTestIssuer } from '../../plugins/entry-points/testing.ts'
import type { OAuthResourceServerOptions } from '../../plugins/index.ts'
import { createApp, resource } from '../support/app.ts'
import { createTestSession } from '../support/forward-proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const issuer = createTestIssuer({ resource })
const client = createTestClient()
const secret = 'a-secret-that-is-not-to-be-guessed'

async function freePort (): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  return port
}

/** A protected resource of our own that requires DPoP and nonces, and what it was sent. */
async function startBoundUpstream (t: Test, thumbprint: string): Promise<{ url: string, token: string, headers: Array<Record<string, unknown>>, app: FastifyInstance }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/notes`
  const own = createTestIssuer({ resource: url, issuer: 'https://upstream-issuer.test' })
  const app = await createApp(t, { ...own.options, dpop: { required: true, nonce: true } })
  const headers: Array<Record<string, unknown>> = []
  // Also of requests that are refused.
  app.addHook('onSend', async request => { headers.push({ ...request.headers }) })
  app.post('/notes/:id', async request => ({ key: request.accessToken!.confirmation!.keyThumbprint, body: request.body }))
  await app.listen({ port, host: '127.0.0.1' })
  return { url, token: own.token({ boundTo: { thumbprint } }), headers, app }
}

async function startProxy (t: Test, options: Partial<OAuthResourceServerOptions>, forwardOptions: ForwardOptions): Promise<FastifyInstance> {
  const app = await createApp(t, { ...issuer.options, ...options })
  await app.register(forward, forwardOptions)
  return app
}

test('the proxy checks the proof of the caller, and the upstream gets proofs of the session alone [F73, R9449-17, R9449-32, R9449-36]', async t => {
  const proof = await createProver((await createProofKey())!)
  const upstream = await startBoundUpstream(t, proof.thumbprint)
  const session = createTestSession({ current: upstream.token }, 'DPoP')
  const proxy = await startProxy(t, { dpop: { required: true, nonce: true } }, {
    routes: { '/notes': { upstream: upstream.url, credential: { session, proof } } }
  })
  const url = `${resource}/notes/1`
  const token = issuer.token({ boundTo: client })
  const ask = async (headers: object) => await proxy.inject({ method: 'POST', url: '/notes/1', payload: { a: 1 }, headers: { ...headers } })

  const demand = await ask(client.headers({ method: 'POST', url, token }))
  t.equal(demand.statusCode, 401)
  t.match(demand.headers['www-authenticate'], /^DPoP .*error="use_dpop_nonce"/)
  t.equal(upstream.headers.length, 0)
  const nonce = demand.headers['dpop-nonce'] as string
  const headers = client.headers({ method: 'POST', url, token, nonce })
  const response = await ask(headers)
  t.strictSame([response.statusCode, response.json()], [200, { key: proof.thumbprint, body: { a: 1 } }])
  t.strictSame(response.headers['dpop-nonce'], undefined, 'the nonce of the upstream is not for the caller')
  t.equal(upstream.headers.length, 2, 'the first answer asked for a nonce')

  const proofs = upstream.headers.map(({ dpop }) => dpop as string)
  t.ok(proofs.every(one => one !== headers.dpop))
  t.strictSame(proofs.map(one => decodeJwt(one).htu), [`${upstream.url}/1`, `${upstream.url}/1`])
  t.notSame(decodeProtectedHeader(proofs[1]!).jwk, decodeProtectedHeader(headers.dpop).jwk)
  t.not(decodeJwt(proofs[1]!).nonce, nonce)
  t.notOk(JSON.stringify(upstream.headers).includes(token))

  t.equal((await ask(headers)).statusCode, 401, 'a proof that was used')
  t.equal((await ask({ authorization: headers.authorization })).statusCode, 401, 'no proof')
  t.equal((await ask(client.headers({ method: 'POST', url: `${upstream.url}/1`, token, nonce }))).statusCode, 401, 'a proof for the upstream')
  t.equal(upstream.headers.length, 2)
})

test('a DPoP header is never passed on, whatever the proxy does with it [F73]', async t => {
  const upstream = await startUpstream(t)
  const credential = { headers: { 'x-api-key': 'k' } }
  const routes = { '/x': { upstream: upstream.origin, credential } }
  const requestHeaders = ['dpop', 'authorization', 'x-*']
  const stray = { dpop: 'stray' }
  const token = issuer.token({ boundTo: client })
  const bearerOnly = await startProxy(t, {}, { routes, requestHeaders })
  t.equal((await bearerOnly.inject({ url: '/x', headers: { ...issuer.headers(), ...stray } })).statusCode, 200)
  const allowed = await startProxy(t, { dpop: 'allowed' }, { routes, requestHeaders })
  t.equal((await allowed.inject({ url: '/x', headers: { ...client.headers({ url: `${resource}/x`, token }) } })).statusCode, 200)
  const bySecret = await startProxy(t, {}, { callers: 'secret', requestHeaders, routes: { '/x': { ...routes['/x'], secret } } })
  t.equal((await bySecret.inject({ url: '/x', headers: { ...client.headers({ url: `${resource}/x`, token }), 'x-forward-secret': secret } })).statusCode, 200)
  t.equal(upstream.received.length, 3)
  for (const one of upstream.received) t.strictSame([one.all('dpop'), one.all('authorization'), one.all('x-api-key')], [[], [], ['k']])
})

test('the header with the certificate of the caller, and that with its token, are not passed on [R8705-06]', async t => {
  const upstream = await startUpstream(t)
  const routes = { '/x': { upstream: upstream.origin, credential: { headers: { 'x-api-key': 'k' } } } }
  const certificate = createTestCertificateAuthority().issue('client')
  const proxy = await startProxy(t, { clientCertificates: { header: 'X-Peer', format: 'client-cert', trustedHops: ['127.0.0.1'] } }, { routes })
  const headers = { ...issuer.headers({ boundTo: certificate }), 'x-peer': certificate.clientCert, 'x-other': 'passed' }
  t.equal((await proxy.inject({ url: '/x', headers })).statusCode, 200)
  const gateway = await startProxy(t, { tokenHeader: 'X-Gateway-Says' }, { routes })
  t.equal((await gateway.inject({ url: '/x', headers: { 'x-gateway-says': issuer.token(), 'x-other': 'passed' } })).statusCode, 200)
  for (const one of upstream.received) t.strictSame([one.all('x-peer'), one.all('x-gateway-says'), one.all('x-other')], [[], [], ['passed']])
})
