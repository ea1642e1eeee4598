import fc from 'fast-check'
import { test } from 'tap'
import {
  createRequestHeaderList, createResponseHeaderList, defaultRequestHeaders, defaultResponseHeaders, isHopByHopHeader, filterHeaders, hasUnknownCoding,
  valueOf
} from '../../../lib/forward/header-list.ts'

const everything = [
  'authorization', 'host', 'connection', 'content-length', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'keep-alive', 'expect', 'proxy-authorization',
  'proxy-anything', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'x-original-url', 'x-rewrite-url', 'via', 'dpop', 'x-secret-of-ours'
]

test('headers that are never passed on are removed even if the list has them [R41 F73]', t => {
  const request = createRequestHeaderList(['*', ...everything], ['x-secret-of-ours'])
  for (const name of everything) t.notOk(request(name), name)
  const response = createResponseHeaderList(['*', 'www-authenticate', 'x-accel-redirect', 'transfer-encoding'])
  for (const name of ['www-authenticate', 'x-accel-redirect', 'x-sendfile', 'dpop-nonce', 'alt-svc', 'transfer-encoding', 'content-length', 'proxy-authenticate']) {
    t.notOk(response(name), name)
  }
  t.end()
})

test('RFC 9110 7.6.1: no list passes a header of one connection, of the caller, or of the credential of the target', t => {
  const hopByHop = [
    'connection', 'content-length', 'expect', 'http2-settings', 'keep-alive', 'proxy-anything', 'te', 'trailer', 'transfer-encoding', 'upgrade'
  ]
  const caller = [
    'authorization', 'cf-connecting-ip', 'client-cert', 'client-cert-chain', 'dpop', 'forwarded', 'host', 'true-client-ip', 'via', 'x-client-ip',
    'x-forwarded', 'x-forwarded-anything', 'x-original-anything', 'x-real-ip', 'x-rewrite-url'
  ]
  const upstream = ['alt-svc', 'authentication-info', 'dpop-nonce', 'www-authenticate', 'x-accel-anything', 'x-lighttpd-anything', 'x-sendfile']
  const request = createRequestHeaderList([...hopByHop, ...caller, ...upstream], [])
  const response = createResponseHeaderList([...hopByHop, ...caller, ...upstream])
  for (const name of hopByHop) t.same([request(name), response(name), isHopByHopHeader(name)], [false, false, true], name)
  for (const name of caller) t.same([request(name), response(name), isHopByHopHeader(name)], [false, true, name === 'host'], name)
  for (const name of upstream) t.same([request(name), response(name), isHopByHopHeader(name)], [true, false, false], name)
  t.end()
})

test('a pattern never matches a header with credentials; its full name does', t => {
  const names = [
    'cookie', 'set-cookie', 'cookie2', 'set-cookie2', 'x-cookie', 'x-api-key', 'x-auth-token', 'x-auth', 'auth', 'x-authorization', 'x-csrf-token', 'api-key',
    'x-amz-security-token', 'x-jwt', 'private-key', 'key', 'x-accesskey', 'x-apikey', 'x-authkey', 'x-privatekey', 'x-secretkey', 'x-sharedkey', 'x-assertion',
    'x-credential', 'x-credentials', 'x-password', 'x-passwd', 'x-secret'
  ]
  const pattern = createRequestHeaderList(['*'], [])
  const named = createRequestHeaderList(names.map(name => name.toUpperCase()), [])
  for (const name of names) t.same([pattern(name), named(name)], [false, true], name)
  for (const name of ['x-keyboard', 'x-custom', 'mcp-session-id', 'x-token-count', 'x-authors', 'anything', 'x-monkey', 'oauth', 'x-cookie-policy', 'x-cookie2']) {
    t.ok(pattern(name), name)
  }
  t.end()
})

test('a pattern never matches headers that state who the caller is, in any spelling [MCPS-14]', t => {
  const names = [
    'x-apikey', 'x-amzn-oidc-accesstoken', 'x-amzn-oidc-data', 'x-goog-iap-jwt-assertion', 'x-remote-user', 'x-auth-user', 'x-auth-request-email',
    'x-ssl-client-cert', 'x-ms-client-principal', 'x-ms-token-aad-id-token', 'x-cluster-client-ip', 'x-envoy-external-address', 'x-api_key', 'x-xsrftoken',
    'x-authkey', 'x-custom_one', 'x-custom.one', 'remote-user', 'fastly-client-ip'
  ]
  const defaults = createRequestHeaderList(defaultRequestHeaders, [])
  const anything = createRequestHeaderList(['*'], [])
  const named = createRequestHeaderList(names, [])
  for (const name of names) t.same([defaults(name), anything(name), named(name)], [false, false, true], name)
  t.end()
})

test('identity headers of well-known gateways and authenticating proxies never pass from callers by a pattern [F12] (MCPS-14)', t => {
  const names = [
    'x-authentik-username', 'x-authentik-groups', 'x-authentik-jwt', 'x-consumer-username', 'x-consumer-custom-id', 'x-consumer-id', 'x-anonymous-consumer',
    'x-credential-identifier', 'x-forwarded-user', 'x-forwarded_email', 'x-user', 'x-user-id', 'x-userid', 'x-username', 'x-email',
    'x-groups', 'x-roles', 'x-pomerium-jwt-assertion', 'x-pomerium-claim-email', 'x-vouch-user', 'x-acme-sso-user', 'x-scope-orgid', 'x-authelia-user',
    'x-oidc-claim-sub', 'x-jwt-payload', 'x-impersonate-user'
  ]
  const request = createRequestHeaderList(defaultRequestHeaders, [])
  const anything = createRequestHeaderList(['*'], [])
  for (const name of names) t.same([request(name), anything(name)], [false, false], name)
  const named = createRequestHeaderList(['x-user-id', 'x-consumer-username', 'x-forwarded-user'], [])
  t.same([named('x-user-id'), named('x-consumer-username'), named('x-forwarded-user')], [true, true, false], 'listed by name they do; X-Forwarded-* never')
  for (const name of ['x-request-id', 'x-user-agent', 'x-custom', 'x-tenant-id', 'x-use', 'x-superuser-mode']) t.ok(request(name), name)
  const response = createResponseHeaderList(defaultResponseHeaders)
  for (const name of ['x-user', 'x-roles']) t.ok(response(name), name)
  t.end()
})

test('a pattern never matches a header of an authenticating gateway, in requests and in responses [F12] (MCPS-14)', t => {
  const names = [
    'cloudfront-viewer-a', 'fastly-client-a', 'fly-client-ip', 'remote-a', 'x-amzn-oidc-a', 'x-amzn-mtls-a', 'x-amzn-request-context', 'x-anonymous-a',
    'x-apigateway-a', 'x-apigee-a', 'x-appengine-a', 'x-arr-clientcert', 'x-auth-a', 'x-authelia-a', 'x-authenticated-a', 'x-authentik-a', 'x-azure-clientip',
    'x-azure-socketip', 'x-client-a', 'x-cluster-client-ip', 'x-consumer-a', 'x-credential-a', 'x-endpoint-api-userinfo', 'x-envoy-a',
    'x-goog-authenticated-a', 'x-goog-iap-a', 'x-jwt-a', 'x-ms-client-a', 'x-ms-token-a', 'x-oidc-a', 'x-originating-a', 'x-pomerium-a', 'x-remote-a',
    'x-scope-orgid', 'x-shib-a', 'x-ssl-a', 'x-tyk-a', 'x-vouch-a', 'x-webauth-a'
  ]
  const [request, response] = [createRequestHeaderList(['*'], []), createResponseHeaderList(['*'])]
  const [namedRequest, namedResponse] = [createRequestHeaderList(names, []), createResponseHeaderList(names)]
  for (const name of names) t.same([request(name), response(name), namedRequest(name), namedResponse(name)], [false, false, true, true], name)
  t.end()
})

test('a pattern never matches a request header that ends with a word for who the caller is (MCPS-14)', t => {
  const [request, response] = [createRequestHeaderList(['*'], []), createResponseHeaderList(['*'])]
  for (const word of [
    'user', 'user-id', 'userid', 'user-info', 'userinfo', 'user-name', 'username', 'e-mail', 'email', 'upn', 'uid', 'group', 'groups', 'role', 'roles',
    'permissions', 'claims', 'subject', 'principal', 'principal-id', 'principal-name', 'impersonate', 'impersonate-as', 'impersonated-by'
  ]) {
    t.same([request(word), request(`x-acme-${word}`), request(`acme${word}`), response(`x-acme-${word}`)], [false, false, true, true], word)
    if (!word.startsWith('impersonate')) t.ok(request(`${word}-agent`), `${word}-agent`)
  }
  t.end()
})

test('RFC 3875 4.1.18: underscore and dash count as the same character in names of headers that are never passed on [R41]', t => {
  const never = ['x-forwarded_for', 'x_forwarded-host', 'x-real_ip', 'x-original_url', 'x_secret-of_ours', 'client_cert', 'x.forwarded.for']
  const list = createRequestHeaderList(['*', ...never], ['x_secret_of-ours'])
  for (const name of never) t.notOk(list(name), name)
  t.ok(createRequestHeaderList(['acme_id'], [])('acme_id'), 'a name of its own that is asked for')
  t.end()
})

test('the default lists have exactly these headers', t => {
  t.same(defaultRequestHeaders, [
    'accept', 'accept-charset', 'accept-encoding', 'accept-language', 'cache-control', 'content-digest', 'content-disposition', 'content-encoding',
    'content-language', 'content-range', 'content-type', 'idempotency-key', 'if-match', 'if-modified-since', 'if-none-match', 'if-range',
    'if-unmodified-since', 'last-event-id', 'mcp-*', 'pragma', 'prefer', 'priority', 'range', 'repr-digest', 'traceparent', 'tracestate',
    'user-agent', 'x-*'
  ])
  t.same(defaultResponseHeaders, [
    'accept-patch', 'accept-post', 'accept-ranges', 'age', 'allow', 'cache-control', 'content-digest', 'content-disposition', 'content-encoding',
    'content-language', 'content-range', 'content-type', 'deprecation', 'etag', 'expires', 'last-modified', 'link', 'location', 'mcp-*',
    'preference-applied', 'ratelimit-*', 'ratelimit', 'repr-digest', 'retry-after', 'server-timing', 'sunset', 'vary', 'x-*'
  ])
  t.end()
})

test('the default lists pass the headers of MCP, of traces and of applications', t => {
  const request = createRequestHeaderList(defaultRequestHeaders, [])
  for (const name of ['accept', 'content-type', 'last-event-id', 'mcp-session-id', 'mcp-protocol-version', 'x-custom', 'traceparent', 'idempotency-key', 'if-none-match']) {
    t.ok(request(name), name)
  }
  for (const name of ['cookie', 'origin', 'referer', 'x-api-key', 'access-control-request-method', 'sec-fetch-mode']) t.notOk(request(name), name)
  const response = createResponseHeaderList(defaultResponseHeaders)
  for (const name of ['content-type', 'cache-control', 'mcp-session-id', 'x-custom', 'retry-after', 'etag', 'location']) t.ok(response(name), name)
  for (const name of ['set-cookie', 'access-control-allow-origin', 'strict-transport-security', 'server', 'clear-site-data', 'date']) t.notOk(response(name), name)
  t.ok(Object.isFrozen(defaultRequestHeaders) && Object.isFrozen(defaultResponseHeaders))
  t.end()
})

test('RFC 9110 7.6.1: header lines keep their order and number, and headers that Connection lists are removed [R52]', t => {
  t.same(filterHeaders(['X-A', '1', 'Connection', 'close, X-B', 'x-b', '2', 'x-a', '3', 'CONNECTION', 'x-c', 'X-C', '4'], name => name.startsWith('x-')),
    ['x-a', '1', 'x-a', '3'])
  t.same(filterHeaders(['Connection', 'x-a ,\tX-B,,x-c', 'X-A', '1', 'X-B', '2', 'X-C', '3', 'X-D', 'x-a'], () => true), ['x-d', 'x-a'], 'with any blanks and empty elements in the list')
  t.same(filterHeaders(['Connection', 'close', 'X-A', 'close'], () => true), ['x-a', 'close'], 'a value is no name')
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('X-A', 'x-b', 'y'), fc.string())), lines => {
    const kept = filterHeaders(lines.flat(), name => name !== 'y')
    t.same(kept, lines.filter(([name]) => name !== 'y').flatMap(([name, value]) => [name.toLowerCase(), value]))
  }), { numRuns: 50 })
  t.end()
})

test('header names beyond the bounded cache are decided like cached ones', t => {
  const list = createRequestHeaderList(['x-*'], [])
  for (let i = 0; i < 1000; i++) t.same([list(`x-${i}`), list(`y-${i}`)], [true, false])
  t.same([list('x-0'), list('y-0'), list('x-999'), list('x-1000')], [true, false, true, true])
  t.end()
})

test('a header is found by its name in any case', t => {
  t.ok(isHopByHopHeader('host') && isHopByHopHeader('proxy-x') && isHopByHopHeader('te'))
  t.notOk(isHopByHopHeader('x-te'))
  t.equal(valueOf(['A', '1', 'a', '2'], 'a'), '1')
  t.equal(valueOf(['x', 'a', 'a', '2'], 'a'), '2', 'a value is no name')
  t.equal(valueOf(['x', 'a'], 'a'), null)
  t.end()
})

test('RFC 9112 7: any transfer coding but chunked is unknown, in any line and any position', t => {
  for (const value of ['chunked', 'Chunked', ' \tchunked\t ']) t.notOk(hasUnknownCoding(['Transfer-Encoding', value]), value)
  for (const value of ['gzip', 'gzip, chunked', 'chunked, gzip', 'xchunked', 'chunked x', '']) {
    t.ok(hasUnknownCoding(['Transfer-Encoding', value]), value)
    t.ok(hasUnknownCoding(['a', 'b', 'transfer-encoding', 'chunked', 'TRANSFER-ENCODING', value, 'c', 'd']), `${value} in a second line`)
    t.notOk(hasUnknownCoding(['content-encoding', value]), `${value} of the content`)
  }
  t.notOk(hasUnknownCoding(['a', 'transfer-encoding', 'gzip', 'b']), 'a value is no name')
  t.notOk(hasUnknownCoding([]))
  t.end()
})
