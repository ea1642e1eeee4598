import type { JWK } from 'jose'
import type { Clock } from '../../lib/clock.ts'
import type { Fetch } from '../../lib/http/limited-fetch.ts'
import type { SigningKey as TestKey, TestAlgorithm } from '../../lib/testing/signing-key.ts'
import { createSigningKey as createTestKey } from '../../lib/testing/signing-key.ts'

/** How the fake issuer answers one of its URLs, in place of the truth. */
export type Answer = (init: RequestInit) => Response | Promise<Response>

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly publicJwk: JWK
  readonly sign: TestKey['sign']
  readonly signText: TestKey['signText']
}

/**
 * An authorization server in this process, that tests tell to rotate, stall, lie and die. It is reached by its `fetch`
 * and by nothing else, and counts what it was asked for.
 */
export interface FakeIssuer {
  readonly issuer: string
  readonly metadataUrl: string
  readonly jwksUri: string
  /** The `fetch` option of the plugin. */
  readonly fetch: Fetch
  /** Every URL that was asked for, in order. */
  readonly requests: string[]
  /** The keys that are published now; the last of them signs. */
  readonly keys: SigningKey[]
  /** Answers a URL in its own way until it is told otherwise (`null`). */
  answer (url: string, answer: Answer | null): void
  /** Publishes another key and signs with it from now on. */
  rotate (options?: { kid?: string, alg?: string, keepOld?: boolean }): Promise<SigningKey>
  /** An access token by RFC 9068, five minutes long; `undefined` takes a claim or header parameter away. */
  token (claims?: Record<string, unknown>, header?: Record<string, unknown>, key?: SigningKey): Promise<string>
}

export interface FakeIssuerOptions {
  issuer?: string
  alg?: string
  audience?: string
  clock?: Clock
}

export async function createFakeIssuer (options: FakeIssuerOptions = {}): Promise<FakeIssuer> {
  const { issuer = 'https://login.example.com', alg = 'ES256', audience = 'https://api.example.com', clock } = options
  const now = (): number => Math.floor((clock?.now() ?? Date.now()) / 1000)
  const jwksUri = `${issuer.replace(/\/$/, '')}/jwks`
  const url = new URL(issuer)
  const metadataUrl = `${url.origin}/.well-known/oauth-authorization-server${url.pathname.replace(/\/$/, '')}`
  const keys: SigningKey[] = [await createSigningKey('key-1', alg)]
  const requests: string[] = []
  const answers = new Map<string, Answer>([
    [metadataUrl, () => Response.json({ issuer, jwks_uri: jwksUri })],
    [jwksUri, () => Response.json({ keys: keys.map(key => key.publicJwk) })]
  ])
  const overrides = new Map<string, Answer>()
  let serial = 0

  return {
    issuer,
    metadataUrl,
    jwksUri,
    requests,
    keys,
    fetch: async (asked, init) => {
      requests.push(asked)
      const answer = overrides.get(asked) ?? answers.get(asked)
      return answer === undefined ? new Response('not here', { status: 404 }) : await answer(init)
    },
    answer (asked, answer) {
      if (answer === null) overrides.delete(asked)
      else overrides.set(asked, answer)
    },
    async rotate ({ kid = `key-${keys.length + 1}-${++serial}`, alg: newAlg = alg, keepOld = false } = {}) {
      const key = await createSigningKey(kid, newAlg)
      if (!keepOld) keys.length = 0
      keys.push(key)
      return key
    },
    async token (claims = {}, header = {}, key = keys.at(-1)!) {
      const payload = {
        iss: issuer, aud: audience, sub: 'user-1', client_id: 'client-1', iat: now(), exp: now() + 300,
        jti: `token-${++serial}`, ...claims
      }
      return key.sign({ typ: 'at+jwt', kid: key.kid, ...header }, payload)
    }
  }
}

/** A key of the test kit, under the names of JOSE. */
export async function createSigningKey (kid: string, alg: string): Promise<SigningKey> {
  const { publicJwk, sign, signText } = createTestKey(alg as TestAlgorithm, kid)
  return { kid, alg, publicJwk: publicJwk as JWK, sign, signText }
}

/** A promise of an answer that never comes, unless the request is given up. */
export function never (init: RequestInit): Promise<Response> {
  return new Promise((_resolve, reject) => {
    init.signal?.addEventListener('abort', () => reject(new Error('given up')), { once: true })
  })
}
