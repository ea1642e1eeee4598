import type { OAuthConfig } from '../config/resolve.ts'
import { OptionError } from '../errors/errors.ts'
import { addressRules, checkAddress } from '../http/guarded-fetch.ts'
import { isLoopbackHost } from '../identifier.ts'
import { show } from '../options/show.ts'
import { allChecks } from './all-checks.ts'
import type { CheckServerOptions } from './check-server.ts'
import { defaultLimits, defaultOrigin, maxDocumentBytes } from './check-server.ts'
import type { Transport } from './exchange.ts'
import { createFetchTransport } from './exchange.ts'
import type { DoctorReport } from './report.ts'
import { runChecks } from './report.ts'
import { Subject } from './subject.ts'

/** Options of `app.oauthDoctor()`. */
export interface OAuthDoctorOptions extends Pick<CheckServerOptions, 'token' | 'mcp' | 'origin' | 'timeoutMs' | 'totalTimeoutMs' | 'onProgress'> {
  /** The path of a protected route. Default: the first one without parameters that asks for a token. */
  path?: string
  /** Its method. Default: that of the route. */
  method?: 'GET' | 'POST'
}

/** The server of a resource, seen from inside. */
export interface ResourceServer {
  readonly config: OAuthConfig
  /** The route that is checked where the options name none; `null`: no route asks for a token. */
  readonly route: { readonly path: string, readonly method: 'GET' | 'POST' } | null
  /** Makes a request to the server without a network. */
  readonly inject: Transport
}

/**
 * Checks a server in its own process, as {@link checkServer} does from outside: requests to the origin of the resource are made
 * without a network, and those to its authorization servers by the `fetch` of its options.
 *
 * @throws OptionError when there is no route to check
 */
export async function checkResource ({ config, route, inject }: ResourceServer, options: OAuthDoctorOptions): Promise<DoctorReport> {
  const { timeoutMs = defaultLimits.timeoutMs, totalTimeoutMs = defaultLimits.totalTimeoutMs, onProgress = () => {} } = options
  const path = options.path ?? route?.path
  if (path === undefined) throw new OptionError('no route without parameters asks for a token: name one with path, as in oauthDoctor({ path: "/projects/1" })')
  if (!path.startsWith('/')) throw new OptionError(`path must begin with a slash, got ${show(path)}`)
  const { identifier: { origin }, issuers, metadataUrl, documentServedElsewhere, fetch } = config
  // The operator named these hosts; a document of an issuer must not lead to others in the network of the server.
  const allowedHosts = [origin, metadataUrl, ...issuers.map(({ rule }) => rule.issuer)].filter(url => URL.canParse(url)).map(url => new URL(url).hostname)
  const rules = addressRules({ allowLoopback: allowedHosts.some(isLoopbackHost), allowedHosts })
  const network = createFetchTransport(fetch, { timeoutMs, maxBytes: maxDocumentBytes })
  const transport: Transport = async request => {
    const isOwn = new URL(request.url).origin === new URL(origin).origin && !(documentServedElsewhere && request.url === metadataUrl)
    if (isOwn) return await inject(request)
    checkAddress(request.url, rules)
    return await network(request)
  }
  const subject = new Subject({
    url: origin + path,
    resource: config.resource,
    token: options.token ?? null,
    method: options.method ?? (options.path === undefined ? route!.method : null),
    mcp: options.mcp ?? null,
    origin: options.origin ?? defaultOrigin,
    isInProcess: true,
    transport
  })
  return await runChecks(subject, { checks: allChecks, onProgress, totalTimeoutMs })
}
