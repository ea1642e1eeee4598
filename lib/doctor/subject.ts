import { isLoopbackHost } from '../identifier.ts'
import { isScheme } from '../challenge/format.ts'
import type { ParsedChallenge } from '../challenge/parse.ts'
import { parseChallenges } from '../challenge/parse.ts'
import { parseJwt } from '../token/jwt.ts'
import type { DoctorRequest, Exchange, HeaderList, Transport } from './exchange.ts'
import { headerOf } from './exchange.ts'

/** What is checked, and with what. */
export interface SubjectOptions {
  /** The URL of a protected route. */
  readonly url: string
  /** The resource identifier that the document must have; `null`: one that covers the URL. */
  readonly resource: string | null
  /** An access token of the user; `null`: the checks that need one are left out. */
  readonly token: string | null
  /** The method of the protected route; `null`: GET, or POST where GET is not served. */
  readonly method: 'GET' | 'POST' | null
  /** Whether the URL is an MCP endpoint; `null`: when it looks like one. */
  readonly mcp: boolean | null
  /** The origin of the web page that a browser client would run on. */
  readonly origin: string
  /** Whether requests to the server are made in its own process: without TLS. */
  readonly isInProcess: boolean
  readonly transport: Transport
}

/** The check cannot be completed, and why. */
export class Unchecked extends Error {}

export const notRefused = 'the request without a token was not answered with 401'

/** What is different from the request without a token. */
export interface RequestParts {
  readonly url?: string
  readonly method?: string
  readonly headers?: HeaderList
  readonly body?: string
}

/** The first request of an MCP client (Model Context Protocol, lifecycle). It changes nothing. */
export function initializeBody (protocolVersion = '2025-11-25'): string {
  const clientInfo = { name: 'fastify-oauth-resource-server-doctor', version: '1' }
  return JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion, capabilities: {}, clientInfo } })
}

/** Statuses of a URL that does not serve GET. */
const notServed = [400, 404, 405, 406, 415, 501]

/** One server, seen from outside. What several checks look at is requested once. */
export class Subject {
  readonly options: SubjectOptions
  readonly #known = new Map<string, Promise<unknown>>()

  constructor (options: SubjectOptions) {
    this.options = options
  }

  /** The result of a function, which is called once for each key. */
  once<T> (key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key) as Promise<T> | undefined
    if (known !== undefined) return known
    const made = make()
    this.#known.set(key, made)
    return made
  }

  /** The identifier that clients would use for the URL, as far as it is known before the document is. */
  get publicUrl (): string {
    return this.options.resource ?? this.options.url
  }

  /** Whether the token of the user travels encrypted, or not at all. */
  get protectsToken (): boolean {
    const { url, isInProcess } = this.options
    const { protocol, hostname } = new URL(url)
    return protocol === 'https:' || isInProcess || isLoopbackHost(hostname)
  }

  /** The claims of the user's token, which are not verified; `null` when the user gave no token, or one that is not a JWT. */
  get tokenClaims (): Readonly<Record<string, unknown>> | null {
    const { token } = this.options
    try {
      return token === null ? null : parseJwt(token).claims
    } catch {
      return null
    }
  }

  /** The request without credentials, by the method that the route serves. */
  async unauthenticated (): Promise<Exchange> {
    const { method } = this.options
    return await this.once('unauthenticated', async () => {
      const first = await this.#exchange({ method: method ?? 'GET' })
      if (method !== null || !notServed.includes(first.response.status)) return first
      const posted = await this.#exchange({ method: 'POST' })
      return posted.response.status === 401 ? posted : first
    })
  }

  /** @throws Unchecked unless the request without credentials was answered with 401 */
  async refusal (): Promise<Exchange> {
    const exchange = await this.unauthenticated()
    if (exchange.response.status !== 401) throw new Unchecked(notRefused)
    return exchange
  }

  /** A request that differs from the one without credentials in these parts. */
  async send (parts: RequestParts): Promise<Exchange> {
    const { request: { method } } = await this.unauthenticated()
    return await this.#exchange({ method, ...parts })
  }

  /** The same with credentials. */
  async sendWith (...authorization: readonly string[]): Promise<Exchange> {
    return await this.send({ headers: authorization.map(value => ['Authorization', value] as const) })
  }

  /** GETs a document, of this server or of another one. */
  async get (url: string, headers: HeaderList = []): Promise<Exchange> {
    return await this.#exchange({ url, method: 'GET', headers: [['Accept', 'application/json'], ...headers] })
  }

  /** @throws Unchecked when there is no header, or it violates the grammar */
  async challenges (): Promise<readonly ParsedChallenge[]> {
    return challengesOf(await this.refusal())
  }

  /** The challenge that names the document, Bearer before DPoP. */
  async tokenChallenge (): Promise<ParsedChallenge> {
    const challenges = await this.challenges()
    const found = ['Bearer', 'DPoP'].map(scheme => challenges.find(challenge => isScheme(challenge, scheme))).find(one => one !== undefined)
    if (found === undefined) throw new Unchecked('there is no Bearer or DPoP challenge')
    return found
  }

  /** The `resource_metadata` of the challenge; `null` without one. */
  async pointer (): Promise<string | null> {
    const challenge = await this.tokenChallenge().catch((error: Error) => {
      if (error instanceof Unchecked) return null
      throw error
    })
    return challenge?.parameters.get('resource_metadata') ?? null
  }

  /**
   * Whether the URL is an MCP endpoint: the user says so, its path says so, the route answers POST and not GET, or its answer is
   * one of JSON-RPC.
   */
  async isMcpEndpoint (): Promise<boolean> {
    const { mcp, url, method } = this.options
    if (mcp !== null) return mcp
    if (/\/(?:mcp|sse)\/?$/i.test(new URL(url).pathname)) return true
    const { request, response } = await this.unauthenticated()
    return (method === null && request.method === 'POST') || /^\s*\{[^]*"jsonrpc"/.test(response.text) || headerOf(response, 'mcp-session-id') !== null
  }

  async #exchange ({ url = this.options.url, method = 'GET', headers = [], body }: RequestParts): Promise<Exchange> {
    const content = body ?? (method === 'POST' ? initializeBody() : undefined)
    const request: DoctorRequest = {
      method,
      url,
      headers: [
        ...headers.some(([name]) => name === 'Accept') ? [] : [['Accept', 'application/json, text/event-stream'] as const],
        ...content === undefined ? [] : [['Content-Type', 'application/json'] as const],
        ['User-Agent', 'fastify-oauth-resource-server-doctor'],
        ...headers
      ],
      ...content !== undefined && { body: content }
    }
    const response = await this.options.transport(request)
    const exchange = withoutTokens({ request, response }, this.options.token)
    if (response.status === 429) throw new Unchecked(`${new URL(url).host} limits requests (429): try again later`)
    return exchange
  }
}

/** @throws Unchecked when there is no header, or it violates the grammar */
export function challengesOf ({ response }: Exchange): readonly ParsedChallenge[] {
  const value = headerOf(response, 'www-authenticate')
  if (value === null) throw new Unchecked('the 401 has no WWW-Authenticate header')
  try {
    return parseChallenges(value)
  } catch {
    throw new Unchecked('the WWW-Authenticate header violates the grammar')
  }
}

/** The `error` of the first challenge that has one; `null` without one, and where the header cannot be read. */
export function errorOf (exchange: Exchange): string | null {
  return parameterOf(exchange, 'error')
}

/** The `scope` that a refusal asks for; `null` where it does not say. */
export function requiredScopes (exchange: Exchange): string | null {
  return parameterOf(exchange, 'scope')
}

function parameterOf (exchange: Exchange, name: string): string | null {
  try {
    return challengesOf(exchange).map(({ parameters }) => parameters.get(name)).find(value => value !== undefined) ?? null
  } catch {
    return null
  }
}

/** For so long servers, those of this package among them, do not request the keys of an issuer again. */
const keyCooldownSeconds = 30

/**
 * The status of the answer to a token.
 *
 * @throws Unchecked when the server could not decide about the token: 503 (RFC 9110 section 15.6.4)
 */
export function decidedStatus (exchange: Exchange): number {
  const { status } = exchange.response
  if (status !== 503) return status
  const [given = '0'] = /^\d{1,5}$/.exec(headerOf(exchange.response, 'retry-after') ?? '') ?? []
  const wait = Math.max(keyCooldownSeconds, Number(given))
  throw new Unchecked(`the server could not decide it now (503); often it requested the keys of the issuer a moment ago, or cannot load them. Repeat in ${wait} s`)
}

/** Shorter credentials are made up by the checks. */
const shortest = 40

/** An exchange that can be shown: it contains no token, also where the server repeats one. */
function withoutTokens ({ request, response }: Exchange, token: string | null): Exchange {
  const sent = request.headers.filter(([name]) => name === 'Authorization').map(([, value]) => value.replace(/^\S* /, ''))
  const secrets = [...token === null ? [] : [token], ...sent.filter(value => value.length > shortest)]
  const clean = (text: string): string => secrets.reduce((cleaned, secret) => cleaned.replaceAll(secret, `<${secret.length} characters>`), text)
  const cleaned = (headers: HeaderList): HeaderList => headers.map(([name, value]) => [name, clean(value)] as const)
  return {
    request: { ...request, headers: cleaned(request.headers) },
    response: { ...response, headers: cleaned(response.headers), text: clean(response.text) }
  }
}
