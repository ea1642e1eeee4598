/** Header lines in the order in which they came: name, value, name, value. */
export type HeaderLines = readonly string[]

/** Whether a header is passed on, by its name in lower case. */
export type HeaderList = (name: string) => boolean

/**
 * The request headers that are passed on by default: content headers, content negotiation, conditional requests, MCP, trace
 * context and `x-*`.
 */
export const defaultRequestHeaders: readonly string[] = Object.freeze([
  'accept', 'accept-charset', 'accept-encoding', 'accept-language', 'cache-control', 'content-digest', 'content-disposition', 'content-encoding',
  'content-language', 'content-range', 'content-type', 'idempotency-key', 'if-match', 'if-modified-since', 'if-none-match', 'if-range',
  'if-unmodified-since', 'last-event-id', 'mcp-*', 'pragma', 'prefer', 'priority', 'range', 'repr-digest', 'traceparent', 'tracestate',
  'user-agent', 'x-*'
])

/** The response headers that are passed on by default. */
export const defaultResponseHeaders: readonly string[] = Object.freeze([
  'accept-patch', 'accept-post', 'accept-ranges', 'age', 'allow', 'cache-control', 'content-digest', 'content-disposition', 'content-encoding',
  'content-language', 'content-range', 'content-type', 'deprecation', 'etag', 'expires', 'last-modified', 'link', 'location', 'mcp-*',
  'preference-applied', 'ratelimit-*', 'ratelimit', 'repr-digest', 'retry-after', 'server-timing', 'sunset', 'vary', 'x-*'
])

/**
 * Headers for one connection (RFC 9110 section 7.6.1) and headers that frame one message (RFC 9112 section 6). The proxy makes
 * a new connection and a new message, so they are never passed on.
 */
const hopByHopHeaders = [
  'connection', 'content-length', 'expect', 'http2-settings', 'keep-alive', 'proxy-*', 'te', 'trailer', 'transfer-encoding', 'upgrade'
]

/**
 * Request headers that are never passed on: they name the caller and the route of the request, and the upstream would trust
 * them as written by this proxy; or they replace the path of the request.
 */
const callerHeaders = [
  'authorization', 'cf-connecting-ip', 'client-cert', 'client-cert-chain', 'dpop', 'forwarded', 'host', 'true-client-ip', 'via', 'x-client-ip',
  'x-forwarded', 'x-forwarded-*', 'x-original-*', 'x-real-ip', 'x-rewrite-url'
]

/** Response headers that are never passed on: orders to a server in front of the proxy, and headers about the target's credential. */
const upstreamHeaders = ['alt-svc', 'authentication-info', 'dpop-nonce', 'www-authenticate', 'x-accel-*', 'x-lighttpd-*', 'x-sendfile']

/** Headers with credentials. A pattern (`x-*`) never matches them: to pass one on, list its full name. */
const credential = new RegExp([
  '^(?:set-)?cookie2?$',
  '(?:^|-)(?:auth|authorization|cookie)$',
  '(?:^|-)(?:access|api|auth|private|secret|shared)?key$',
  '(?:assertion|credentials?|jwt|password|passwd|secret|token)$'
].join('|'))

/**
 * Headers with which gateways and authenticating proxies state who the caller is. Here any caller can set them, so a pattern
 * never matches them: to pass one on, list its full name.
 */
const identity = matcher([
  'cloudfront-viewer-*', 'fastly-client-*', 'fly-client-ip', 'remote-*', 'x-amzn-oidc-*', 'x-amzn-mtls-*', 'x-amzn-request-context', 'x-anonymous-*',
  'x-apigateway-*', 'x-apigee-*', 'x-appengine-*', 'x-arr-clientcert', 'x-auth-*', 'x-authelia-*', 'x-authenticated-*', 'x-authentik-*',
  'x-azure-clientip', 'x-azure-socketip', 'x-client-*', 'x-cluster-client-ip', 'x-consumer-*', 'x-credential-*', 'x-endpoint-api-userinfo',
  'x-envoy-*', 'x-goog-authenticated-*', 'x-goog-iap-*', 'x-jwt-*', 'x-ms-client-*', 'x-ms-token-*', 'x-oidc-*', 'x-originating-*', 'x-pomerium-*',
  'x-remote-*', 'x-scope-orgid', 'x-shib-*', 'x-ssl-*', 'x-tyk-*', 'x-vouch-*', 'x-webauth-*'
])

/** The words that such headers end with, for gateways that are not in the list. */
const identityWord = /(?:^|-)(?:user|user-?id|user-?info|user-?name|e-?mail|upn|uid|groups?|roles?|permissions|claims|subject|principal(?:-id|-name)?|impersonate.*)$/

const mostRemembered = 500

/** @param never further names that are never passed on, even if the list has them */
export function createRequestHeaderList (list: readonly string[], never: readonly string[]): HeaderList {
  return createHeaderList(list, [...hopByHopHeaders, ...callerHeaders, ...never], name => identity(name) || identityWord.test(name))
}

export function createResponseHeaderList (list: readonly string[]): HeaderList {
  return createHeaderList(list, [...hopByHopHeaders, ...upstreamHeaders], identity)
}

/** @param isIdentityHeader names that a pattern does not match */
function createHeaderList (allowed: readonly string[], never: readonly string[], isIdentityHeader: HeaderList): HeaderList {
  const names = new Set(allowed.map(name => name.toLowerCase()))
  const isPattern = matcher(allowed)
  const isNever = matcher(never.map(dashed))
  const matchesPattern = (name: string): boolean => isPattern(name) && dashed(name) === name && !credential.test(name) && !isIdentityHeader(name)
  const decide = (name: string): boolean => (names.has(name) || matchesPattern(name)) && !isNever(dashed(name))
  const decided = new Map<string, boolean>()
  return name => {
    const known = decided.get(name)
    if (known !== undefined) return known
    const decision = decide(name)
    // Bounded, as callers can send any number of different names.
    if (decided.size < mostRemembered) decided.set(name, decision)
    return decision
  }
}

/**
 * The name as servers compare it that turn headers into variables (RFC 3875 section 4.1.18): they treat a dash like an
 * underscore, and some like any other punctuation. The asterisk of a pattern is kept.
 */
function dashed (name: string): string {
  return name.replace(/[^a-z0-9*]/gi, '-')
}

export function isHopByHopHeader (name: string): boolean {
  return name === 'host' || matcher(hopByHopHeaders)(name)
}

/** Matches full names, and prefixes that are written with a `*` at the end. */
function matcher (list: readonly string[]): HeaderList {
  const entries = list.map(entry => entry.toLowerCase())
  const names = new Set(entries)
  const beginnings = entries.filter(entry => entry.endsWith('*')).map(entry => entry.slice(0, -1))
  return name => names.has(name) || beginnings.some(beginning => name.startsWith(beginning))
}

/** The header lines to pass on. Lines with the same name are all kept; headers that `Connection` lists are removed (RFC 9110 section 7.6.1). */
export function filterHeaders (lines: HeaderLines, list: HeaderList): string[] {
  const passed: string[] = []
  const forOneHop: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    if (name === 'connection') forOneHop.push(...lines[i + 1]!.toLowerCase().split(/[\s,]/))
    else if (list(name)) passed.push(name, lines[i + 1]!)
  }
  return passed.filter((_, i) => !forOneHop.includes(passed[i - i % 2]!))
}

/** The value of the first line with this name, which is in lower case. */
export function valueOf (lines: HeaderLines, name: string): string | null {
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]!.length === name.length && lines[i]!.toLowerCase() === name) return lines[i + 1]!
  }
  return null
}

/** Whether the body has a transfer coding that was not decoded: Node.js and undici decode only `chunked` (RFC 9112 section 7). */
export function hasUnknownCoding (lines: HeaderLines): boolean {
  return lines.some((value, i) => i % 2 === 1 && lines[i - 1]!.toLowerCase() === 'transfer-encoding' && !/^[\t ]*chunked[\t ]*$/i.test(value))
}
