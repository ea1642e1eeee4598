import fc from 'fast-check'
import { test } from 'tap'
import { normalizeTargetUri } from '../../../lib/proof/target-uri.ts'

const same: ReadonlyArray<readonly [string, string]> = [
  ['https://api.example.com/mcp', 'https://api.example.com/mcp'],
  ['HTTPS://API.example.COM/mcp', 'https://api.example.com/mcp'],
  ['https://api.example.com:443/mcp', 'https://api.example.com/mcp'],
  ['https://api.example.com:0443/mcp', 'https://api.example.com/mcp'],
  ['https://api.example.com:/mcp', 'https://api.example.com/mcp'],
  ['http://api.example.com:80', 'http://api.example.com/'],
  ['https://api.example.com:8443/mcp', 'https://api.example.com:8443/mcp'],
  ['https://api.example.com', 'https://api.example.com/'],
  ['https://api.example.com?a=b', 'https://api.example.com/'],
  ['https://api.example.com/mcp?a=b#c', 'https://api.example.com/mcp'],
  ['https://api.example.com/mcp#c?d', 'https://api.example.com/mcp'],
  ['https://api.example.com/%7euser/a%2fb', 'https://api.example.com/~user/a%2Fb'],
  ['https://api.example.com/a/./b/../c', 'https://api.example.com/a/c'],
  ['https://api.example.com/a/%2e%2E/c/.', 'https://api.example.com/c/'],
  ['https://api.example.com/../..', 'https://api.example.com/'],
  ['https://[2001:DB8::1]:443/a', 'https://[2001:db8::1]/a'],
  ['https://api%2Eexample.com/a', 'https://api.example.com/a']
]

test('RFC 9449 4.3: spellings of one target URI are the same after normalization (R9449-10)', t => {
  for (const [one, other] of same) t.equal(normalizeTargetUri(one), other, one)
  t.end()
})

test('RFC 9449 4.3: other targets stay different (R9449-09)', t => {
  const others = [
    'https://api.example.com/mcp/', 'https://api.example.com/MCP', 'https://api.example.com//mcp', 'http://api.example.com/mcp',
    'https://api.example.com:8443/mcp', 'https://api.example.com.evil.example/mcp', 'https://api.example.com/mcp%2F'
  ]
  for (const other of others) t.not(normalizeTargetUri(other), 'https://api.example.com/mcp', other)
  t.end()
})

test('RFC 9449 4.2: what is no absolute http URI is no target URI', t => {
  const wrong = [
    '', '/mcp', 'mcp', 'ftp://api.example.com/', 'https:/api.example.com', 'https://', 'https:///mcp', 'https://user@api.example.com/mcp',
    'https://api.example.com\\mcp', 'https://api.example.com/a b', 'https://api.example.com/%zz', 'https://api.example.com/%4', 'https://%zz/',
    'https://api.example.com:port/', 'https://::1/', `https://api.example.com/${'a'.repeat(9000)}`, ' https://api.example.com/', 'https://a\nb/'
  ]
  for (const one of wrong) t.equal(normalizeTargetUri(one), null, one.slice(0, 60))
  t.end()
})

test('normalizing twice changes nothing, and query and fragment are never part of it', t => {
  const segment = fc.stringMatching(/^(?:[A-Za-z0-9._~-]|%2[0-9A-F]){0,6}$/)
  fc.assert(fc.property(fc.array(segment, { maxLength: 5 }), fc.webAuthority({ withPort: true }), segment, (segments, authority, rest) => {
    const uri = `https://${authority}/${segments.join('/')}`
    const once = normalizeTargetUri(uri)
    t.equal(normalizeTargetUri(`${uri}?${rest}#${rest}`), once)
    if (once !== null) t.equal(normalizeTargetUri(once), once)
  }), { numRuns: 200 })
  t.end()
})
