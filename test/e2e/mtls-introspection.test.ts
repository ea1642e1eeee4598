import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import type { ServerOptions } from 'node:https'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import { test } from 'tap'
import { Agent, fetch as fetchOver } from 'undici'
import type { Fetch } from '../../lib/http/limited-fetch.ts'
import { bearer, createApp, resource } from '../support/app.ts'
import type { TestCertificate } from '../../lib/testing/test-certificates.ts'
import { createTestCertificateAuthority } from '../../lib/testing/test-certificates.ts'
import { accepted, answerOf, invalidToken, unavailable } from '../support/server.ts'

const authority = createTestCertificateAuthority('The authority of this test')
const stranger = createTestCertificateAuthority('Another authority')
const server = authority.issue('localhost')
const client = authority.issue('resource-server')

async function listen (t: Test, options: ServerOptions, listener: RequestListener): Promise<string> {
  const https = createServer(options, listener)
  t.teardown(() => { https.closeAllConnections(); https.close() })
  await once(https.listen(0, 'localhost'), 'listening')
  return `https://localhost:${(https.address() as AddressInfo).port}`
}

/** A `fetch` that trusts an authority and may present a certificate. */
function fetchWith (t: Test, ca: string, certificate: Partial<TestCertificate> = {}): Fetch {
  const dispatcher = new Agent({ connect: { ca, ...certificate } })
  t.teardown(() => dispatcher.destroy())
  // The types of the package and those of Node.js are of two makes, and the same.
  return async (url, init) => await fetchOver(url, { ...init, dispatcher } as Parameters<typeof fetchOver>[1]) as unknown as Response
}

interface Question {
  readonly presentedBy: string
  readonly authorization: string | undefined
  readonly form: Record<string, string>
}

/** An issuer with two listeners: one for everybody, and one that is for clients with a certificate alone (RFC 8705 section 5). */
async function startIssuer (t: Test, certificate = server): Promise<{ issuer: string, questions: Question[] }> {
  const questions: Question[] = []
  const endpoint = await listen(t, { ...certificate, ca: authority.cert, requestCert: true, rejectUnauthorized: true }, async (request, response) => {
    const form = Object.fromEntries(new URLSearchParams(await text(request)))
    const { CN } = (request.socket as TLSSocket).getPeerCertificate().subject
    questions.push({ presentedBy: String(CN), authorization: request.headers.authorization, form })
    const active = form.token === 'opaque-1'
    response.setHeader('content-type', 'application/json')
      .end(JSON.stringify(active ? { active, sub: 'user-1', client_id: 'client-1', aud: resource, exp: Math.floor(Date.now() / 1000) + 300 } : { active }))
  })
  const issuer: string = await listen(t, server, (_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({
      issuer,
      introspection_endpoint: `${issuer}/introspect`,
      mtls_endpoint_aliases: { introspection_endpoint: `${endpoint}/introspect` }
    }))
  })
  return { issuer, questions }
}

async function setup (t: Test, issuer: string, present: Fetch) {
  const app = await createApp(t, {
    resource,
    authorizationServers: [{
      issuer, introspection: { clientId: 'resource-server', authentication: { method: 'tls_client_auth' }, fetch: present }
    }],
    fetch: fetchWith(t, authority.cert)
  })
  app.get('/', async request => ({ accessToken: request.accessToken }))
  return (token: string) => app.inject({ url: '/', headers: bearer(token) })
}

test('introspection by a client that is known by its certificate, over TLS (R7662-02)', async t => {
  const { issuer, questions } = await startIssuer(t)
  const get = await setup(t, issuer, fetchWith(t, authority.cert, client))

  const response = await get('opaque-1')
  t.strictSame(answerOf(response), accepted)
  t.match(response.json(), { accessToken: { issuer, subject: 'user-1', clientId: 'client-1' } })
  t.strictSame(answerOf(await get('opaque-2')), invalidToken)
  t.strictSame(questions.map(({ presentedBy }) => presentedBy), ['resource-server', 'resource-server'], 'the endpoint has seen the certificate')
  t.strictSame(questions[0], {
    presentedBy: 'resource-server',
    authorization: undefined,
    // RFC 8705 section 2: the client says who it is, and the certificate that it is so.
    form: { token: 'opaque-1', token_type_hint: 'access_token', client_id: 'resource-server' }
  })
})

for (const [title, present, certificate] of [
  ['no certificate is presented', (t: Test) => fetchWith(t, authority.cert), server],
  ['the certificate is of an authority that the issuer does not know', (t: Test) => fetchWith(t, authority.cert, stranger.issue('resource-server')), server],
  ['the endpoint is not who it should be', (t: Test) => fetchWith(t, authority.cert, client), stranger.issue('localhost')],
  ['the endpoint has a certificate for another host', (t: Test) => fetchWith(t, authority.cert, client), authority.issue('login.example.com')]
] as const) {
  test(`${title}: 503, and no token leaves this server (R7662-02, R7662-15)`, async t => {
    const { issuer, questions } = await startIssuer(t, certificate)
    const get = await setup(t, issuer, present(t))
    const response = await get('opaque-1')
    t.strictSame(answerOf(response), unavailable)
    t.equal(response.headers['retry-after'], '5')
    t.strictSame(questions, [])
  })
}
