import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { test } from 'tap'
import { checkServer } from '../../../lib/doctor/check-server.ts'
import type { DoctorReport } from '../../../lib/doctor/report.ts'
import { encode } from '../../../lib/testing/signing-key.ts'
import type { DoctorTarget, Fault, TargetAnswer, TargetRequest } from '../../support/doctor-target.ts'
import { challenges, claimsOf, documentOf, isSigned, issuerMetadataOf, json, refusal, startDoctorTarget } from '../../support/doctor-target.ts'

interface SeededFault {
  readonly is: string
  /** The check that must find it. */
  readonly finds: string
  /** Further checks that must not hold because of it. */
  readonly consequences?: readonly string[]
  readonly fault: Fault
  /** A token that is given to the doctor. */
  readonly token?: (target: DoctorTarget) => string
}

type Change = (answer: TargetAnswer, request: TargetRequest, target: DoctorTarget) => void

const become = (answer: TargetAnswer, other: TargetAnswer): void => { Object.assign(answer, other) }
const on = (part: TargetRequest['part'], change: Change): Fault => (answer, request, target) => {
  if (request.part === part) change(answer, request, target)
}
/** The request without a token, by whatever method. */
const withoutToken = (change: Change): Fault => on('api', (answer, request, target) => {
  if (request.credentials.length === 0) change(answer, request, target)
})
const withCredentials = (value: RegExp, change: Change): Fault => on('api', (answer, request, target) => {
  if (request.credentials.some(one => value.test(one))) change(answer, request, target)
})
const withMember = (part: 'document' | 'issuer', members: (target: DoctorTarget) => Record<string, unknown>): Fault => on(part, (answer, _request, target) => {
  answer.body = JSON.stringify({ ...part === 'document' ? documentOf(target) : issuerMetadataOf(target), ...members(target) })
})
const header = (answer: TargetAnswer, name: string, value: string | string[]): void => { answer.headers[name] = value }
const open: TargetAnswer = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"result":1}' }
const status = (code: number): Change => answer => { answer.status = code }
const notFound = status(404)
const tokenOf = (request: TargetRequest): string => request.credentials[0]!.replace(/^bearer +/i, '')
const garbage = /^Bearer not-an-access-token$/
const mcpRefusals = ['mcp-initialize', 'mcp-versions', 'mcp-session']

const faults: readonly SeededFault[] = [
  { is: 'the route is open', finds: 'no-token-401', consequences: [...mcpRefusals, 'mcp-methods'], fault: withoutToken(answer => become(answer, open)) },
  { is: '403 in place of 401', finds: 'no-token-401', consequences: mcpRefusals, fault: withoutToken(status(403)) },
  {
    is: 'a redirect to a page for signing in',
    finds: 'no-token-401',
    consequences: [...mcpRefusals, 'mcp-methods'],
    fault: withoutToken(answer => { become(answer, { status: 302, headers: { location: '/login' }, body: '' }) })
  },
  { is: '500 without a token', finds: 'no-token-401', consequences: [...mcpRefusals, 'mcp-methods'], fault: withoutToken(status(500)) },
  { is: '401 without a challenge', finds: 'challenge-bearer', consequences: ['mcp-pointer'], fault: withoutToken(answer => { delete answer.headers['www-authenticate'] }) },
  { is: 'a challenge of another scheme', finds: 'challenge-bearer', consequences: ['mcp-pointer'], fault: withoutToken(answer => header(answer, 'www-authenticate', 'Basic realm="api"')) },
  {
    is: 'two Bearer challenges',
    finds: 'challenge-bearer',
    fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', [...challenges(target), 'Bearer realm="proxy"']))
  },
  { is: 'a URL without quotes in the challenge', finds: 'challenge-syntax', fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', challenges(target)[0]!.replaceAll('"', ''))) },
  { is: 'a parameter twice', finds: 'challenge-syntax', fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', challenges(target, ', scope="read"'))) },
  { is: 'Basic before Bearer', finds: 'challenge-first', fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', ['Basic realm="api"', ...challenges(target)])) },
  {
    is: 'no resource_metadata',
    finds: 'challenge-pointer',
    consequences: ['mcp-pointer'],
    fault: withoutToken(answer => header(answer, 'www-authenticate', ['Bearer scope="read"', 'DPoP algs="ES256 EdDSA"']))
  },
  {
    is: 'a relative resource_metadata',
    finds: 'challenge-pointer',
    fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', challenges(target).map(one => one.replace(target.origin, ''))))
  },
  {
    is: 'resource_metadata over http on another machine',
    finds: 'challenge-pointer',
    consequences: ['challenge-origin', 'invalid-token-pointer'],
    fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', challenges(target).map(one => one.replace(target.origin, 'http://api.example'))))
  },
  {
    is: 'resource_metadata with the host behind the proxy',
    finds: 'challenge-origin',
    fault: on('api', (answer, _request, target) => header(answer, 'www-authenticate', [answer.headers['www-authenticate'] ?? []].flat().map(one => one.replace(target.origin, target.origin.replace('localhost', 'app.localhost')))))
  },
  { is: 'an error without a token', finds: 'challenge-no-error', fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', challenges(target, ', error="invalid_token"'))) },
  { is: '401 that caches may store', finds: 'challenge-not-cached', fault: withoutToken(answer => header(answer, 'cache-control', 'public, max-age=600')) },
  { is: 'HEAD is open', finds: 'head-protected', fault: withoutToken((answer, { method }) => { if (method === 'HEAD') become(answer, open) }) },
  { is: 'no metadata document', finds: 'document-found', fault: on('document', notFound) },
  { is: 'the document asks for a token', finds: 'document-found', fault: on('document', (answer, _request, target) => become(answer, refusal(target))) },
  { is: 'the document is redirected', finds: 'document-found', fault: on('document', answer => become(answer, { status: 301, headers: { location: '/elsewhere' }, body: '' })) },
  { is: 'the document as text/html', finds: 'document-type', fault: on('document', answer => header(answer, 'content-type', 'text/html')) },
  { is: 'the document without a content type', finds: 'document-type', fault: on('document', answer => { delete answer.headers['content-type'] }) },
  { is: 'the document is no JSON', finds: 'document-json', fault: on('document', answer => { answer.body = '<html></html>' }) },
  { is: 'the document is a list', finds: 'document-json', fault: on('document', answer => { answer.body = `[${answer.body}]` }) },
  { is: 'a member twice', finds: 'document-json', fault: on('document', answer => { answer.body = answer.body.replace('{', '{"resource":"https://other.example",') }) },
  { is: 'a document of 300 KiB', finds: 'document-json', fault: withMember('document', () => ({ filler: 'x'.repeat(300 * 1024) })) },
  { is: 'the document is about another host', finds: 'document-resource', consequences: ['issuer-resource'], fault: withMember('document', ({ resource }) => ({ resource: resource.replace('localhost', 'app.localhost') })) },
  { is: 'resource over http', finds: 'document-identifier', fault: withMember('document', () => ({ resource: 'http://api.example/mcp' })) },
  { is: 'no resource', finds: 'document-identifier', fault: withMember('document', () => ({ resource: undefined })) },
  {
    is: 'the document is below the path, and not at the root of the host',
    finds: 'document-well-known',
    fault: (answer, request, target) => {
      if (request.part === 'document') become(answer, { status: 404, headers: {}, body: '' })
      if (request.path === '/mcp/.well-known/oauth-protected-resource') become(answer, json(documentOf(target)))
      if (request.part === 'api') header(answer, 'www-authenticate', [answer.headers['www-authenticate'] ?? []].flat().map(one => one.replace('/.well-known/oauth-protected-resource/mcp', '/mcp/.well-known/oauth-protected-resource')))
    }
  },
  {
    is: 'another document where the challenge leads',
    finds: 'document-consistent',
    fault: (answer, request, target) => {
      if (request.path === '/metadata') become(answer, json({ ...documentOf(target), scopes_supported: ['write'] }))
      if (request.part === 'api') header(answer, 'www-authenticate', [answer.headers['www-authenticate'] ?? []].flat().map(one => one.replace('/.well-known/oauth-protected-resource/mcp', '/metadata')))
    }
  },
  { is: 'the document refuses an invalid token', finds: 'document-open', fault: on('document', (answer, { credentials }, target) => { if (credentials.length > 0) become(answer, refusal(target)) }) },
  { is: 'no HEAD of the document', finds: 'document-head', fault: on('document', (answer, { method }) => { if (method === 'HEAD') answer.status = 405 }) },
  { is: 'no Cache-Control of the document', finds: 'document-caching', fault: on('document', answer => { delete answer.headers['cache-control'] }) },
  { is: 'the document at every path', finds: 'document-of-others', fault: on('well-known', (answer, _request, target) => become(answer, json(documentOf(target)))) },
  { is: 'no authorization server', finds: 'document-issuers', fault: withMember('document', () => ({ authorization_servers: [] })) },
  { is: 'an authorization server with a query', finds: 'document-issuers', consequences: ['issuer-exact'], fault: withMember('document', ({ issuer }) => ({ authorization_servers: [`${issuer}?tenant=1`] })) },
  { is: 'an authorization server that is no URL', finds: 'document-issuers', fault: withMember('document', () => ({ authorization_servers: ['login'] })) },
  { is: 'scopes as one string', finds: 'document-members', fault: withMember('document', () => ({ scopes_supported: 'read write' })) },
  { is: 'an empty list', finds: 'document-members', fault: withMember('document', () => ({ scopes_supported: [] })) },
  { is: 'a bearer method that does not exist', finds: 'document-members', consequences: ['document-methods'], fault: withMember('document', () => ({ bearer_methods_supported: ['cookie'] })) },
  { is: 'alg none announced', finds: 'document-members', fault: withMember('document', () => ({ resource_signing_alg_values_supported: ['none'] })) },
  { is: 'a symmetric algorithm of proofs', finds: 'document-members', consequences: ['dpop-challenge'], fault: withMember('document', () => ({ dpop_signing_alg_values_supported: ['HS256'] })) },
  { is: 'other members of the wrong type', finds: 'document-members', fault: withMember('document', () => ({ resource_name: '' })) },
  { is: 'a documentation that cannot be a URL', finds: 'document-members', fault: withMember('document', () => ({ resource_documentation: 'http://[' })) },
  { is: 'an empty scope', finds: 'document-members', fault: withMember('document', () => ({ scopes_supported: [''] })) },
  { is: 'a name that is a number', finds: 'document-members', fault: withMember('document', () => ({ resource_name: 5 })) },
  { is: 'a policy that is a number', finds: 'document-members', fault: withMember('document', () => ({ resource_policy_uri: 5 })) },
  { is: 'a list of numbers', finds: 'document-members', fault: withMember('document', () => ({ authorization_details_types_supported: [5] })) },
  { is: 'a documentation that is no URL', finds: 'document-members', fault: withMember('document', () => ({ resource_documentation: 'see the wiki' })) },
  { is: 'a flag that is a string', finds: 'document-members', fault: withMember('document', () => ({ tls_client_certificate_bound_access_tokens: 'true' })) },
  { is: 'keys over http', finds: 'document-members', fault: withMember('document', () => ({ jwks_uri: 'http://api.example/jwks' })) },
  { is: 'tokens in the query announced', finds: 'document-methods', fault: withMember('document', () => ({ bearer_methods_supported: ['header', 'query'] })) },
  { is: 'offline_access among the scopes', finds: 'document-scopes', fault: withMember('document', () => ({ scopes_supported: ['read', 'offline_access'] })) },
  { is: 'no metadata of the authorization server', finds: 'issuer-metadata', fault: on('issuer', notFound) },
  {
    is: 'metadata behind the path of the issuer',
    finds: 'issuer-metadata',
    fault: (answer, request, target) => {
      if (request.part === 'issuer') become(answer, { status: 404, headers: {}, body: '' })
      if (request.path === '/login/.well-known/oauth-authorization-server') become(answer, json(issuerMetadataOf(target)))
    }
  },
  { is: 'the issuer with a slash at its end', finds: 'issuer-exact', fault: withMember('issuer', ({ issuer }) => ({ issuer: `${issuer}/` })) },
  { is: 'metadata without an issuer', finds: 'issuer-exact', fault: withMember('issuer', () => ({ issuer: undefined })) },
  {
    is: 'a page for people at the first URL of the metadata',
    finds: 'issuer-order',
    fault: (answer, request, target) => {
      if (request.part === 'issuer') become(answer, { status: 200, headers: { 'content-type': 'text/html' }, body: '<html></html>' })
      if (request.path === '/login/.well-known/openid-configuration') become(answer, json(issuerMetadataOf(target)))
    }
  },
  { is: 'no token endpoint', finds: 'issuer-endpoints', fault: withMember('issuer', () => ({ token_endpoint: undefined })) },
  { is: 'an authorization endpoint over http', finds: 'issuer-endpoints', fault: withMember('issuer', () => ({ authorization_endpoint: 'http://login.example/authorize', grant_types_supported: ['authorization_code'] })) },
  { is: 'no PKCE', finds: 'issuer-pkce', fault: withMember('issuer', () => ({ code_challenge_methods_supported: undefined })) },
  { is: 'PKCE with plain only', finds: 'issuer-pkce', fault: withMember('issuer', () => ({ code_challenge_methods_supported: ['plain'] })) },
  { is: 'no jwks_uri', finds: 'issuer-keys', fault: withMember('issuer', () => ({ jwks_uri: undefined })) },
  { is: 'jwks_uri over http', finds: 'issuer-keys', fault: withMember('issuer', () => ({ jwks_uri: 'http://login.example/jwks' })) },
  { is: 'jwks_uri that is not there', finds: 'issuer-keys', fault: on('keys', notFound) },
  { is: 'a key set without keys', finds: 'issuer-keys', fault: on('keys', answer => { answer.body = '{"keys":[]}' }) },
  { is: 'a document that is no key set', finds: 'issuer-keys', fault: on('keys', answer => { answer.body = '{}' }) },
  {
    is: 'a private key among the keys',
    finds: 'issuer-secrets',
    fault: on('keys', answer => {
      const { keys } = JSON.parse(answer.body) as { keys: Array<Record<string, unknown>> }
      answer.body = JSON.stringify({ keys: [...keys, { ...keys[0], kid: 'key-2', d: 'c2VjcmV0' }] })
    })
  },
  { is: 'an authorization server for other resources', finds: 'issuer-resource', fault: withMember('issuer', () => ({ protected_resources: ['https://other.example'] })) },
  { is: 'no registration of clients', finds: 'issuer-registration', fault: withMember('issuer', () => ({ registration_endpoint: undefined })) },
  { is: 'an invalid token gets 500', finds: 'invalid-token-401', fault: withCredentials(garbage, (answer, { credentials }) => { if (credentials.length === 1) answer.status = 500 }), consequences: ['scheme-case'] },
  { is: 'an invalid token gets 403', finds: 'invalid-token-401', fault: withCredentials(/not-an-access-token$/, (answer, { credentials }) => { if (credentials.length === 1) answer.status = 403 }) },
  { is: 'no error for an invalid token', finds: 'invalid-token-error', fault: withCredentials(/not-an-access-token$/, (answer, _request, target) => header(answer, 'www-authenticate', challenges(target))) },
  { is: 'another error for an invalid token', finds: 'invalid-token-error', fault: withCredentials(/not-an-access-token$/, (answer, _request, target) => header(answer, 'www-authenticate', challenges(target, ', error="expired"'))) },
  { is: 'no resource_metadata for an invalid token', finds: 'invalid-token-pointer', fault: withCredentials(/./, answer => header(answer, 'www-authenticate', 'Bearer error="invalid_token"')) },
  { is: 'the scheme with a capital only', finds: 'scheme-case', fault: withCredentials(/^bearer/, (answer, _request, target) => become(answer, refusal(target))) },
  { is: 'Bearer without a token gets 500', finds: 'malformed-credentials', fault: withCredentials(/^Bearer$/, status(500)) },
  { is: 'the first of two Authorization headers is used', finds: 'repeated-authorization', token: target => target.token(), fault: on('api', (answer, { credentials }) => { if (credentials.length > 1) become(answer, open) }) },
  {
    is: 'tokens in the query are read',
    finds: 'query-token',
    fault: on('api', (answer, { query }, target) => { if (query.includes('access_token=')) become(answer, refusal(target, ', error="invalid_token"')) })
  },
  {
    is: 'alg none is accepted',
    finds: 'unsigned-token',
    fault: withCredentials(/\.$/, (answer, request) => { if (tokenOf(request).startsWith(encode({ alg: 'none', typ: 'at+jwt' }))) become(answer, open) })
  },
  {
    is: 'signatures are not verified',
    finds: 'forged-token',
    consequences: ['unsigned-token', 'token-changed'],
    token: target => target.token(),
    fault: withCredentials(/./, (answer, request, target) => { if (request.credentials.length === 1 && claimsOf(tokenOf(request)).aud === target.resource) become(answer, open) })
  },
  { is: 'a good token is refused', finds: 'token-accepted', token: target => target.token(), fault: on('api', (answer, { credentials }, target) => { if (credentials.length === 1 && answer.status === 200) become(answer, refusal(target)) }) },
  {
    is: 'the audience is not checked',
    finds: 'token-audience',
    token: target => target.token({ aud: 'https://other.example' }),
    fault: withCredentials(/./, (answer, request) => { if (request.credentials.length === 1 && isSigned(tokenOf(request))) become(answer, open) })
  },
  { is: 'the Host header is in the challenge', finds: 'spoofed-host', fault: on('api', (answer, { headers }, target) => header(answer, 'www-authenticate', [answer.headers['www-authenticate'] ?? []].flat().map(one => one.replace(target.origin, `http://${headers.host!}`)))) },
  { is: 'the Host header is in the document', finds: 'spoofed-host', fault: on('document', (answer, { headers }, target) => { answer.body = answer.body.replaceAll(target.origin, `http://${headers.host!}`) }) },
  {
    is: 'X-Forwarded-Host is in the challenge',
    finds: 'spoofed-forwarded',
    fault: on('api', (answer, { headers }, target) => {
      const host = headers['x-forwarded-host']
      if (host !== undefined) header(answer, 'www-authenticate', [answer.headers['www-authenticate'] ?? []].flat().map(one => one.replace(target.origin, `http://${String(host)}`)))
    })
  },
  {
    is: 'X-Forwarded-Port changes the challenge',
    finds: 'spoofed-forwarded',
    fault: on('api', (answer, { headers }, target) => {
      const port = headers['x-forwarded-port']
      if (port !== undefined) header(answer, 'www-authenticate', [answer.headers['www-authenticate'] ?? []].flat().map(one => one.replace(target.origin, `http://localhost:${String(port)}`)))
    })
  },
  { is: 'a page for people at every URL', finds: 'unrouted-404', fault: on('other', (answer, { path }) => { if (path.startsWith('/no-route')) become(answer, { status: 200, headers: {}, body: '<html></html>' }) }) },
  { is: 'the route is open with a slash at the end', finds: 'path-variants', fault: on('other', (answer, { path }) => { if (path === '/mcp/') become(answer, open) }) },
  { is: 'the route is open in upper case', finds: 'path-variants', fault: on('other', (answer, { path }) => { if (path === '/MCP') become(answer, open) }) },
  { is: 'preflights are asked for a token', finds: 'preflight-open', fault: on('preflight', (answer, _request, target) => become(answer, { ...refusal(target), headers: {} })) },
  { is: 'the star for Authorization', finds: 'preflight-authorization', fault: on('preflight', answer => header(answer, 'access-control-allow-headers', '*')) },
  { is: 'the challenge is hidden from web pages', finds: 'challenge-exposed', fault: withoutToken(answer => { delete answer.headers['access-control-expose-headers'] }) },
  { is: 'the document is hidden from web pages', finds: 'document-cors', fault: on('document', answer => { delete answer.headers['access-control-allow-origin'] }) },
  { is: 'DPoP in the document only', finds: 'dpop-challenge', fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', challenges(target)[0]!)) },
  { is: 'DPoP in the challenge only', finds: 'dpop-challenge', fault: withMember('document', () => ({ dpop_signing_alg_values_supported: undefined })) },
  { is: 'DPoP without algs', finds: 'dpop-challenge', fault: withoutToken((answer, _request, target) => header(answer, 'www-authenticate', challenges(target).map(one => one.replace(/, algs=.*/, '')))) },
  { is: 'DPoP required, and a Bearer challenge', finds: 'dpop-required', fault: withMember('document', () => ({ dpop_bound_access_tokens_required: true })) },
  {
    is: 'DPoP required, and no DPoP challenge',
    finds: 'dpop-required',
    consequences: ['dpop-challenge'],
    fault: (answer, request, target) => {
      if (request.part === 'document') answer.body = JSON.stringify({ ...documentOf(target), dpop_bound_access_tokens_required: true })
      if (request.part === 'api' && request.credentials.length === 0) header(answer, 'www-authenticate', challenges(target)[0]!)
    }
  },
  { is: 'initialize is open', finds: 'mcp-initialize', consequences: ['mcp-versions'], fault: withoutToken((answer, { body }) => { if (body.includes('"initialize"')) become(answer, open) }) },
  { is: 'no resource_metadata for POST', finds: 'mcp-pointer', fault: withoutToken((answer, { method }) => { if (method === 'POST') header(answer, 'www-authenticate', 'Bearer scope="read"') }) },
  { is: 'an unknown protocol version gets 400', finds: 'mcp-versions', fault: withoutToken((answer, { headers }) => { if (headers['mcp-protocol-version'] === '2026-07-28') answer.status = 400 }) },
  { is: 'the stream of a session is open', finds: 'mcp-methods', fault: withoutToken((answer, { method, headers }) => { if (method === 'GET' && headers['mcp-session-id'] !== undefined) become(answer, { status: 200, headers: { 'content-type': 'text/event-stream' }, body: '' }) }) },
  { is: 'the session is looked up before the token', finds: 'mcp-session', fault: withoutToken((answer, { method, headers }) => { if (method === 'POST' && headers['mcp-session-id'] !== undefined) answer.status = 404 }) }
]

/** Names below localhost are this machine, also where the system does not know them. */
const lookup: LookupFunction = (_hostname, options, callback) => systemLookup('localhost', options as object, callback as never)

function failing ({ checks }: DoctorReport): string[] {
  return checks.filter(({ outcome }) => outcome === 'fails').map(({ id }) => id).sort()
}

test('the doctor reports nothing about a server without a fault (F91)', async t => {
  const target = await startDoctorTarget(t)
  const report = await checkServer(target.resource, { token: target.token(), origin: 'https://page.example' })
  t.same(report.checks.filter(({ outcome }) => outcome === 'fails' || outcome === 'unknown'), [])
  t.equal(report.ok, true)
  t.equal(report.resource, target.resource)
  t.same(report.registration, [{ issuer: target.issuer, dynamicRegistration: true, clientIdMetadataDocuments: false }])
  t.notOk(JSON.stringify(report).includes(target.token().slice(0, 40)), 'no token is in the report')
})

test('the doctor finds each seeded fault, and reports nothing else but its consequences (F91)', { timeout: 120_000 }, async t => {
  const target = await startDoctorTarget(t)
  t.ok(faults.length >= 30, `${faults.length} faults`)
  for (const { is, finds, consequences = [], fault, token } of faults) {
    target.fault = fault
    const report = await checkServer(target.resource, { lookup, ...token !== undefined && { token: token(target) } })
    t.same(failing(report), [finds, ...consequences].sort(), is)
    const { why, fix, evidence } = report.checks.find(({ id }) => id === finds)!
    t.ok(why !== undefined && fix !== undefined && evidence.every(({ sent, received }) => sent.length <= 300 && received.length <= 1000), `${is}: it is explained`)
  }
})
