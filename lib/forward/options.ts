import type { Dispatcher } from 'undici'
import type { ClassifierSettings } from '../client/fetch/classify.ts'
import type { ProofOfPossession } from '../client/oauth/dpop.ts'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { OptionError } from '../errors/errors.ts'
import type { AttemptSession } from '../client/fetch/attempt.ts'
import { defaultRequestHeaders, defaultResponseHeaders, isHopByHopHeader } from './header-list.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'

type MaybePromise<T> = T | Promise<T>

/** The credential that is sent to an upstream, in place of the caller's. */
export type ForwardCredential =
  /** The access token of a client session, refreshed at most once per request. `proof`: for tokens bound to a key (RFC 9449). */
  | { readonly session: AttemptSession, readonly proof?: ProofOfPossession }
  /**
   * Fixed header fields. `owner` decides what the caller gets when the upstream answers 401. `proxy` (default): the credential
   * belongs to this server, so the response is 502. `caller`: the credential belongs to the caller, so the 401 is passed
   * on with its challenge.
   */
  | { readonly headers: Readonly<Record<string, string>>, readonly owner?: 'proxy' | 'caller' }

/** One upstream, reached with one credential. */
export interface ForwardRoute<Request> {
  /** Its URL: http or https, without query. Requests cannot leave its path. */
  upstream: string
  /** What it is sent in place of the credential of the caller: `{ session }`, or `{ headers }`. */
  credential: ForwardCredential
  /**
   * Whether this caller may use the target; anything but `true` is 404. It is called after the access token or secret was
   * checked. Default: every caller whose token or secret is valid.
   */
  mayUse?: (request: Request) => MaybePromise<boolean>
}

/** A target with a route of its own, configured when the plugin is registered. */
export interface FixedForwardRoute<Request, Config> extends ForwardRoute<Request> {
  /** The `config` of the route: `{ oauth: { scopes } }` for instance. */
  config?: Config
  /** Required with `callers: 'secret'`: the secret that callers send, at least 32 random characters. */
  secret?: string
}

/** A target that is registered while the server runs. */
export interface ForwardTargetOptions<Request> extends ForwardRoute<Request> {
  /** A unique name. Registering the name again with another upstream or identity replaces the target. */
  name: string
  /** The owner of the credential, as any string. Another identity makes another target, with another id and secret. */
  identity: string
}

/**
 * The options of the proxy.
 *
 * @template Request the request type of the web framework
 * @template Config its type for the `config` of a route
 */
export interface ForwardOptions<Request, Config> {
  /** The path below which targets that are registered while the server runs are served. Default: `/forward`. */
  path?: string
  /** Fixed targets: path → target. Default: none. */
  routes?: Readonly<Record<string, FixedForwardRoute<Request, Config>>>
  /** The `config` of the route for targets that are registered while the server runs. Default: none. */
  config?: Config
  /**
   * How callers authenticate. `access-token`: with an access token of the protected resource. `secret`: with the secret of the
   * target, for servers that only their own machine can connect to. Default: `access-token` where the authenticate plugin is
   * registered, else `secret`.
   */
  callers?: 'access-token' | 'secret'
  /** The request header with the secret; `Authorization: Bearer` is accepted too. Default: `x-forward-secret`. */
  secretHeader?: string
  /** Request headers that are passed on: full names, or prefixes followed by `*`. Default: `defaultRequestHeaders`. */
  requestHeaders?: readonly string[]
  /** Response headers that are passed on, in the same form. Default: `defaultResponseHeaders`. */
  responseHeaders?: readonly string[]
  /** The largest request body, in bytes, that is kept so that it can be sent again with a new token. Default: 1 MiB. */
  replayBytes?: number
  /** How long such a body may take to arrive, in milliseconds. A slower one is streamed and cannot be sent again. Default: 10000. */
  replayTimeoutMs?: number
  /** The largest response body, in bytes, that is read to find an error about the token. Default: 64 KiB. */
  inspectBytes?: number
  /** How long reading it may take, in milliseconds. Default: 2000. */
  inspectTimeoutMs?: number
  /** Time limit for connecting to an upstream, in milliseconds. Default: 10000. */
  connectTimeoutMs?: number
  /**
   * Time limit from the end of the request to the headers of the response, in milliseconds. `null`: as long as the caller
   * waits. The body has no time limit. Default: null.
   */
  responseTimeoutMs?: number | null
  /**
   * When the server closes: how long pending requests may take to complete, in milliseconds. Event streams that answer a GET
   * are ended at once. Default: 10000.
   */
  closeTimeoutMs?: number
  /** How upstreams report an invalid token if they do not follow RFC 6750. Default: only the standard signals count. */
  classifier?: ClassifierSettings
  /** The public origin of the server, for the URLs of targets: `https://host`. Default: the address it listens on. */
  baseUrl?: string
  /** Allows upstreams with plain http on other machines: credentials are then sent unencrypted. Default: false. */
  allowInsecureUpstreams?: boolean
  /** Default: the system clock. */
  clock?: Clock
  /** An undici dispatcher, for an outbound proxy or client certificates. It is not closed. Default: a connection pool for each upstream. */
  dispatcher?: Dispatcher
}

/** The same with every default in its place. */
export type CheckedForwardOptions<Request, Config> = Required<Omit<ForwardOptions<Request, Config>, 'callers' | 'config' | 'classifier' | 'baseUrl' | 'dispatcher'>> & {
  readonly callers: 'access-token' | 'secret' | null
  readonly config: Config | undefined
  readonly classifier: ClassifierSettings | undefined
  readonly baseUrl: string | null
  readonly dispatcher: Dispatcher | null
}

const closed = { additionalProperties: false }
const anyFunction = Type.Function([], Type.Unknown())
const text = Type.String({ minLength: 1 })
/** Up to the maximum of `setTimeout`. */
const milliseconds = Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })
const bytes = Type.Integer({ minimum: 0, maximum: 2 ** 30 })
/** A header name (RFC 9110 section 5.1) without the asterisk, which marks a prefix here. */
const namePattern = /^[!#$%&'+.^_`|~0-9A-Za-z-]+$/
const headerName = Type.String({ pattern: namePattern })
const headerPattern = Type.String({ pattern: /^(?:[!#$%&'+.^_`|~0-9A-Za-z-]+\*?|\*)$/ })
const codes = Type.Array(Type.Union([text, Type.Number()]))
const credential = Type.Union([
  Type.Object({
    session: Type.Object({ token: anyFunction, refresh: anyFunction, refuse: anyFunction }),
    proof: Type.Optional(Type.Object({ proofFor: anyFunction, sawNonce: anyFunction }))
  }, closed),
  Type.Object({ headers: Type.Record(Type.String(), Type.Unknown()), owner: Type.Optional(Type.Enum(['proxy', 'caller'])) }, closed)
])
const route = { upstream: text, credential, mayUse: Type.Optional(anyFunction) }
const fixedRoute = Type.Object({ ...route, secret: Type.Optional(Type.Unknown()), config: Type.Optional(Type.Object({})) }, closed)
const targetSchema = Type.Object({ ...route, name: text, identity: text }, closed)
const pathPattern = /^(?:\/[A-Za-z0-9._~!$&'()+,;=@-]+)+$/
const schema = Type.Object({
  path: Type.Optional(Type.String({ pattern: pathPattern })),
  routes: Type.Optional(Type.Record(Type.String(), fixedRoute)),
  config: Type.Optional(Type.Object({})),
  callers: Type.Optional(Type.Enum(['access-token', 'secret'])),
  secretHeader: Type.Optional(headerName),
  requestHeaders: Type.Optional(Type.Array(headerPattern)),
  responseHeaders: Type.Optional(Type.Array(headerPattern)),
  replayBytes: Type.Optional(bytes),
  replayTimeoutMs: Type.Optional(milliseconds),
  inspectBytes: Type.Optional(bytes),
  inspectTimeoutMs: Type.Optional(milliseconds),
  connectTimeoutMs: Type.Optional(milliseconds),
  responseTimeoutMs: Type.Optional(Type.Union([milliseconds, Type.Null()])),
  closeTimeoutMs: Type.Optional(milliseconds),
  classifier: Type.Optional(Type.Object({
    invalidTokenCodes: Type.Optional(codes), refusalCodes: Type.Optional(codes), sentences: Type.Optional(Type.Array(text))
  }, closed)),
  baseUrl: Type.Optional(text),
  allowInsecureUpstreams: Type.Optional(Type.Boolean()),
  clock: Type.Optional(Type.Object({ now: anyFunction })),
  dispatcher: Type.Optional(Type.Object({ request: anyFunction }))
}, closed)

/** @throws OptionError with the name of the option, and its value unless that is a secret */
export function checkForwardOptions<Request, Config> (given: unknown): CheckedForwardOptions<Request, Config> {
  const options = checkOptions<ForwardOptions<Request, Config>>('forward', schema, given)
  for (const [at, fixed] of Object.entries(options.routes ?? {})) {
    const name = `forward.routes[${JSON.stringify(at)}]`
    if (!pathPattern.test(at)) throw new OptionError(`${name} is not a path: it begins with a slash, does not end with one and has no parameters`)
    checkCredential(name, fixed.credential)
    checkSecret(name, fixed.secret)
  }
  const {
    path = '/forward', routes = {}, config, callers = null, secretHeader = 'x-forward-secret', requestHeaders = defaultRequestHeaders,
    responseHeaders = defaultResponseHeaders, replayBytes = 1024 * 1024, replayTimeoutMs = 10_000, inspectBytes = 64 * 1024, inspectTimeoutMs = 2000,
    connectTimeoutMs = 10_000, responseTimeoutMs = null, closeTimeoutMs = 10_000, classifier, baseUrl = null, allowInsecureUpstreams = false,
    clock = systemClock, dispatcher = null
  } = options
  if (baseUrl !== null && (!URL.canParse(baseUrl) || new URL(baseUrl).origin !== baseUrl)) {
    throw new OptionError(`forward.baseUrl must be an origin such as https://host, got ${show(baseUrl)}`)
  }
  return {
    path, routes, config, callers, secretHeader: secretHeader.toLowerCase(), requestHeaders, responseHeaders, replayBytes, replayTimeoutMs, inspectBytes,
    inspectTimeoutMs, connectTimeoutMs, responseTimeoutMs, closeTimeoutMs, classifier, baseUrl, allowInsecureUpstreams, clock, dispatcher
  }
}

/** @throws OptionError */
export function checkForwardTarget<Request> (given: unknown): ForwardTargetOptions<Request> {
  const target = checkOptions<ForwardTargetOptions<Request>>('forward target', targetSchema, given)
  checkCredential(`forward target ${JSON.stringify(target.name)}`, target.credential)
  return target
}

/** Error messages never contain header values: they are secrets. */
function checkCredential (name: string, credential: ForwardCredential): void {
  if (!('headers' in credential)) return
  for (const [header, value] of Object.entries(credential.headers)) {
    const field = `${name}.credential.headers[${JSON.stringify(header)}]`
    if (!namePattern.test(header) || isHopByHopHeader(header.toLowerCase())) throw new OptionError(`${field} is not a header that a credential can have`)
    if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new OptionError(`${field} has a value that a header cannot have`)
  }
}

function checkSecret (name: string, secret: unknown): void {
  if (secret === undefined || (typeof secret === 'string' && /^[\w.~+/-]{32,}=*$/.test(secret))) return
  throw new OptionError(`${name}.secret must be a string of at least 32 characters that a Bearer token can have (RFC 6750)`)
}
