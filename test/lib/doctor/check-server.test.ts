import { createServer as createHttpsServer } from 'node:https'
import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test } from 'tap'
import { serverChecks } from '../../../lib/doctor/checks/server.ts'
import type { Transport } from '../../../lib/doctor/exchange.ts'
import { Subject } from '../../../lib/doctor/subject.ts'
import type { CheckServerOptions } from '../../../lib/doctor/check-server.ts'
import { checkServer } from '../../../lib/doctor/check-server.ts'
import type { DoctorReport, ReportedCheck } from '../../../lib/doctor/report.ts'
import { createTestCertificateAuthority } from '../../../lib/testing/test-certificates.ts'
import type { DoctorTarget, Fault } from '../../support/doctor-target.ts'
import { documentOf, issuerMetadataOf, json, startDoctorTarget } from '../../support/doctor-target.ts'
import { selfSigned } from '../../support/self-signed.ts'

function checkOf (report: DoctorReport, id: string): ReportedCheck {
  return report.checks.find(check => check.id === id)!
}

const says = (report: DoctorReport, id: string): string => `${checkOf(report, id).outcome}: ${checkOf(report, id).message}`

/** Names under example are this machine; others are not known. */
const lookup: LookupFunction = (hostname, options, callback) => systemLookup(hostname.endsWith('.example') ? 'localhost' : hostname, options as object, callback as never)

async function check (t: Tap, fault: Fault | null, options: CheckServerOptions = {}, change: (target: DoctorTarget) => string = ({ resource }) => resource): Promise<DoctorReport> {
  const target = await startDoctorTarget(t)
  target.fault = fault
  return await checkServer(change(target), options)
}

function headerOf (token: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}

interface Tap { teardown (close: () => unknown): unknown }

test('a server that cannot be reached fails one check, and the others could not be completed', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  const report = await checkServer(`http://localhost:${port}/mcp`)
  t.match(says(report, 'reachable'), /^fails: network.*ECONNREFUSED/)
  t.equal(report.counts.fails, 1)
  t.equal(report.ok, false)
  t.equal(report.resource, null)
  t.same(report.registration, [])
})

test('a server that does not answer is given up after the time limit', async t => {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  t.teardown(() => server.close())
  const sockets: Array<{ destroy (): void }> = []
  server.on('connection', socket => sockets.push(socket))
  const report = await checkServer(`http://localhost:${(server.address() as AddressInfo).port}/`, { timeoutMs: 50 })
  t.equal(says(report, 'reachable'), 'fails: timeout')
  for (const socket of sockets) socket.destroy()
})

test('no check begins after the whole time limit', async t => {
  const report = await check(t, null, { totalTimeoutMs: 0 })
  t.ok(report.counts.unknown > 50)
  t.match(says(report, 'dpop-challenge'), /^unknown: the time limit of 0 ms was over/)
})

test('what is no http URL is refused', async t => {
  await t.rejects(checkServer('localhost:3000'), { code: 'FST_OAUTH_OPTION_INVALID', message: 'url must begin with http:// or https://, got "localhost:3000"' })
  await t.rejects(checkServer('https://['), { message: /^url must be an absolute http or https URL, got "https:\/\/\["/ })
  await t.rejects(checkServer('https://api.example.com', { resource: 'api' }), { message: /^resource must be/ })
})

async function secureServer (t: Tap, { cert, key }: { cert: string, key: string }): Promise<string> {
  const server = createHttpsServer({ cert, key }, (_request, response) => { response.writeHead(401, { 'www-authenticate': 'Bearer realm="api"' }).end() })
  await new Promise<void>(resolve => server.listen(0, 'localhost', resolve))
  t.teardown(() => { server.closeAllConnections(); server.close() })
  return `https://localhost:${(server.address() as AddressInfo).port}/`
}

test('a certificate that is not accepted, or about to expire, is reported (RFC 9728 7.3)', async t => {
  const url = await secureServer(t, selfSigned)
  const refused = await checkServer(url)
  t.match(says(refused, 'certificate'), /^fails: network.*SELF_SIGNED_CERT/)
  t.match(says(refused, 'reachable'), /^unknown: its certificate was not accepted/)
  const trusted = await checkServer(url, { certificateAuthorities: selfSigned.cert })
  t.match(says(trusted, 'certificate'), /^holds: it is accepted, and expires on 2126/)
  t.equal(says(trusted, 'tls'), 'holds: it is')
  const authority = createTestCertificateAuthority('an authority')
  const expiring = await checkServer(await secureServer(t, authority.issue('localhost')), { certificateAuthorities: authority.cert })
  t.match(says(expiring, 'certificate'), /^fails: it expires on/)
  t.match(says(await checkServer('https://localhost:1/'), 'certificate'), /^unknown: network/)
})

test('a token is not sent over http to another machine (RFC 6750 5.3)', async t => {
  let sent = ''
  const report = await check(t, (_answer, { credentials }) => { sent += credentials.join() }, { token: 'a-token-of-mine-that-nobody-must-see', lookup }, ({ resource }) => resource.replace('localhost', 'api.example'))
  t.equal(says(report, 'tls').replace(/:\d+.*/, ''), 'fails: the URL is http://api.example')
  t.equal(says(report, 'token-accepted'), 'unknown: the token is not sent over http')
  t.notOk(sent.includes('a-token-of-mine'), 'in no request')
})

test('a document cannot lead the doctor into the network of the user (RFC 9728 7.7)', async t => {
  const withIssuer = (issuer: string): Fault => (answer, { part }, target) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), authorization_servers: [issuer] }) }
  const report = await check(t, withIssuer('https://10.1.2.3/login'))
  t.match(says(report, 'issuer-metadata'), /^unknown: .*10\.1\.2\.3.*was not read: .*not on the public internet/)
  const named = await check(t, withIssuer('https://intranet.example/login'), { lookup, timeoutMs: 200 })
  t.match(says(named, 'issuer-metadata'), /^(?:fails: .*was not read: .*ECONNREFUSED|unknown: .*was not read: .*not on the public internet)/)
  const pointing = await check(t, (answer, { part }) => { if (part === 'api') answer.headers['www-authenticate'] = 'Bearer resource_metadata="https://169.254.169.254/latest"' })
  t.match(says(pointing, 'document-found'), /^unknown: .*169\.254\.169\.254/)
  t.match(says(pointing, 'document-well-known'), /^holds/, 'the document is found at its well-known URL')
})

test('a server that limits requests is not reported for it', async t => {
  let requests = 0
  const report = await check(t, answer => { if (++requests > 3) answer.status = 429 })
  t.equal(report.counts.fails, 0)
  t.match(says(report, 'invalid-token-401'), /^unknown: .*limits requests/)
  t.ok(report.checks.some(({ message }) => /limits requests \(429\)/.test(message)))
})

test('a route that serves POST only is checked by POST', async t => {
  const onlyPost: Fault = (answer, { part, method }) => { if (part === 'api' && method !== 'POST') answer.status = 405 }
  const report = await check(t, onlyPost)
  t.equal(report.counts.fails, 0)
  t.match(checkOf(report, 'no-token-401').evidence, [{ sent: /^POST / }])
  t.equal(says(await check(t, onlyPost, { method: 'GET' }), 'no-token-401'), 'fails: it got 405')
  t.equal(says(await check(t, answer => { answer.status = 404 }), 'no-token-401'), 'fails: it got 404: there is no such route')
})

test('whether it is an MCP endpoint is told by option, path, method or answer', async t => {
  const elsewhere: Fault = (answer, request, target) => {
    if (request.path === '/api') Object.assign(answer, { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${target.origin}/.well-known/oauth-protected-resource/mcp"` }, body: '{}' })
  }
  const atApi = ({ origin }: DoctorTarget): string => `${origin}/api`
  const isMcp = (report: DoctorReport): boolean => checkOf(report, 'mcp-initialize').outcome !== 'not_applicable'
  t.equal(isMcp(await check(t, elsewhere, {}, atApi)), false)
  t.equal(isMcp(await check(t, elsewhere, { mcp: true }, atApi)), true)
  t.equal(isMcp(await check(t, null, { mcp: false })), false)
  t.equal(isMcp(await check(t, (answer, request, target) => { elsewhere(answer, request, target); if (request.path === '/api') answer.body = '{"jsonrpc":"2.0"}' }, {}, atApi)), true)
  t.equal(isMcp(await check(t, (answer, request, target) => { elsewhere(answer, request, target); if (request.path === '/api') answer.headers['mcp-session-id'] = 'x' }, {}, atApi)), true)
  t.equal(isMcp(await check(t, (answer, request, target) => { elsewhere(answer, request, target); if (request.path === '/api' && request.method === 'GET') answer.status = 405 }, {}, atApi)), true)
})

test('checks that the server has no part in do not apply, and those without a basis are not guessed', async t => {
  const target = await startDoctorTarget(t)
  const report = async (fault: Fault | null, options: CheckServerOptions = {}): Promise<DoctorReport> => {
    target.fault = fault
    return await checkServer(target.resource, options)
  }
  const document = (members: Record<string, unknown>): Fault => (answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), ...members }) }
  const issuer = (members: Record<string, unknown>): Fault => (answer, { part }) => { if (part === 'issuer') answer.body = JSON.stringify({ ...issuerMetadataOf(target), ...members }) }
  t.match(says(await report(document({ bearer_methods_supported: undefined })), 'document-methods'), /^not_applicable/)
  const noDpop = await report((answer, request, world) => {
    document({ dpop_signing_alg_values_supported: undefined })(answer, request, world)
    if (request.part === 'api') answer.headers['www-authenticate'] = [answer.headers['www-authenticate'] ?? []].flat().slice(0, 1)
  })
  t.match(says(noDpop, 'dpop-challenge'), /^not_applicable/)
  t.match(says(await report(issuer({ protected_resources: undefined })), 'issuer-resource'), /^not_applicable/)
  t.match(says(await report(issuer({ jwks_uri: undefined, introspection_endpoint: `${target.issuer}/introspect` })), 'issuer-keys'), /^holds/)
  t.match(says(await report(issuer({ grant_types_supported: ['client_credentials'], authorization_endpoint: undefined })), 'issuer-endpoints'), /^holds/)
  t.match(says(await report(issuer({ registration_endpoint: undefined, client_id_metadata_document_supported: true })), 'issuer-registration'), /^holds: .*documents/)
  t.match(says(await report(issuer({ registration_endpoint: undefined }), { mcp: false }), 'issuer-registration'), /^not_applicable/)
  t.match(says(await report(issuer({ jwks_uri: 'http://localhost:1/jwks' })), 'issuer-keys'), /^fails: .*was not read: .*ECONNREFUSED/)
  t.match(says(await report(issuer({ jwks_uri: 'https://10.0.0.1/jwks' })), 'issuer-keys'), /^unknown: .*was not read/)
  t.match(says(await report((answer, { part }) => { if (part === 'keys') answer.body = 'none' }), 'issuer-secrets'), /^unknown: there is no key set/)
  t.match(says(await report((answer, { part }) => { if (part === 'keys') answer.body = '{"keys":[null,{"kty":"oct","k":"x"}]}' }), 'issuer-secrets'), /^fails: .*without a kid/)
  t.match(says(await report((answer, { part }) => { if (part === 'keys') answer.body = '{"keys":[{"kty":"RSA","kid":"r"}]}' }), 'forged-token'), /^holds/)
  t.match(says(await report((answer, { credentials }) => { if (credentials.some(one => one.startsWith('Bearer ey'))) answer.status = 503 }), 'forged-token'), /^unknown: .*503/)
  t.match(says(await report((answer, { path }) => { if (path.startsWith('/no-route')) answer.status = 200 }), 'path-variants'), /^not_applicable/)
  t.match(says(await report((answer, { part, headers }) => { if (part === 'preflight' && headers.origin !== 'https://page.example') answer.headers = {} }), 'preflight-authorization'), /^not_applicable/)
  t.match(says(await report((answer, { part }) => { if (part === 'api') delete answer.headers['access-control-allow-origin'] }), 'challenge-exposed'), /^not_applicable/)
  t.match(says(await report((answer, { part, method }) => { if (part === 'api' && method === 'GET') answer.headers['www-authenticate'] = 'Bearer scope="read"' }), 'document-found'), /^holds/)
  t.match(says(await report((answer, { path }) => {
    if (path.startsWith('/.well-known/oauth-protected-resource')) answer.status = 404
    if (path === '/.well-known/oauth-protected-resource') Object.assign(answer, json(documentOf(target)))
  }), 'document-found'), /^fails/)
  t.match(says(await report((answer, { path, part }) => {
    if (part === 'api') answer.headers['www-authenticate'] = 'Bearer scope="read"'
    if (part === 'document') answer.status = 404
    if (path === '/.well-known/oauth-protected-resource') Object.assign(answer, json(documentOf(target)))
  }), 'document-found'), /^holds: it is at .*oauth-protected-resource$/)
  t.match(says(await report((answer, { part }) => {
    if (part === 'api') answer.headers['www-authenticate'] = 'Bearer scope="read"'
    if (part === 'document') answer.status = 404
  }), 'document-found'), /^fails: .* got 404/)
  t.match(says(await report((answer, { part, headers }) => {
    if (part === 'api' && headers['x-forwarded-host'] !== undefined) delete answer.headers['www-authenticate']
  }), 'spoofed-forwarded'), /^fails/)
  t.match(says(await report((answer, { part, query }) => { if (part === 'api' && query !== '') Object.assign(answer, { status: 200, headers: {} }) }), 'query-token'), /^fails: it changed the answer to 200, error null/)
  t.match(says(await report((answer, { part }) => { if (part === 'keys') answer.body = '{"keys":[{}]}' }), 'forged-token'), /^holds/)
  t.match(says(await report((answer, { part }) => { if (part === 'keys') answer.body = '{}' }), 'forged-token'), /^holds/)
  t.match(says(await report((answer, { part }) => { if (part === 'keys') answer.body = 'none' }), 'forged-token'), /^holds/)
  t.match(says(await report((answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), authorization_servers: undefined }) }), 'unsigned-token'), /^holds/)
  t.match(says(await report((answer, { path, part }) => {
    if (part === 'api') answer.headers['www-authenticate'] = `Bearer resource_metadata="${target.origin}/metadata"`
    if (path === '/metadata') Object.assign(answer, json(documentOf(target)))
    if (part === 'document') Object.assign(answer, { status: 200, headers: {}, body: '<html></html>' })
  }), 'document-well-known'), /^fails: .*and no JSON object/)
  t.match(says(await report((answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), resource: 'https://10.0.0.1/mcp' }) }), 'document-well-known'), /^unknown: .*10\.0\.0\.1/)
  t.match(says(await report((answer, { path, part }) => {
    if (part === 'api') answer.headers['www-authenticate'] = `Bearer resource_metadata="${target.origin}/metadata"`
    if (path === '/metadata') Object.assign(answer, json(documentOf(target)))
  }), 'document-consistent'), /^holds/)
  t.match(says(await report(document({
    resource_signing_alg_values_supported: ['RS256'], resource_policy_uri: 'https://api.example/policy', tls_client_certificate_bound_access_tokens: true, jwks_uri: 'https://api.example/jwks'
  })), 'document-members'), /^holds/)
  const spelled = await report(null, { resource: target.resource })
  t.match(says(spelled, 'document-resource'), /^holds/)
  t.match(says(await report(null, { resource: `${target.resource}/` }), 'document-resource'), /^fails: it is .* was called/)
  target.fault = (answer, request) => { if (request.path === '/mcp/') Object.assign(answer, { status: 401, headers: { 'www-authenticate': 'Bearer realm="x"' } }) }
  t.match(says(await checkServer(`${target.resource}/`), 'path-variants'), /^holds/)
  target.fault = (answer, request) => { if (request.path === '/') Object.assign(answer, { status: 401, headers: { 'www-authenticate': 'Bearer realm="x"' } }) }
  t.match(says(await checkServer(`${target.origin}/?a=1`), 'path-variants'), /^not_applicable: the URL has no path/)
})

test('the fix of a document about another URL names the value of resource (RFC 9728 3.3)', async t => {
  const target = await startDoctorTarget(t)
  const fixOf = async (path: string, resource: string, options: CheckServerOptions = {}): Promise<string> => {
    const document = { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...documentOf(target), resource }) }
    target.fault = (answer, request) => { Object.assign(answer, request.path === path ? { status: 401, headers: {} } : document) }
    const { outcome, fix } = checkOf(await checkServer(`${target.origin}${path}`, options), 'document-resource')
    return `${outcome}: ${fix!.replace(/,.*/, '').replace(target.origin, 'origin')}`
  }
  const { origin } = target
  t.equal(await fixOf('/gateway/mcp/tools', `${origin}/mcp`), 'fails: Set resource to origin/gateway/mcp')
  t.equal(await fixOf('/gateway/mcp', `${origin}/mcp/`), 'fails: Set resource to origin/gateway/mcp')
  t.equal(await fixOf('/gateway/mcps', `${origin}/mcp`), 'fails: Set resource to origin/gateway/mcps')
  t.equal(await fixOf('/gateway', 'https://api.example.com'), 'fails: Set resource to origin')
  t.equal(await fixOf('/gateway', `${origin}/mcp`, { resource: `${origin}/named` }), 'fails: Set resource to origin/named')
})

test('a token decides by itself which checks apply to it', async t => {
  const target = await startDoctorTarget(t)
  const report = async (token: string): Promise<string[]> => {
    const found = await checkServer(target.resource, { token })
    return ['token-accepted', 'token-audience', 'token-changed'].map(id => checkOf(found, id).outcome)
  }
  t.same(await report(target.token()), ['holds', 'not_applicable', 'holds'])
  t.same(await report(target.token({ aud: 'https://other.example' })), ['not_applicable', 'holds', 'holds'])
  t.same(await report(target.token({ exp: 1 })), ['unknown', 'not_applicable', 'holds'])
  t.same(await report('opaque'), ['fails', 'not_applicable', 'holds'])
  t.same(await report('AAAAAAAAAAAAAAAA'), ['fails', 'not_applicable', 'holds'])
})

test('a token is checked without a metadata document, once the resource is named (RFC 9068 4)', async t => {
  const target = await startDoctorTarget(t)
  const withoutDocument: Fault = (answer, { part }) => { if (part === 'document') answer.status = 404 }
  const ids = ['token-accepted', 'token-audience', 'unsigned-token', 'forged-token']
  const outcomes = async (options: CheckServerOptions, change?: Fault): Promise<string[]> => {
    target.fault = (answer, request, world) => { withoutDocument(answer, request, world); change?.(answer, request, world) }
    const report = await checkServer(target.resource, options)
    return ids.map(id => checkOf(report, id).outcome)
  }
  const { resource } = target
  t.same(await outcomes({ token: target.token(), resource }), ['holds', 'not_applicable', 'holds', 'holds'])
  t.same(await outcomes({ token: target.token({ aud: 'https://other.example' }), resource }), ['not_applicable', 'holds', 'holds', 'holds'])
  // The signature is not verified. The key id of the issuer is used, which only its metadata tell.
  const unverified: Fault = (answer, { credentials: [value = ''] }) => {
    const { alg, kid } = headerOf(value.replace(/^Bearer /, ''))
    if (alg === 'none' || kid === 'key-1') Object.assign(answer, { status: 200, headers: {} })
  }
  t.same(await outcomes({ token: target.token(), resource }, unverified), ['holds', 'not_applicable', 'fails', 'fails'])
  t.same(await outcomes({ token: target.token({ iss: 'an issuer without a URL' }), resource }), ['holds', 'not_applicable', 'holds', 'holds'])
  t.same(await outcomes({ token: target.token({ iss: undefined }), resource }), ['holds', 'not_applicable', 'unknown', 'unknown'])
  t.same(await outcomes({ resource }), ['not_applicable', 'not_applicable', 'unknown', 'unknown'])

  const report = await checkServer(resource, { token: target.token() })
  const unnamed = 'unknown: no metadata document was found, and no identifier was given (--resource)'
  t.same(ids.map(id => says(report, id)), Array(4).fill(unnamed))
  const unreachable = await checkServer('https://localhost:1/', { token: target.token() })
  t.match(says(unreachable, 'token-accepted'), /^unknown: network.*ECONNREFUSED/)
  t.notMatch(says(unreachable, 'token-accepted'), /--resource/)
})

test('where bound tokens are required, a DPoP challenge alone is right (RFC 9449 7.2)', async t => {
  const onlyBound: Fault = (answer, { part, credentials }, target) => {
    if (part === 'document') answer.body = JSON.stringify({ ...documentOf(target), dpop_bound_access_tokens_required: true })
    if (part === 'api' && credentials.length === 0) answer.headers['www-authenticate'] = [answer.headers['www-authenticate'] ?? []].flat().slice(1)
  }
  const report = await check(t, onlyBound)
  t.equal(says(report, 'dpop-required'), 'holds: it has')
  t.equal(says(report, 'dpop-challenge'), 'holds: they do')
})

test('a refusal that quotes a foreign Host header is no finding', async t => {
  const refusing: Fault = (answer, { headers, part }) => {
    if (headers.host === 'spoofed.example' && part === 'document') Object.assign(answer, { status: 403, body: '{"error":"Invalid Host: spoofed.example"}' })
  }
  t.equal(says(await check(t, refusing), 'spoofed-host'), 'holds: it does not')
})

test('what no standard requires is no reason to fail: a second Authorization header, DPoP that only the document announces', async t => {
  const target = await startDoctorTarget(t)
  target.fault = (answer, { part, credentials }) => {
    if (part !== 'api') return
    if (credentials.length > 1) Object.assign(answer, { status: 200, headers: {} })
    if (credentials.length === 0) answer.headers['www-authenticate'] = [answer.headers['www-authenticate'] ?? []].flat().slice(0, 1)
  }
  const report = await checkServer(target.resource, { token: target.token() })
  t.same(report.checks.filter(({ outcome }) => outcome === 'fails').map(({ id }) => id), ['repeated-authorization', 'dpop-challenge'])
  t.equal(report.ok, true)
})

test('a report has no token, also where the server repeats it', async t => {
  const target = await startDoctorTarget(t)
  target.fault = (answer, { credentials, part }) => { if (part === 'api') answer.headers['www-authenticate'] = [`Bearer error="invalid_token", error_description="${(credentials[0] ?? '').replace(/^\S+ /, '')}"`] }
  const token = target.token()
  const report = await checkServer(target.resource, { token })
  t.notOk(JSON.stringify(report).includes(token.slice(-30, -14)), 'neither it nor the changed one')
  t.match(JSON.stringify(report), /<\d+ characters>/)
})

test('what a server sends is shown in one line, without control characters', async t => {
  const report = await check(t, (answer, { part }) => { if (part === 'document') answer.body = JSON.stringify({ resource: '\u202e\u001b[31m' }).replace('\\u001b', '\u001b') })
  t.notMatch(JSON.stringify(report), /\\u001b|\u202e/)
})

test('a connection that does not show its certificate, and an error of another kind, are no findings', async t => {
  const subjectOf = (transport: Transport): Subject => new Subject({ url: 'https://api.example.com/', resource: null, token: null, method: null, mcp: null, origin: 'https://page.example', isInProcess: false, transport })
  const [reachable, , certificate] = serverChecks
  const hidden = subjectOf(async () => ({ status: 401, headers: [], text: '', isTruncated: false, certificateExpiresAt: null }))
  await t.rejects(async () => await certificate!.run(hidden), { message: 'the connection does not show the certificate' })
  const refusing = subjectOf(async () => { throw new TypeError('not of the network') })
  await t.rejects(async () => await reachable!.run(refusing), { message: 'not of the network' })
})

test('progress is told before each check', async t => {
  const seen: number[] = []
  const report = await check(t, null, { onProgress: ({ number, total }) => { seen.push(number / total) } })
  t.equal(seen.length, report.checks.length)
  t.equal(seen.at(-1), 1)
})
