import { BlockList, isIP } from 'node:net'

/**
 * IPv4 addresses that are not of the internet (RFC 6890 and the IANA registry of special-purpose addresses): this machine,
 * private networks, carriers' inner networks, link-local ones (where clouds keep credentials), documentation, multicast.
 */
const specialIPv4: ReadonlyArray<readonly [string, number]> = [
  ['0.0.0.0', 8], ['10.0.0.0', 8], ['100.64.0.0', 10], ['127.0.0.0', 8], ['169.254.0.0', 16], ['172.16.0.0', 12],
  ['192.0.0.0', 24], ['192.0.2.0', 24], ['192.88.99.0', 24], ['192.168.0.0', 16], ['198.18.0.0', 15], ['198.51.100.0', 24],
  ['203.0.113.0', 24], ['224.0.0.0', 4], ['240.0.0.0', 4],
  // Public by number, and yet the metadata service of one cloud.
  ['168.63.129.16', 32]
]

/**
 * What of the one block that the internet uses is special: tunnels and translations that hide an IPv4 address (RFC 4380,
 * RFC 3056), and documentation. Outside that block nothing is public: loopback, unique-local and link-local addresses,
 * IPv4 in IPv6 clothes (RFC 4291 section 2.5.5) and the prefixes of NAT64 (RFC 6052, RFC 8215).
 */
const specialIPv6: ReadonlyArray<readonly [string, number]> = [
  ['2001::', 23], ['2001:db8::', 32], ['2002::', 16], ['3fff::', 20]
]

const special = new BlockList()
for (const [network, prefix] of specialIPv4) special.addSubnet(network, prefix, 'ipv4')
for (const [network, prefix] of specialIPv6) special.addSubnet(network, prefix, 'ipv6')

const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')

/** True of an address of the internet. Of anything that is no IP address it is false. */
export function isPublicAddress (address: string): boolean {
  switch (isIP(address)) {
    case 4: return !special.check(address, 'ipv4')
    case 6: return globalUnicast.check(address, 'ipv6') && !special.check(address, 'ipv6')
    default: return false
  }
}

/** True of an address that reaches this machine and no other. IPv4 in the form of IPv6 is odd enough to be refused. */
export function isLoopbackAddress (address: string): boolean {
  return isIP(address) === 4 ? address.startsWith('127.') : address === '::1'
}
