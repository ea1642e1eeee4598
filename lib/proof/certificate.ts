import { X509Certificate, createHash } from 'node:crypto'
import type { BlockList, Socket } from 'node:net'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** `x5t#S256` of a certificate: base64url of the SHA-256 of its DER (RFC 8705 section 3.1). */
export function certificateThumbprint (der: Uint8Array): string {
  return createHash('sha256').update(der).digest('base64url')
}

/** How a reverse proxy passes on the certificate of the client. */
export type CertificateHeaderFormat = 'client-cert' | 'xfcc' | 'pem'

/** Longer headers hold no certificate of a client. */
const maxLength = 32_768

/**
 * The thumbprint of the certificate that a header names. `client-cert`: RFC 9440, base64 of the DER between colons; `xfcc`:
 * Envoy's `X-Forwarded-Client-Cert`, by `Cert`, or by `Hash` where that is missing; `pem`: a PEM text, percent-encoded, as
 * nginx writes `$ssl_client_escaped_cert`.
 *
 * Only headers of a hop that is configured as trusted may be read with it (RFC 9440 section 4).
 *
 * @returns `null` for anything that names no certificate
 */
export function thumbprintFromHeader (value: string, format: CertificateHeaderFormat): string | null {
  if (value.length > maxLength) return null
  switch (format) {
    case 'client-cert': return thumbprintOfDer(/^\s*:([A-Za-z0-9+/]+={0,2}):\s*$/.exec(value)?.[1])
    case 'pem': return thumbprintOfPem(value)
    case 'xfcc': return thumbprintFromXfcc(value)
  }
}

function thumbprintOfDer (base64: string | undefined): string | null {
  if (base64 === undefined) return null
  const der = Buffer.from(base64, 'base64')
  return isCertificate(der) ? certificateThumbprint(der) : null
}

function thumbprintOfPem (encoded: string): string | null {
  let pem: string
  try {
    pem = decodeURIComponent(encoded)
  } catch {
    return null
  }
  const body = /^\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*$/.exec(pem)
  return thumbprintOfDer(body?.[1]?.replace(/\s+/g, ''))
}

/** The last element is the one that the nearest proxy added. */
function thumbprintFromXfcc (value: string): string | null {
  const pairs = xfccPairs(value)
  if (pairs === null) return null
  const certificate = pairs.get('cert')
  if (certificate !== undefined) return thumbprintOfPem(certificate)
  const hash = pairs.get('hash')
  return hash !== undefined && /^[0-9a-f]{64}$/i.test(hash) ? Buffer.from(hash, 'hex').toString('base64url') : null
}

/** The pairs of the last element, by their name in lower case; `null` where the header is not of the grammar. */
function xfccPairs (value: string): Map<string, string> | null {
  const pair = /\s*([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;]*))\s*([,;]|$)/gy
  let pairs = new Map<string, string>()
  while (pair.lastIndex < value.length) {
    const found = pair.exec(value)
    if (found === null) return null
    const name = found[1]!.toLowerCase()
    if (pairs.has(name) && name !== 'dns' && name !== 'uri') return null
    pairs.set(name, found[2]?.replace(/\\(.)/g, '$1') ?? found[3]!)
    if (found[4] === ',') pairs = new Map()
  }
  return pairs
}

function isCertificate (der: Buffer): boolean {
  try {
    return new X509Certificate(der).raw.equals(der)
  } catch {
    return false
  }
}

/** What a certificate is read from: a request of Node.js. */
export interface CertifiedRequest {
  readonly socket: Socket
  readonly rawHeaders: readonly string[]
}

/** Where the certificates of clients come from. */
export type CertificateSourceSettings =
  | { readonly source: 'tls' }
  | { readonly source: 'header', readonly header: string, readonly format: CertificateHeaderFormat, readonly trustedHops: BlockList }

/** The `x5t#S256` of the client's certificate; `null` where there is none, or none that can be believed. */
export type CertificateSource = (request: CertifiedRequest) => string | null

/**
 * Reads the certificate of the TLS connection, or of the header that a reverse proxy sets. A header counts only from a hop
 * that is trusted, and only when it is there once: anyone else could send it (RFC 9440 section 4).
 */
export function createCertificateSource (settings: CertificateSourceSettings): CertificateSource {
  if (settings.source === 'tls') return ({ socket }) => thumbprintOfConnection(socket as Partial<TLSSocket>)
  const { header, format, trustedHops } = settings
  return ({ socket, rawHeaders }) => {
    if (!isTrusted(socket.remoteAddress, trustedHops)) return null
    const values = fieldValues(rawHeaders, header)
    return values.length === 1 ? thumbprintFromHeader(values[0]!, format) : null
  }
}

/** The chain of the certificate does not matter: the thumbprint names this certificate and no other (RFC 8705 section 6.2). */
function thumbprintOfConnection (socket: Partial<TLSSocket>): string | null {
  const certificate = socket.getPeerX509Certificate?.()
  return certificate === undefined ? null : certificateThumbprint(certificate.raw)
}

/** The values of a field, one for each field line. `name` is in lower case; `rawHeaders` has names and values in turn. */
export function fieldValues (rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name)
}

function isTrusted (address: string | undefined, trusted: BlockList): boolean {
  // A server that listens on both families sees IPv4 addresses like this (RFC 4291 section 2.5.5.2).
  const plain = address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? ''
  const family = isIP(plain)
  return family !== 0 && trusted.check(plain, family === 4 ? 'ipv4' : 'ipv6')
}

/**
 * Adds an IP address, or a network such as `10.0.0.0/8`, to a list.
 *
 * @returns false for anything else
 */
export function addNetwork (list: BlockList, network: string): boolean {
  const [address = '', length, ...rest] = network.split('/')
  const family = isIP(address)
  const bits = family === 4 ? 32 : 128
  if (family === 0 || rest.length > 0 || (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits))) return false
  list.addSubnet(address, length === undefined ? bits : Number(length), family === 4 ? 'ipv4' : 'ipv6')
  return true
}
