import fc from 'fast-check'
import { test } from 'tap'
import { IdentifierError } from '../../lib/errors/syntax-errors.ts'
import { isLocalHost, isLoopbackHost, parseIdentifier } from '../../lib/identifier.ts'
import { metadataUrl } from '../../lib/metadata/well-known.ts'
import { identifierArbitrary } from '../support/arbitrary-identifier.ts'

test('identifiers are taken apart as they were written', t => {
  for (const [value, scheme, authority, host, path, query] of [
    ['https://h', 'https', 'h', 'h', '', ''],
    ['https://h/', 'https', 'h', 'h', '/', ''],
    ['https://H.Example:8443/A/b/', 'https', 'H.Example:8443', 'h.example', '/A/b/', ''],
    ['https://h?x=1', 'https', 'h', 'h', '', '?x=1'],
    ['https://h/a?x=/?', 'https', 'h', 'h', '/a', '?x=/?'],
    ['https://h/%7Ea', 'https', 'h', 'h', '/%7Ea', ''],
    ['HTTPS://h/a', 'https', 'h', 'h', '/a', ''],
    ['https://[2001:DB8::1]:443/a', 'https', '[2001:DB8::1]:443', '2001:db8::1', '/a', ''],
    ['http://localhost:3000', 'http', 'localhost:3000', 'localhost', '', ''],
    ['http://127.0.0.1/mcp', 'http', '127.0.0.1', '127.0.0.1', '/mcp', ''],
    ['http://[::1]:3000', 'http', '[::1]:3000', '::1', '', ''],
    ['http://api.localhost', 'http', 'api.localhost', 'api.localhost', '', '']
  ] as const) {
    const origin = value.slice(0, value.indexOf('://') + 3) + authority
    t.strictSame(parseIdentifier(value), { scheme, authority, host, origin, path, query }, value)
  }
  t.end()
})

const absolute = 'must be an absolute https URL'
const unescaped = 'has a character that a URL cannot hold unescaped'
for (const [value, message] of [
  ['', absolute], ['h', absolute], ['/a', absolute], ['//h/a', absolute], ['https:h', absolute], ['https:///a', absolute],
  ['ftp://h', absolute], ['https://h:99999', absolute], ['https://h:', absolute], ['https://h:8x', absolute], ['https://[::1', absolute],
  ['https://a:b:c', absolute], ['https://h\n', unescaped], ['urn:x:y', absolute], ['https://h%', unescaped], ['https://1.2.3.400', absolute],
  ['https://h/a b', unescaped], ['https://h/ä', unescaped], ['https://h/"', unescaped], ['https://h/%zz', unescaped],
  ['https://h/a\\b', unescaped], ['https://h/<', unescaped], ['https://h/a#', 'must not have a fragment'],
  ['https://h/a#b', 'must not have a fragment'], ['https://h/a#\n', absolute],
  ['https://u:p@h', 'must not hold a user name or password'], ['https://u@h/a', 'must not hold a user name or password'],
  ['http://h', 'must be https; http is allowed for loopback hosts only'],
  ['http://localhost.example.com', 'must be https; http is allowed for loopback hosts only'],
  ['http://10.0.0.1', 'must be https; http is allowed for loopback hosts only']
] as const) {
  test(`refuses ${JSON.stringify(value)}`, t => {
    t.throws(() => parseIdentifier(value), new IdentifierError(message))
    t.end()
  })
}

test('hosts of this machine', t => {
  for (const host of ['localhost', 'LOCALHOST', 'a.localhost', '127.0.0.1', '127.255.1.1', '::1', '[::1]']) {
    t.ok(isLoopbackHost(host), host)
    t.ok(isLocalHost(host), host)
  }
  for (const host of ['169.254.169.254', '0.0.0.0', 'fe80::1', '[febf::1]', '::ffff:127.0.0.1', '::', '127.1']) {
    t.notOk(isLoopbackHost(host), host)
    t.ok(isLocalHost(host), host)
  }
  for (const host of ['example.com', 'localhost.example.com', '128.0.0.1', '2001:db8::1', 'ffe8.example', '12.7.0.0']) {
    t.notOk(isLoopbackHost(host), host)
    t.notOk(isLocalHost(host), host)
  }
  t.end()
})

test('any text is an identifier or refused', t => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl({ withFragments: true, withQueryParameters: true })), text => {
    try {
      const { origin, path, query } = parseIdentifier(text)
      return origin + path + query === text
    } catch (error) {
      return error instanceof IdentifierError
    }
  }), { numRuns: 500 })
  t.end()
})

test('the address of the metadata keeps every character of the identifier, and has no empty segment after the host', t => {
  fc.assert(fc.property(identifierArbitrary, ({ origin, path, query }) => {
    const url = metadataUrl(parseIdentifier(origin + path + query))
    const rest = path === '/' ? '' : path
    return url === `${origin}/.well-known/oauth-protected-resource${rest}${query}` && !url.slice(origin.length).includes('//')
  }), { numRuns: 500 })
  t.end()
})
