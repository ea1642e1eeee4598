import { BlockList, isIP } from 'node:net'

/**
 * IPv4 networks that are not public (RFC 6890, IANA special-purpose address registry): loopback, private, shared (carrier-grade
 * NAT), link-local (where clouds serve credentials), documentation, benchmarking, multicast and reserved addresses.
 */
const specialIPv4: ReadonlyArray<readonly [string, number]> = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12],
  ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24],
  ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
  // A public address, and the metadata service of Microsoft Azure.
  ['168.63.129.16', 32]
]

/**
 * IPv6 networks of global unicast (2000::/3) that are not public: tunnels with an IPv4 address inside (RFC 4380, RFC 3056)
 * and documentation. Outside global unicast no address is public: loopback, unique-local, link-local, IPv4-mapped (RFC 4291
 * section 2.5.5) and the prefixes of NAT64 (RFC 6052, RFC 8215).
 */
const specialIPv6: ReadonlyArray<readonly [string, number]> = [
  ['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]
]

const special = new BlockList()
for (const [network, prefix] of specialIPv4) special.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of specialIPv6) special.addSubnet(network, prefix, 'ipv6')

const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** Whether an IP address is a public one. False for anything that is no IP address. */
export function isPublicAddress (address: string): boolean {
  switch (isIP(address)) {
    case 4: return !special.check(address, 'ipv4')
    case 6: return globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6')
    default: return false
  }
}

/** Whether an IP address is a loopback address. IPv4-mapped IPv6 addresses are not accepted as one. */
export function isLoopbackAddress (address: string): boolean {
  return isIP(address) === 4 ? address.startsWith('127.') : address === '::1'
}
