import { randomUUID } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import type { Fetch } from '../../lib/http/limited-fetch.ts'
import type { SigningKey, TestAlgorithm } from '../../lib/testing/signing-key.ts'
import { createSigningKey } from '../../lib/testing/signing-key.ts'

/** What a security event token says; `undefined` leaves a claim or header parameter out. */
export interface SetOptions {
  claims?: Record<string, unknown>
  header?: Record<string, unknown>
  key?: SigningKey
}

/** A transmitter of shared signals in this process, which is reached by its `fetch` and by nothing else. */
export interface FakeTransmitter {
  readonly issuer: string
  readonly metadataUrl: string
  readonly jwksUri: string
  readonly pollEndpoint: string
  readonly fetch: Fetch
  readonly requests: string[]
  readonly key: SigningKey
  /** Members of its metadata document; a test may change them. */
  readonly metadata: Record<string, unknown>
  /** A security event token with one event. */
  set (type: string, subject: unknown, payload?: Record<string, unknown>, options?: SetOptions): string
  /** Answers a URL in its own way. */
  answer (url: string, answer: (init: RequestInit) => Response | Promise<Response>): void
}

export const caep = 'https://schemas.openid.net/secevent/caep/event-type/'
export const risc = 'https://schemas.openid.net/secevent/risc/event-type/'
export const ssf = 'https://schemas.openid.net/secevent/ssf/event-type/'

export interface TransmitterSettings {
  clock: Clock
  audience: string
  issuer?: string
  algorithm?: TestAlgorithm
}

export function createFakeTransmitter ({ clock, audience, issuer = 'https://login.example.com', algorithm = 'ES256' }: TransmitterSettings): FakeTransmitter {
  const key = createSigningKey(algorithm, 'signals-1')
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const metadataUrl = `${origin}/.well-known/ssf-configuration${path}`
  const jwksUri = `${origin}${path}/signal-keys`
  const requests: string[] = []
  const metadata: Record<string, unknown> = { issuer, jwks_uri: jwksUri, spec_version: '1_0' }
  const answers = new Map<string, (init: RequestInit) => Response | Promise<Response>>([
    [metadataUrl, () => Response.json(metadata)],
    [jwksUri, () => Response.json({ keys: [key.publicJwk] })]
  ])
  return {
    issuer,
    metadataUrl,
    jwksUri,
    pollEndpoint: `${origin}${path}/poll`,
    key,
    metadata,
    requests,
    fetch: async (url, init) => {
      requests.push(url)
      return await answers.get(url)?.(init) ?? new Response('not here', { status: 404 })
    },
    set (type, subject, payload = {}, { claims, header, key: signer = key } = {}) {
      const now = Math.floor(clock.now() / 1000)
      return signer.sign(
        { typ: 'secevent+jwt', kid: signer.keyId, ...header },
        { iss: issuer, aud: audience, jti: randomUUID(), iat: now, txn: 'cause-1', sub_id: subject, events: { [type]: payload }, ...claims }
      )
    },
    answer (url, answer) { answers.set(url, answer) }
  }
}

/** One fetch for servers of different hosts or paths: the first that has something at the URL answers. */
export function eitherFetch (...fetches: readonly Fetch[]): Fetch {
  return async (url, init) => {
    let last = new Response('not here', { status: 404 })
    for (const fetch of fetches) {
      last = await fetch(url, init)
      if (last.status !== 404) return last
    }
    return last
  }
}
