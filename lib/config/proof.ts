import net from 'node:net'
import type { Clock } from '../clock.ts'
import { OptionError } from '../errors/errors.ts'
import type { BindingMetadata } from '../metadata/document.ts'
import { anyFunction, closed, count, text, typed } from '../options/common-schemas.ts'
import type { OptionSchemas } from '../options/option-group.ts'
import { optionGroup } from '../options/option-group.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import type { CertificateHeaderFormat, CertificateSource } from '../proof/certificate.ts'
import { addNetwork, createCertificateSource } from '../proof/certificate.ts'
import type { DpopNonces } from '../proof/dpop-nonces.ts'
import { createDpopNonces } from '../proof/dpop-nonces.ts'
import { createMemoryReplayStore } from '../stores/replay/memory-replay-store.ts'
import type { ReplayStore } from '../stores/replay/replay-store.ts'
import type { SignatureAlgorithm } from './algorithms.ts'
import { checkAlgorithms } from './algorithms.ts'
import { parseIdentifierOption } from './identifiers.ts'

/** Access tokens that are bound to a key or a certificate, and worth nothing to a thief. */
export interface ProofOptions {
  /**
   * Tokens that are bound to a key of the client (RFC 9449). `allowed`: clients may use them, and bearer tokens as well;
   * `required`: only bound tokens are accepted. An object: the same, with options. Default: off; bound tokens are refused.
   */
  dpop?: 'allowed' | 'required' | {
    /** Whether bearer tokens are refused. Default: false. */
    required?: boolean
    /** JWS algorithms of proofs. Default: ES256, ES384, ES512, EdDSA, Ed25519, PS256 and RS256. */
    algorithms?: readonly SignatureAlgorithm[]
    /** How old a proof may be, in seconds. Default: 300. */
    maxAgeSeconds?: number
    /** How far in the future `iat` of a proof may be, in seconds. Default: 5; 300 with the `mcp` plugin, as the DPoP extension of MCP asks for. */
    futureToleranceSeconds?: number
    /**
     * Whether proofs need a nonce of this server, so that none can be made in advance (RFC 9449 section 9). Servers that
     * answer for one resource need a common `secret` of 32 bytes or more. A nonce is good for one to two times
     * `rotateSeconds` (default: 300). Default: false.
     */
    nonce?: boolean | { secret: string | Uint8Array, rotateSeconds?: number }
    /**
     * Remembers the proofs that were used: one in Redis for several servers; `false`: a proof can be repeated until it is
     * too old. Default: in the memory of this process.
     */
    replayStore?: ReplayStore | false
    /**
     * The public URL of the root of this server, when a gateway strips a prefix of the path: `https://gateway.example/team`.
     * A list for a server that is public at several: a proof names one of them. Default: the origin of `resource`. The `Host`
     * of a request never counts.
     */
    publicBaseUrl?: string | readonly string[]
  }
  /**
   * Where the certificate of a client comes from, for tokens that are bound to it (RFC 8705): `{ source: 'tls' }` for a
   * server that ends TLS itself, with `requestCert` on; else the header that the proxy sets. Default: none; tokens that are
   * bound to a certificate are refused.
   */
  clientCertificates?: {
    source: 'tls'
    /** Whether tokens that are bound to no certificate are refused. Default: false. */
    required?: boolean
  } | {
    source?: 'header'
    /** Whether tokens that are bound to no certificate are refused. Default: false. */
    required?: boolean
    /** The name of the header. The proxy must remove one that a client sent. */
    header: string
    /** `client-cert`: RFC 9440; `xfcc`: `X-Forwarded-Client-Cert` of Envoy; `pem`: percent-encoded PEM, as nginx writes it. */
    format: CertificateHeaderFormat
    /** IP addresses and networks (`10.0.0.0/8`) of the proxies that connect to this server. Others cannot set the header. */
    trustedHops: readonly string[]
  }
}

const seconds = Type.Integer({ minimum: 1, maximum: 86_400 })

export const proofSchemas: OptionSchemas<keyof ProofOptions> = optionGroup<ProofOptions>()({
  dpop: Type.Optional(Type.Union([
    Type.Enum(['allowed', 'required']),
    Type.Object({
      required: Type.Optional(Type.Boolean()),
      algorithms: Type.Optional(typed<readonly SignatureAlgorithm[]>(Type.Array(text, { minItems: 1, uniqueItems: true }))),
      maxAgeSeconds: Type.Optional(seconds),
      futureToleranceSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
      nonce: Type.Optional(Type.Union([
        Type.Boolean(),
        Type.Object({ secret: typed<string | Uint8Array>(Type.Unknown()), rotateSeconds: Type.Optional(count) }, closed)
      ])),
      replayStore: Type.Optional(Type.Union([Type.Literal(false), typed<ReplayStore>(Type.Object({ seen: anyFunction }))])),
      publicBaseUrl: Type.Optional(Type.Union([text, Type.Array(text, { minItems: 1, uniqueItems: true })]))
    }, closed)
  ])),
  clientCertificates: Type.Optional(Type.Union([
    Type.Object({
      source: Type.Optional(Type.Literal('header')),
      required: Type.Optional(Type.Boolean()),
      header: typed<string>(Type.String({ pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, description: 'the name of a header' })),
      format: Type.Enum(['client-cert', 'xfcc', 'pem']),
      trustedHops: Type.Array(text, { minItems: 1 })
    }, closed),
    Type.Object({ source: Type.Literal('tls'), required: Type.Optional(Type.Boolean()) }, closed)
  ]))
})

export interface DpopSettings {
  readonly requirement: 'allowed' | 'required'
  readonly algorithms: readonly string[]
  readonly maxAgeMs: number
  /** `null`: it depends on what is served. */
  readonly futureToleranceMs: number | null
  /** `null`: proofs need no nonce. */
  readonly nonces: DpopNonces | null
  /** `null`: proofs that were used are not remembered. */
  readonly replays: ReplayStore | null
  /** What the path of a request is appended to, each without a slash at its end. */
  readonly publicBaseUrls: readonly string[]
}

export interface CertificateSettings {
  readonly read: CertificateSource
  /** The header that has the certificate, in lower case; `null`: it is that of the connection. */
  readonly header: string | null
  readonly required: boolean
}

export interface ProofSettings {
  /** `null`: credentials of the DPoP scheme are not read. */
  readonly dpop: DpopSettings | null
  /** `null`: certificates of clients are not read. */
  readonly clientCertificates: CertificateSettings | null
}

/** What other groups of options say of the resource. */
export interface ProofContext {
  readonly origin: string
  readonly tokenHeader: string | null
  readonly allowInsecureHttp: boolean
  readonly clock: Clock
}

/** @throws OptionError */
export function resolveProof ({ dpop, clientCertificates }: ProofOptions, context: ProofContext): ProofSettings {
  return {
    dpop: dpop === undefined ? null : resolveDpop(dpop, context),
    clientCertificates: clientCertificates === undefined ? null : resolveCertificates(clientCertificates)
  }
}

/** What the metadata document says of them. */
export function bindingMetadata ({ dpop, clientCertificates }: ProofSettings): BindingMetadata {
  return { dpopAlgorithms: dpop?.algorithms ?? [], dpopRequired: dpop?.requirement === 'required', certificates: clientCertificates !== null }
}

const defaultAlgorithms: readonly SignatureAlgorithm[] = ['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519', 'PS256', 'RS256']

function resolveDpop (given: NonNullable<ProofOptions['dpop']>, { origin, tokenHeader, allowInsecureHttp, clock }: ProofContext): DpopSettings {
  if (tokenHeader !== null) throw new OptionError('dpop and tokenHeader contradict each other: proofs go with the Authorization header; remove one')
  const options = typeof given === 'string' ? { required: given === 'required' } : given
  const { required = false, algorithms = defaultAlgorithms, maxAgeSeconds = 300, futureToleranceSeconds = null, publicBaseUrl } = options
  checkAlgorithms(algorithms, 'dpop.algorithms')
  const { replayStore = createMemoryReplayStore({ clock }) } = options
  return Object.freeze({
    requirement: required ? 'required' : 'allowed',
    algorithms: Object.freeze([...algorithms]),
    maxAgeMs: maxAgeSeconds * 1000,
    futureToleranceMs: futureToleranceSeconds === null ? null : futureToleranceSeconds * 1000,
    nonces: resolveNonces(options.nonce ?? false, clock),
    replays: replayStore === false ? null : replayStore,
    publicBaseUrls: Object.freeze(publicBaseUrl === undefined ? [origin] : checkBaseUrls(publicBaseUrl, allowInsecureHttp))
  })
}

/** The secret stays in the nonces: the configuration may be printed. */
function resolveNonces (nonce: boolean | { secret: string | Uint8Array, rotateSeconds?: number }, clock: Clock): DpopNonces | null {
  if (nonce === false) return null
  const { secret = null, rotateSeconds = 300 } = nonce === true ? {} : nonce
  if (secret === null) return createDpopNonces({ secret, rotateMs: rotateSeconds * 1000 }, clock)
  const bytes: unknown = typeof secret === 'string' ? Buffer.from(secret) : secret
  if (!(bytes instanceof Uint8Array) || bytes.length < 32) {
    throw new OptionError('dpop.nonce.secret must be a string or Uint8Array of 32 random bytes or more, such as those of `openssl rand -base64 32`')
  }
  return createDpopNonces({ secret: new Uint8Array(bytes), rotateMs: rotateSeconds * 1000 }, clock)
}

function checkBaseUrls (urls: string | readonly string[], allowInsecureHttp: boolean): string[] {
  return [urls].flat().map((url, i) => {
    const name = typeof urls === 'string' ? 'dpop.publicBaseUrl' : `dpop.publicBaseUrl[${i}]`
    const { query } = parseIdentifierOption(name, url, allowInsecureHttp)
    if (query !== '') throw new OptionError(`${name} must have no query, got ${show(url)}`)
    return url.replace(/\/$/, '')
  })
}

function resolveCertificates (given: NonNullable<ProofOptions['clientCertificates']>): CertificateSettings {
  const { required = false } = given
  if (given.source === 'tls') return Object.freeze({ read: createCertificateSource({ source: 'tls' }), header: null, required })
  const { format, trustedHops } = given
  const header = given.header.toLowerCase()
  const hops = new net.BlockList()
  for (const hop of trustedHops) {
    if (!addNetwork(hops, hop)) throw new OptionError(`clientCertificates.trustedHops must be IP addresses or networks such as 10.0.0.0/8, got ${show(hop)}`)
  }
  return Object.freeze({ read: createCertificateSource({ source: 'header', header, format, trustedHops: hops }), header, required })
}
