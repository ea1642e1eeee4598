import type { Dispatcher } from 'undici'
import type { ClassifierSettings } from '../client/fetch/classify.ts'
import type { ProofOfPossession } from '../client/oauth/dpop.ts'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import { OptionError } from '../errors/errors.ts'
import type { AttemptSession } from '../client/fetch/attempt.ts'
import { defaultRequestHeaders, defaultResponseHeaders, isOfTheConnection } from './header-list.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'

type MaybePromise<T> = T | Promise<T>

/** What is sent to an upstream in the place of the caller's own credentials. */
export type ForwardCredential =
  /** The access token of a session of ours, renewed at most once a request. `proof` where the tokens are bound to a key (RFC 9449). */
  | { readonly session: AttemptSession, readonly proof?: ProofOfPossession }
  /**
   * Header fields that stay as they are. `third-party`: they belong to somebody else, who understands the upstream's 401;
   * it is passed on as it is, its challenge with it. Default: `ours`.
   */
  | { readonly headers: Readonly<Record<string, string>>, readonly owner?: 'ours' | 'third-party' }

/** One upstream, reached with one credential. */
export interface ForwardRoute<Request> {
  /** Where it lies: an http or https URL without query. Nothing outside of its path can be reached. */
  upstream: string
  credential: ForwardCredential
  /**
   * Whether this caller may use it; only `true` is a yes. It is asked after the caller has shown what `callers` asks for.
   * Default: who has shown that may.
   */
  mayUse?: (request: Request) => MaybePromise<boolean>
}

/** A route of its own that was there from the start. */
export interface FixedForwardRoute<Request, Config> extends ForwardRoute<Request> {
  /** The `config` of the route: `{ oauth: { scopes } }` for instance. */
  config?: Config
  /** What callers have to show, where `callers` is `secret`: at least 32 characters that are not to be guessed. */
  secret?: string
}

/** A target that the running server gets. */
export interface ForwardTargetOptions<Request> extends ForwardRoute<Request> {
  /** What the target is called on this server. There is one target of a name: another upstream or identity takes its place. */
  name: string
  /** Whose credential it is, in whatever words: another one is another target, with another secret. */
  identity: string
}

/**
 * The proxy.
 *
 * @template Request what the web framework calls a request
 * @template Config what it calls the `config` of a route
 */
export interface ForwardOptions<Request, Config> {
  /** Under which path the targets of the running server stand. Default: `/forward`. */
  path?: string
  /** Path → the upstream that it leads to, from the start. Default: none. */
  routes?: Readonly<Record<string, FixedForwardRoute<Request, Config>>>
  /** The `config` of the route that leads to the targets of the running server. Default: none. */
  config?: Config
  /**
   * What callers have to show: `access-token`, a token of the protected resource that this scope is; `secret`, the secret of
   * the target, for servers that only their own machine reaches. Default: `access-token` in a scope that asks for tokens.
   */
  callers?: 'access-token' | 'secret'
  /** The header that brings the secret; `Authorization: Bearer` brings it, too. Default: `x-forward-secret`. */
  secretHeader?: string
  /** Headers of the caller that are passed on: names, and beginnings of names with a `*` behind. Default: `defaultRequestHeaders`. */
  requestHeaders?: readonly string[]
  /** Headers of the upstream that are passed on. Default: `defaultResponseHeaders`. */
  responseHeaders?: readonly string[]
  /** Up to how many bytes a body is kept so that it can be sent again with a new token. Default: 1 MiB. */
  replayBytes?: number
  /** For how many milliseconds such a body is waited for; what takes longer is sent on as it comes, once. Default: 10000. */
  replayTimeoutMs?: number
  /** Up to how many bytes of an answer are read to judge it. Default: 64 KiB. */
  inspectBytes?: number
  /** How many milliseconds an answer may take to be read for that. Default: 2000. */
  inspectTimeoutMs?: number
  /** How many milliseconds a connection to an upstream may take. Default: 10000. */
  connectTimeoutMs?: number
  /**
   * How many milliseconds an upstream may take from the end of the request to the head of its answer; `null` for as long
   * as the caller waits. There is no limit for the body. Default: null.
   */
  responseTimeoutMs?: number | null
  /**
   * How many milliseconds requests that are under way have to come to their end when the server closes. Event streams that
   * answer a GET are ended at once. Default: 10000.
   */
  closeTimeoutMs?: number
  /** What a dead token looks like at upstreams that say it in their own words. Default: as the standards say it. */
  classifier?: ClassifierSettings
  /** What callers reach the server by, for the URLs of targets: `https://host`. Default: what it listens on. */
  baseUrl?: string
  /** Lets credentials go over plain HTTP to other machines. Default: false. */
  allowInsecureUpstreams?: boolean
  /** Where the time is taken from. Default: the clock of the machine. */
  clock?: Clock
  /** A dispatcher of undici of the host's own, for a proxy on the way or for certificates. It is not closed. Default: a pool for each upstream. */
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
/** What setTimeout can hold. */
const milliseconds = Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 })
const bytes = Type.Integer({ minimum: 0, maximum: 2 ** 30 })
/** A token of RFC 9110 without the asterisk, which stands for something else here. */
const namePattern = /^[!#$%&'+.^_`|~0-9A-Za-z-]+$/
const headerName = Type.String({ pattern: namePattern })
const headerPattern = Type.String({ pattern: /^(?:[!#$%&'+.^_`|~0-9A-Za-z-]+\*?|\*)$/ })
const codes = Type.Array(Type.Union([text, Type.Number()]))
const credential = Type.Union([
  Type.Object({
    session: Type.Object({ token: anyFunction, refresh: anyFunction, refuse: anyFunction }),
    proof: Type.Optional(Type.Object({ proofFor: anyFunction, sawNonce: anyFunction }))
  }, closed),
  Type.Object({ headers: Type.Record(Type.String(), Type.Unknown()), owner: Type.Optional(Type.Enum(['ours', 'third-party'])) }, closed)
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

/** @throws OptionError that names the option, and its value where that is no secret */
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
    throw new OptionError(`forward.baseUrl must be an origin, https://host, and is ${show(baseUrl)}`)
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

/** Their values are secrets, so that no message shows them. */
function checkCredential (name: string, credential: ForwardCredential): void {
  if (!('headers' in credential)) return
  for (const [header, value] of Object.entries(credential.headers)) {
    const field = `${name}.credential.headers[${JSON.stringify(header)}]`
    if (!namePattern.test(header) || isOfTheConnection(header.toLowerCase())) throw new OptionError(`${field} is not a header that a credential can have`)
    if (typeof value !== 'string' || /[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new OptionError(`${field} has a value that a header cannot have`)
  }
}

function checkSecret (name: string, secret: unknown): void {
  if (secret === undefined || (typeof secret === 'string' && /^[\w.~+/-]{32,}=*$/.test(secret))) return
  throw new OptionError(`${name}.secret must be a string of at least 32 characters that a Bearer token can have (RFC 6750)`)
}
