import fc from 'fast-check'
import { test } from 'tap'
import { isLoopbackAddress, isPublicAddress } from '../../../lib/http/public-addresses.ts'

const refused = [
  '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.100.100.200', '127.0.0.1', '127.255.255.255',
  '169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.192', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1',
  '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255', '168.63.129.16',
  '::', '::1', '::ffff:127.0.0.1', '::ffff:8.8.8.8', '::ffff:7f00:1', '::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::1',
  '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::', '3fff::1', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'fe80::1%eth0', 'fec0::1',
  'ff02::1', '5f00::1', '', 'localhost', 'example.com', '127.1', '0x7f000001', '2130706433', '[::1]'
]

const allowed = [
  '1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0',
  '169.253.255.255', '172.15.255.255', '172.32.0.0', '192.0.1.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255',
  '168.63.129.15', '168.63.129.17', '2001:200::1', '2606:4700:4700::1111', '2a00:1450::1', '3ffe::1'
]

test('addresses that are not public (R9728-56)', t => {
  for (const address of refused) t.equal(isPublicAddress(address), false, address)
  t.end()
})

test('addresses of the internet, those next to a special network too (R9728-56)', t => {
  for (const address of allowed) t.equal(isPublicAddress(address), true, address)
  t.end()
})

test('no address of a private network is public, and none that wraps one (R9728-56)', t => {
  const octet = fc.nat(255)
  fc.assert(fc.property(fc.constantFrom('10', '127', '0', '240'), octet, octet, octet, (a, b, c, d) => {
    const address = [a, b, c, d].join('.')
    return !isPublicAddress(address) && !isPublicAddress(`::ffff:${address}`) && !isPublicAddress(`::${address}`) && !isPublicAddress(`64:ff9b::${address}`)
  }))
  t.end()
})

test('addresses of this machine', t => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1']) t.equal(isLoopbackAddress(address), true, address)
  for (const address of ['128.0.0.1', '0.0.0.0', '::', '::ffff:127.0.0.1', '127.evil.example', 'localhost', '']) t.equal(isLoopbackAddress(address), false, address)
  t.end()
})
