/** Header lines in the order in which they came: name, value, name, value. */
export type HeaderLines = readonly string[]

/** Says of a header, by its name in lower case, whether it is passed on. */
export type HeaderList = (name: string) => boolean

/**
 * What callers' headers are passed on unless `requestHeaders` says otherwise: those that describe the content and what is
 * wanted, those of MCP, traces, and whatever an application made up.
 */
export const defaultRequestHeaders: readonly string[] = Object.freeze([
  'accept', 'accept-charset', 'accept-encoding', 'accept-language', 'cache-control', 'content-digest', 'content-disposition', 'content-encoding',
  'content-language', 'content-range', 'content-type', 'idempotency-key', 'if-match', 'if-modified-since', 'if-none-match', 'if-range',
  'if-unmodified-since', 'last-event-id', 'mcp-*', 'pragma', 'prefer', 'priority', 'range', 'repr-digest', 'traceparent', 'tracestate',
  'user-agent', 'x-*'
])

/** What of an upstream's headers is passed on unless `responseHeaders` says otherwise. */
export const defaultResponseHeaders: readonly string[] = Object.freeze([
  'accept-patch', 'accept-post', 'accept-ranges', 'age', 'allow', 'cache-control', 'content-digest', 'content-disposition', 'content-encoding',
  'content-language', 'content-range', 'content-type', 'deprecation', 'etag', 'expires', 'last-modified', 'link', 'location', 'mcp-*',
  'preference-applied', 'ratelimit-*', 'ratelimit', 'repr-digest', 'retry-after', 'server-timing', 'sunset', 'vary', 'x-*'
])

/**
 * What belongs to one connection (RFC 9110 section 7.6.1) or frames one message (RFC 9112 section 6): on either side there
 * is another connection, and another message.
 */
const ofTheConnection = [
  'connection', 'content-length', 'expect', 'http2-settings', 'keep-alive', 'proxy-*', 'te', 'trailer', 'transfer-encoding', 'upgrade'
]

/** What says who called and by which way, which would be taken for our own word; and what moves a request to another path. */
const ofTheCaller = [
  'authorization', 'cf-connecting-ip', 'client-cert', 'client-cert-chain', 'dpop', 'forwarded', 'host', 'true-client-ip', 'via', 'x-client-ip',
  'x-forwarded', 'x-forwarded-*', 'x-original-*', 'x-real-ip', 'x-rewrite-url'
]

/** What speaks to a server in front of us, or about a credential that the caller does not have. */
const ofTheUpstream = ['alt-svc', 'authentication-info', 'dpop-nonce', 'www-authenticate', 'x-accel-*', 'x-lighttpd-*', 'x-sendfile']

/** A pattern never means a header that holds a credential: to pass one on, its full name has to be listed. */
const credential = new RegExp([
  '^(?:set-)?cookie2?$',
  '(?:^|-)(?:auth|authorization|cookie)$',
  '(?:^|-)(?:access|api|auth|private|secret|shared)?key$',
  '(?:assertion|credentials?|jwt|password|passwd|secret|token)$'
].join('|'))

/**
 * Nor does a pattern mean a header by which gateways and authenticating proxies tell who called and from where: here any caller
 * may have written it. Hosts that need one name it.
 */
const identity = matcher([
  'cloudfront-viewer-*', 'fastly-client-*', 'fly-client-ip', 'remote-*', 'x-amzn-oidc-*', 'x-amzn-mtls-*', 'x-amzn-request-context', 'x-anonymous-*',
  'x-apigateway-*', 'x-apigee-*', 'x-appengine-*', 'x-arr-clientcert', 'x-auth-*', 'x-authelia-*', 'x-authenticated-*', 'x-authentik-*',
  'x-azure-clientip', 'x-azure-socketip', 'x-client-*', 'x-cluster-client-ip', 'x-consumer-*', 'x-credential-*', 'x-endpoint-api-userinfo',
  'x-envoy-*', 'x-goog-authenticated-*', 'x-goog-iap-*', 'x-jwt-*', 'x-ms-client-*', 'x-ms-token-*', 'x-oidc-*', 'x-originating-*', 'x-pomerium-*',
  'x-remote-*', 'x-scope-orgid', 'x-shib-*', 'x-ssl-*', 'x-tyk-*', 'x-vouch-*', 'x-webauth-*'
])

/** The same by the words that such headers end in or consist of, whatever the gateway is called. */
const identityWord = /(?:^|-)(?:user|user-?id|user-?info|user-?name|e-?mail|upn|uid|groups?|roles?|permissions|claims|subject|principal(?:-id|-name)?|impersonate.*)$/

const mostRemembered = 500

/** @param never names that are not passed on whatever the list says, beside those that never are */
export function createRequestHeaderList (list: readonly string[], never: readonly string[]): HeaderList {
  return createHeaderList(list, [...ofTheConnection, ...ofTheCaller, ...never], name => identity(name) || identityWord.test(name))
}

export function createResponseHeaderList (list: readonly string[]): HeaderList {
  return createHeaderList(list, [...ofTheConnection, ...ofTheUpstream], identity)
}

/** @param tellsIdentity names that a pattern does not mean */
function createHeaderList (allowed: readonly string[], never: readonly string[], tellsIdentity: HeaderList): HeaderList {
  const names = new Set(allowed.map(name => name.toLowerCase()))
  const isPattern = matcher(allowed)
  const isNever = matcher(never.map(dashed))
  const isMeant = (name: string): boolean => isPattern(name) && dashed(name) === name && !credential.test(name) && !tellsIdentity(name)
  const decide = (name: string): boolean => (names.has(name) || isMeant(name)) && !isNever(dashed(name))
  const decided = new Map<string, boolean>()
  return name => {
    const known = decided.get(name)
    if (known !== undefined) return known
    const decision = decide(name)
    // Anybody can make up names.
    if (decided.size < mostRemembered) decided.set(name, decision)
    return decision
  }
}

/**
 * What a name is to servers that read headers as variables (RFC 3875 section 4.1.18): to them a dash is no other than an
 * underscore, and to some no other than any character that a variable cannot have. An asterisk ends a pattern.
 */
function dashed (name: string): string {
  return name.replace(/[^a-z0-9*]/gi, '-')
}

export function isOfTheConnection (name: string): boolean {
  return name === 'host' || matcher(ofTheConnection)(name)
}

/** Names, and names that end in `*` for whatever begins like them. */
function matcher (list: readonly string[]): HeaderList {
  const entries = list.map(entry => entry.toLowerCase())
  const names = new Set(entries.filter(entry => !entry.endsWith('*')))
  const beginnings = entries.filter(entry => entry.endsWith('*')).map(entry => entry.slice(0, -1))
  return name => names.has(name) || beginnings.some(beginning => name.startsWith(beginning))
}

/** The lines that are passed on: every one of several with the same name, and none that `Connection` says is for one hop. */
export function passedOn (lines: HeaderLines, list: HeaderList): string[] {
  const passed: string[] = []
  const forOneHop: string[] = []
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    if (name === 'connection') forOneHop.push(...lines[i + 1]!.toLowerCase().split(/[\s,]+/))
    else if (list(name)) passed.push(name, lines[i + 1]!)
  }
  // Most name `close` or `keep-alive`, and no field.
  if (!passed.some((name, i) => i % 2 === 0 && forOneHop.includes(name))) return passed
  return passed.filter((_, i) => !forOneHop.includes(passed[i - i % 2]!))
}

/** The value of the first line with this name, which is in lower case. */
export function valueOf (lines: HeaderLines, name: string): string | null {
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]!.length === name.length && lines[i]!.toLowerCase() === name) return lines[i + 1]!
  }
  return null
}

/** Whether the body is in a coding that nobody has taken off: `chunked` is all that Node.js and undici know (RFC 9112 section 7). */
export function hasUnknownCoding (lines: HeaderLines): boolean {
  return lines.some((value, i) => i % 2 === 1 && lines[i - 1]!.toLowerCase() === 'transfer-encoding' && !/^[\t ]*chunked[\t ]*$/i.test(value))
}
