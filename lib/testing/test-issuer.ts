import { randomUUID } from 'node:crypto'
import { systemClock } from '../clock.ts'
import type { IssuerOptions } from '../config/issuer.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import { parseIdentifier } from '../identifier.ts'
import { createImpersonationRecord } from '../impersonation/record.ts'
import { impersonationClaims } from '../impersonation/token-impersonation.ts'
import { OptionError } from '../errors/errors.ts'
import { authorizationServerMetadataUrls } from '../metadata/well-known.ts'
import type { BrokenToken } from './broken-tokens.ts'
import { brokenTokens } from './broken-tokens.ts'
import type { Product } from './product-tokens.ts'
import { products } from './product-tokens.ts'
import type { SigningKey } from './signing-key.ts'
import { createSigningKey } from './signing-key.ts'
import type { TestIssuerOptions, TestTokenOptions, TokenBinding } from './test-issuer-options.ts'
import { checkAnswer, checkIssuerOptions, checkName, checkOutage, checkRotation, checkTokenOptions } from './test-issuer-options.ts'

/** Options of the plugin that make it trust a test issuer. */
export interface TestServerOptions {
  readonly resource: string
  readonly authorizationServers: readonly IssuerOptions[]
  readonly fetch: Fetch
  readonly tokenHeader?: string
}

/** A URL of a test issuer. */
export type TestEndpoint = 'metadata' | 'jwks' | 'introspection'

/**
 * An authorization server inside the process, for tests: its documents, keys and introspection are reached by its `fetch`,
 * and nothing listens on any port. It works under `app.inject`.
 */
export interface TestIssuer {
  readonly issuer: string
  /** The options of the plugin that make it trust this issuer: `{ resource, authorizationServers, fetch }`. */
  readonly options: TestServerOptions
  /** The same, for opaque tokens that are introspected (RFC 7662). */
  readonly introspectionOptions: TestServerOptions
  readonly fetch: Fetch
  /** The URLs that were fetched, in order. */
  readonly requests: readonly string[]
  /** A good access token, by RFC 9068 or in the form of the `product`. */
  token (options?: TestTokenOptions): string
  /** The header of a request with a good access token: `{ authorization: 'Bearer …' }`. */
  headers (options?: TestTokenOptions): Record<string, string>
  /** A token with one thing wrong; everything else about it is right. */
  brokenToken (kind: BrokenToken, options?: TestTokenOptions): string
  /** A good opaque access token, which introspection knows. */
  opaqueToken (options?: TestTokenOptions): string
  /** Makes introspection answer `active: false` for an opaque token. */
  revoke (token: string): void
  /** Publishes a new key, and signs with it from now on; with `keepOld`, the old ones stay published. */
  rotateKeys (options?: { keepOld?: boolean }): void
  /** Lets every fetch fail, until it is called with `false`. */
  setOutage (isDown: boolean): void
  /** Answers an endpoint differently until it is called with `null`: with an error, a delay, a wrong document. */
  respond (endpoint: TestEndpoint, answer: ((init: RequestInit) => Response | Promise<Response>) | null): void
}

/**
 * Makes an authorization server for tests; see {@link TestIssuer}.
 *
 * @throws OptionError for an option or a name that does not exist, likewise in each of its methods
 */
export function createTestIssuer (given: TestIssuerOptions): TestIssuer {
  const options = checkIssuerOptions(given)
  // Destructured here, as the published declaration does not have the internal option.
  const { resource, clock = systemClock } = options
  const product: Product | null = options.product === undefined ? null : products[options.product]
  const { issuer = product?.issuer ?? 'https://issuer.test', algorithm = product?.algorithm ?? 'ES256' } = options
  const audience = product?.audience ?? resource
  let keys: SigningKey[] = [createSigningKey(algorithm, 'key-1')]
  let keysMade = 1
  let isDown = false
  const requests: string[] = []
  /** Their claims; `null` for those that are revoked. */
  const opaqueTokens = new Map<string, Readonly<Record<string, unknown>> | null>()
  const now = (): number => Math.floor(clock.now() / 1000)

  const claimsOf = (options: TestTokenOptions): Record<string, unknown> => {
    const { principalType = 'user', scopes = [], clientId = 'client-1', expiresInSeconds = 300, actor, impersonatedBy, boundTo, claims } = options
    const { subject = principalType === 'client' ? clientId : 'user-1' } = options
    const shape = principalType === 'client' ? product?.client : product?.user
    if (shape === null) throw new TypeError('this product issues no access tokens to clients that act for themselves')
    return {
      iss: issuer, sub: subject, aud: audience, client_id: clientId, jti: randomUUID(), iat: now(), exp: now() + expiresInSeconds,
      ...scopes.length > 0 && { scope: scopes.join(' ') },
      ...shape?.({ subject, clientId, scopes, audience }),
      ...actor !== undefined && { act: actorOf(typeof actor === 'string' ? [actor] : actor) },
      ...impersonatedBy !== undefined && impersonationClaims(createImpersonationRecord(
        { ...impersonatedBy, customer: subject }, { access: { level: 'all' }, client: clientId, grantedAt: clock.now() }
      )),
      ...boundTo !== undefined && { cnf: confirmationOf([boundTo].flat()) },
      ...claims
    }
  }
  const idTokenOf = ({ subject = 'user-1', scopes = [], clientId = 'client-1' }: TestTokenOptions): Record<string, unknown> | null => product === null
    ? null
    : { iss: issuer, sub: subject, iat: now(), exp: now() + 300, jti: randomUUID(), ...product.idToken({ subject, clientId, scopes, audience }) }
  const headerOf = ({ header }: TestTokenOptions): Record<string, unknown> => ({ typ: 'at+jwt', ...product?.header, kid: keys.at(-1)!.keyId, ...header })
  const token = (options: TestTokenOptions = {}): string => {
    checkTokenOptions('token', options)
    return keys.at(-1)!.sign(headerOf(options), claimsOf(options))
  }

  const urls: Readonly<Record<TestEndpoint, string>> = {
    metadata: authorizationServerMetadataUrls(parseIdentifier(issuer, true))[0]!, jwks: product?.options?.jwksUri ?? `${issuer.replace(/\/$/, '')}/jwks`, introspection: `${issuer.replace(/\/$/, '')}/introspect`
  }
  const documents: Readonly<Record<TestEndpoint, (init: RequestInit) => unknown>> = {
    metadata: () => ({ issuer, jwks_uri: urls.jwks, introspection_endpoint: urls.introspection, response_types_supported: ['code'] }),
    jwks: () => ({ keys: keys.map(({ publicJwk }) => publicJwk) }),
    introspection: init => introspect(String(init.body))
  }
  const answers = new Map<TestEndpoint, (init: RequestInit) => Response | Promise<Response>>()
  const introspect = (form: string): unknown => {
    const claims = opaqueTokens.get(new URLSearchParams(form).get('token') ?? '') ?? null
    return claims === null || (claims.exp as number) <= now() ? { active: false } : { active: true, ...claims }
  }
  const fetch: Fetch = async (url, init) => {
    requests.push(url)
    if (isDown) throw new TypeError('fetch failed: the test issuer is down')
    const endpoint = (Object.keys(urls) as TestEndpoint[]).find(name => urls[name] === url)
    if (endpoint === undefined) return new Response('not found', { status: 404 })
    return await answers.get(endpoint)?.(init) ?? Response.json(documents[endpoint](init))
  }
  const introspection: IssuerOptions['introspection'] = {
    clientId: 'resource-server', authentication: { method: 'client_secret_basic', clientSecret: 'test-secret' }, cacheSeconds: 0
  }

  const trusted: IssuerOptions = {
    issuer, ...options.product !== undefined && { preset: options.product, ...product?.audience !== undefined && { audience }, ...product?.options }
  }
  const common = { resource, fetch, ...product?.tokenHeader !== undefined && { tokenHeader: product.tokenHeader } }

  return {
    issuer,
    options: { ...common, authorizationServers: [trusted] },
    introspectionOptions: { ...common, authorizationServers: [{ ...trusted, introspection }] },
    fetch,
    requests,
    token,
    headers: options => product?.tokenHeader === undefined ? { authorization: `Bearer ${token(options)}` } : { [product.tokenHeader]: token(options) },
    brokenToken (kind, options = {}) {
      checkName('kind of issuer.brokenToken', Object.keys(brokenTokens), kind)
      checkTokenOptions('brokenToken', options)
      return brokenTokens[kind]({ header: headerOf(options), claims: claimsOf(options), idToken: idTokenOf(options), key: keys.at(-1)!, now: now() })
    },
    opaqueToken (options = {}) {
      checkTokenOptions('opaqueToken', options)
      const opaque = `test_${randomUUID().replaceAll('-', '')}`
      opaqueTokens.set(opaque, claimsOf(options))
      return opaque
    },
    revoke (opaque) {
      if (!opaqueTokens.has(opaque)) throw new OptionError('issuer.revoke takes a token of issuer.opaqueToken, got another one')
      opaqueTokens.set(opaque, null)
    },
    rotateKeys (options = {}) {
      const { keepOld = false } = checkRotation(options)
      const key = createSigningKey(algorithm, `key-${++keysMade}`)
      keys = keepOld ? [...keys, key] : [key]
    },
    setOutage (down) { isDown = checkOutage(down) },
    respond (endpoint, answer) {
      checkName('endpoint of issuer.respond', Object.keys(urls), endpoint)
      checkAnswer(answer)
      if (answer === null) answers.delete(endpoint)
      else answers.set(endpoint, answer)
    }
  }
}

/** `cnf` of RFC 7800. */
function confirmationOf (bindings: readonly TokenBinding[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...bindings.map(binding =>
    'thumbprint' in binding ? { jkt: binding.thumbprint } : { 'x5t#S256': binding.certificateThumbprint })) as Record<string, string>
}

/** RFC 8693 section 4.1: each actor holds the one before it. */
function actorOf ([sub, ...earlier]: readonly string[]): { sub: string | undefined, act?: unknown } {
  return { sub, ...earlier.length > 0 && { act: actorOf(earlier) } }
}
