import type { KeyObject } from 'node:crypto'
import { X509Certificate, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { certificateThumbprint } from '../proof/certificate.ts'

/** A certificate and its key in PEM, as `tls` takes them: of a client, or of a server. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
  /** `x5t#S256` (RFC 8705 section 3.1). It binds a token to this certificate: `issuer.token({ boundTo: certificate })`. */
  readonly certificateThumbprint: string
  /** What a reverse proxy puts into `Client-Cert` (RFC 9440), for tests without TLS. */
  readonly clientCert: string
}

/** The certificate of the authority is `cert`: the option `ca` of clients that are to trust what it issued. */
export interface TestCertificateAuthority extends TestCertificate {
  /** A certificate for a name: the host of a server, or what a client is called. */
  issue (name: string): TestCertificate
}

/**
 * Makes a certificate authority for tests. What it issues is valid for an hour, before and after now. Its own certificate is
 * signed by itself, as that of a client may be (RFC 8705 section 2.2).
 */
export function createTestCertificateAuthority (name = 'Test authority'): TestCertificateAuthority {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const self = certificateOf({ subject: name, issuer: name, publicKey, signedWith: privateKey, extensions: [authority] })
  return {
    ...certified(self, privateKey),
    issue (subject) {
      const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      return certified(certificateOf({
        subject, issuer: name, publicKey: keys.publicKey, signedWith: privateKey, extensions: [alternativeName(subject)]
      }), keys.privateKey)
    }
  }
}

function certified (cert: string, privateKey: KeyObject): TestCertificate {
  const { raw } = new X509Certificate(cert)
  return {
    cert,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    certificateThumbprint: certificateThumbprint(raw),
    clientCert: `:${raw.toString('base64')}:`
  }
}

interface CertificateParts {
  readonly subject: string
  readonly issuer: string
  readonly publicKey: KeyObject
  readonly signedWith: KeyObject
  readonly extensions: readonly Buffer[]
}

/** RFC 5280 section 4.1. */
function certificateOf ({ subject, issuer, publicKey, signedWith, extensions }: CertificateParts): string {
  const serial = Buffer.concat([Buffer.of(0x01), randomBytes(15)])
  const version3 = der(0xa0, der(0x02, Buffer.of(2)))
  const validity = der(0x30, time(-3600), time(3600))
  const toBeSigned = der(0x30,
    version3, der(0x02, serial), ecdsaWithSha256, nameOf(issuer), validity, nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }), der(0xa3, der(0x30, ...extensions)))
  const signature = sign('sha256', toBeSigned, signedWith)
  const certificate = der(0x30, toBeSigned, ecdsaWithSha256, der(0x03, Buffer.of(0), signature))
  return `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`
}

/** X.690 section 8.1: tag, length, contents. */
function der (tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 0x80 ? Buffer.of(length) : length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff)
  return Buffer.concat([Buffer.of(tag), size, content])
}

const objectId = (...bytes: number[]): Buffer => der(0x06, Buffer.from(bytes))
const ecdsaWithSha256 = der(0x30, objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

function nameOf (commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, objectId(0x55, 0x04, 0x03), der(0x0c, Buffer.from(commonName)))))
}

/** `basicConstraints`, critical: a certificate authority. */
const authority = der(0x30, objectId(0x55, 0x1d, 0x13), der(0x01, Buffer.of(0xff)), der(0x04, der(0x30, der(0x01, Buffer.of(0xff)))))

/** `subjectAltName`, where clients look for the host. */
function alternativeName (host: string): Buffer {
  return der(0x30, objectId(0x55, 0x1d, 0x11), der(0x04, der(0x30, der(0x82, Buffer.from(host)))))
}

/** GeneralizedTime, so many seconds from now. */
function time (seconds: number): Buffer {
  const text = new Date(Date.now() + seconds * 1000).toISOString().replace(/[-:T]|\.\d+/g, '')
  return der(0x18, Buffer.from(text))
}
