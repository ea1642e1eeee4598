import { randomUUID } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { systemClock } from '../clock.ts'
import type { IssuerOptions } from '../config/issuer.ts'
import type { Fetch } from '../http/limited-fetch.ts'
import type { BrokenToken } from './broken-tokens.ts'
import { brokenTokens } from './broken-tokens.ts'
import type { SigningKey, TestAlgorithm } from './signing-key.ts'
import { createSigningKey } from './signing-key.ts'

export interface TestIssuerOptions {
  /** The identifier of the protected resource: `aud` of the tokens. */
  resource: string
  /** The issuer identifier. Default: `https://issuer.test`; no request ever leaves the process. */
  issuer?: string
  /** What its tokens are signed with. Default: `ES256`. */
  algorithm?: TestAlgorithm
  /** @internal For tests of this package: where the time comes from. Default: the system. */
  clock?: Clock
}

/** A key by its thumbprint, or a certificate by its thumbprint. */
export type TokenBinding = { readonly thumbprint: string } | { readonly certificateThumbprint: string }

/** What a test says about a token; everything else is made up as a well-behaved issuer would. */
export interface TestTokenOptions {
  /** `sub`. Default: `user-1`. */
  subject?: string
  /** `scope`. Default: none. */
  scopes?: readonly string[]
  /** `client_id`. Default: `client-1`. */
  clientId?: string
  /** Seconds until `exp`. Default: 300. */
  expiresInSeconds?: number
  /** The one who acts for the subject (RFC 8693 section 4.1): `act.sub`. Default: nobody. */
  actor?: string
  /**
   * The key that the token is bound to (RFC 9449 section 6.1), of `createTestClient`; or the certificate (RFC 8705 section
   * 3.1), of `createTestCertificateAuthority`; a list: both. Default: none.
   */
  boundTo?: TokenBinding | readonly TokenBinding[]
  /** Further claims, in place of those above; `undefined` leaves a claim out. */
  claims?: Readonly<Record<string, unknown>>
  /** Further header parameters; `undefined` leaves one out. */
  header?: Readonly<Record<string, unknown>>
}

/**
 * An authorization server inside the process, for tests: its documents, keys and introspection are reached by its `fetch`,
 * and nothing listens on any port. It works under `app.inject`.
 */
export interface TestIssuer {
  readonly issuer: string
  /** The options of the plugin that make it trust this issuer: `{ resource, authorizationServers, fetch }`. */
  readonly options: { readonly resource: string, readonly authorizationServers: readonly IssuerOptions[], readonly fetch: Fetch }
  /** The same, for opaque tokens that are introspected (RFC 7662). */
  readonly introspectionOptions: { readonly resource: string, readonly authorizationServers: readonly IssuerOptions[], readonly fetch: Fetch }
  readonly fetch: Fetch
  /** The URLs that were fetched, in order. */
  readonly requests: readonly string[]
  /** A good access token by RFC 9068. */
  token (options?: TestTokenOptions): string
  /** The header of a request with a good access token: `{ authorization: 'Bearer …' }`. */
  headers (options?: TestTokenOptions): { authorization: string }
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
}

/** Makes an authorization server for tests; see {@link TestIssuer}. */
export function createTestIssuer (options: TestIssuerOptions): TestIssuer {
  // Destructured here, as the published declaration does not have the internal option.
  const { resource, issuer = 'https://issuer.test', algorithm = 'ES256', clock = systemClock } = options
  let keys: SigningKey[] = [createSigningKey(algorithm, 'key-1')]
  let keysMade = 1
  let isDown = false
  const requests: string[] = []
  const opaqueTokens = new Map<string, Readonly<Record<string, unknown>>>()
  const now = (): number => Math.floor(clock.now() / 1000)

  const claimsOf = (options: TestTokenOptions): Record<string, unknown> => {
    const { subject = 'user-1', scopes = [], clientId = 'client-1', expiresInSeconds = 300, actor, boundTo, claims } = options
    return {
      iss: issuer, sub: subject, aud: resource, client_id: clientId, jti: randomUUID(), iat: now(), exp: now() + expiresInSeconds,
      ...scopes.length > 0 && { scope: scopes.join(' ') },
      ...actor !== undefined && { act: { sub: actor } },
      ...boundTo !== undefined && { cnf: confirmationOf([boundTo].flat()) },
      ...claims
    }
  }
  const headerOf = ({ header }: TestTokenOptions): Record<string, unknown> => ({ typ: 'at+jwt', kid: keys.at(-1)!.keyId, ...header })
  const token = (options: TestTokenOptions = {}): string => keys.at(-1)!.sign(headerOf(options), claimsOf(options))

  const documents: Readonly<Record<string, () => unknown>> = {
    [metadataUrlOf(issuer)]: () => ({ issuer, jwks_uri: `${issuer}/jwks`, introspection_endpoint: `${issuer}/introspect`, response_types_supported: ['code'] }),
    [`${issuer}/jwks`]: () => ({ keys: keys.map(({ publicJwk }) => publicJwk) })
  }
  const introspect = (form: string): unknown => {
    const claims = opaqueTokens.get(new URLSearchParams(form).get('token') ?? '')
    return claims === undefined || (claims.exp as number) <= now() ? { active: false } : { active: true, ...claims }
  }
  const fetch: Fetch = async (url, init) => {
    requests.push(url)
    if (isDown) throw new TypeError('fetch failed: the test issuer is down')
    if (url === `${issuer}/introspect`) return Response.json(introspect(String(init.body)))
    const document = documents[url]
    return document === undefined ? new Response('not found', { status: 404 }) : Response.json(document())
  }
  const introspection: IssuerOptions['introspection'] = {
    clientId: 'resource-server', authentication: { method: 'client_secret_basic', clientSecret: 'test-secret' }, cacheSeconds: 0
  }

  return {
    issuer,
    options: { resource, authorizationServers: [{ issuer }], fetch },
    introspectionOptions: { resource, authorizationServers: [{ issuer, introspection }], fetch },
    fetch,
    requests,
    token,
    headers: options => ({ authorization: `Bearer ${token(options)}` }),
    brokenToken: (kind, options = {}) =>
      brokenTokens[kind]({ header: headerOf(options), claims: claimsOf(options), key: keys.at(-1)!, now: now() }),
    opaqueToken (options = {}) {
      const opaque = `test_${randomUUID().replaceAll('-', '')}`
      opaqueTokens.set(opaque, claimsOf(options))
      return opaque
    },
    revoke (opaque) { opaqueTokens.delete(opaque) },
    rotateKeys ({ keepOld = false } = {}) {
      const key = createSigningKey(algorithm, `key-${++keysMade}`)
      keys = keepOld ? [...keys, key] : [key]
    },
    setOutage (down) { isDown = down }
  }
}

/** `cnf` of RFC 7800. */
function confirmationOf (bindings: readonly TokenBinding[]): Readonly<Record<string, string>> {
  return Object.assign({}, ...bindings.map(binding =>
    'thumbprint' in binding ? { jkt: binding.thumbprint } : { 'x5t#S256': binding.certificateThumbprint })) as Record<string, string>
}

/** RFC 8414 section 3.1. */
function metadataUrlOf (issuer: string): string {
  const { origin, pathname } = new URL(issuer)
  return `${origin}/.well-known/oauth-authorization-server${pathname === '/' ? '' : pathname}`
}
