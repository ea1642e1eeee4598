import { X509Certificate, createHash } from 'node:crypto'
import { test } from 'tap'
import { certificateThumbprint, thumbprintFromHeader } from '../../../lib/proof/certificate.ts'
import { selfSigned } from '../../support/self-signed.ts'

const { raw } = new X509Certificate(selfSigned.cert)
const base64 = raw.toString('base64')
const expected = createHash('sha256').update(raw).digest('base64url')
const hex = Buffer.from(expected, 'base64url').toString('hex')
const escaped = encodeURIComponent(selfSigned.cert)

test('RFC 8705 3.1: the thumbprint is base64url of the SHA-256 of the DER, without padding (R8705-03)', t => {
  t.equal(certificateThumbprint(raw), expected)
  t.match(expected, /^[A-Za-z0-9_-]{43}$/)
  t.end()
})

test('RFC 9440 2.2: Client-Cert holds base64 of the DER between colons', t => {
  t.equal(thumbprintFromHeader(`:${base64}:`, 'client-cert'), expected)
  t.equal(thumbprintFromHeader(`  :${base64}: `, 'client-cert'), expected)
  for (const wrong of ['', '::', base64, `:${base64}`, `:${base64.slice(0, -8)}:`, ':AAAA:', `:${base64}:, :${base64}:`, `:${base64}AAAA:`, `:${'A'.repeat(40_000)}:`]) {
    t.equal(thumbprintFromHeader(wrong, 'client-cert'), null, wrong.slice(0, 30))
  }
  t.end()
})

test('a PEM text, percent-encoded, is what nginx passes on', t => {
  t.equal(thumbprintFromHeader(escaped, 'pem'), expected)
  for (const wrong of ['', '%', escaped.slice(0, -30), encodeURIComponent(`${selfSigned.cert}\n${selfSigned.cert}`), encodeURIComponent(selfSigned.key)]) {
    t.equal(thumbprintFromHeader(wrong, 'pem'), null, wrong.slice(0, 30))
  }
  t.end()
})

test('XFCC: the certificate, or its hash, of the last element', t => {
  const table: ReadonlyArray<readonly [string, string | null]> = [
    [`Cert="${escaped}"`, expected],
    [`By=spiffe://a;Hash=${hex};Subject="CN=a, O=\\"b\\"";URI=;DNS=a;DNS=b`, expected],
    [`Hash=${hex.toUpperCase()}`, expected],
    [`Hash=${'0'.repeat(64)},By=a;Hash=${hex}`, expected],
    [`Hash=${hex},By=a`, null],
    [`Hash=${'0'.repeat(64)};Cert="${escaped}"`, expected],
    [`Hash=${hex};Cert="nonsense"`, null],
    [`Hash=${hex};Hash=${'0'.repeat(64)}`, null],
    ['Hash=abc', null],
    ['Subject="never closed', null],
    ['=', null],
    ['', null]
  ]
  for (const [value, thumbprint] of table) t.equal(thumbprintFromHeader(value, 'xfcc'), thumbprint, value.slice(0, 50))
  t.end()
})
