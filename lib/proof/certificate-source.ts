import type { BlockList, Socket } from 'node:net'
import { isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { CertificateHeaderFormat } from './certificate.ts'
import { certificateThumbprint, thumbprintFromHeader } from './certificate.ts'

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
