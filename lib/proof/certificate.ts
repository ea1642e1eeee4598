import { X509Certificate, createHash } from 'node:crypto'

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
