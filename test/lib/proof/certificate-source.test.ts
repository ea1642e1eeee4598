import type { Socket } from 'node:net'
import { BlockList } from 'node:net'
import { test } from 'tap'
import { addNetwork, createCertificateSource } from '../../../lib/proof/certificate.ts'

test('a peer without an address, as on a Unix domain socket, is no trusted hop [R8705-06]', t => {
  const trustedHops = new BlockList()
  t.equal(addNetwork(trustedHops, '0.0.0.0/0'), true)
  const source = createCertificateSource({ source: 'header', header: 'x-cert', format: 'xfcc', trustedHops })
  const rawHeaders = ['X-Cert', `Hash=${'0'.repeat(64)}`]
  t.type(source({ socket: { remoteAddress: '1.2.3.4' } as Socket, rawHeaders }), 'string')
  t.equal(source({ socket: {} as Socket, rawHeaders }), null)
  t.end()
})

test('a connection without TLS, or without a certificate, has no thumbprint [R8705-02]', t => {
  const source = createCertificateSource({ source: 'tls' })
  t.equal(source({ socket: {} as Socket, rawHeaders: [] }), null)
  t.equal(source({ socket: { getPeerX509Certificate: () => undefined } as unknown as Socket, rawHeaders: [] }), null)
  t.end()
})
