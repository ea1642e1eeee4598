import fc from 'fast-check'
import { test } from 'tap'
import { coversUrl } from '../../../../lib/client/fetch/resource-match.ts'

const url = 'https://mcp.example.com/a/mcp'

test('RFC 9728 3.3: exact match compares the strings [C-2 R9728-54]', t => {
  t.equal(coversUrl(url, url, 'exact'), true)
  for (const other of ['https://mcp.example.com/a', 'https://mcp.example.com', `${url}/`, 'https://MCP.example.com/a/mcp', 'https://mcp.example.com:443/a/mcp']) {
    t.equal(coversUrl(other, url, 'exact'), false, other)
  }
  t.end()
})

test('prefix match compares origin and the first path segments [C-2 MCPC-05]', t => {
  for (const covering of [url, `${url}/`, 'https://mcp.example.com/a', 'https://mcp.example.com/a/', 'https://mcp.example.com', 'https://mcp.example.com/', 'https://MCP.example.com:443/a']) {
    t.equal(coversUrl(covering, url, 'prefix'), true, covering)
  }
  for (const foreign of [
    'https://evil.example.com/a/mcp', 'https://mcp.example.com.evil.com/a/mcp', 'http://mcp.example.com/a/mcp', 'https://mcp.example.com:8443/a/mcp',
    'https://mcp.example.com/a/mc', 'https://mcp.example.com/a/mcp/b', 'https://mcp.example.com/b', 'https://mcp.example.com/A/mcp', 'https://mcp.example.com/a/mcp?x=1'
  ]) t.equal(coversUrl(foreign, url, 'prefix'), false, foreign)
  t.equal(coversUrl('https://mcp.example.com/a?x=1', 'https://mcp.example.com/a/b?x=1', 'prefix'), true, 'a query is part of it')
  t.equal(coversUrl('https://mcp.example.com/a', 'https://mcp.example.com/a/../b', 'prefix'), false, 'a path is what it comes to')
  t.end()
})

test('a resource covers only URLs of its own origin [C-2]', t => {
  fc.assert(fc.property(fc.webUrl({ validSchemes: ['https'] }), fc.webUrl({ validSchemes: ['https'] }), (one, other) =>
    !coversUrl(one, other, 'prefix') || new URL(one).origin === new URL(other).origin))
  t.end()
})
