import fc from 'fast-check'
import { test } from 'tap'
import { locationFor, parseAddress, splitTarget, targetOf } from '../../../lib/forward/address.ts'

const mcp = { origin: 'https://up.example', path: '/mcp' }

test('an upstream must be an http or https URL', t => {
  t.same(parseAddress('x', 'https://up.example', false), { origin: 'https://up.example', path: '/' })
  t.same(parseAddress('x', 'HTTPS://UP.example:443/a/../b/', false), { origin: 'https://up.example', path: '/b/' })
  for (const host of ['localhost', 'a.localhost', '127.0.0.1', '127.9.9.9', '[::1]']) t.ok(parseAddress('x', `http://${host}:8080/mcp`, false), host)
  for (const host of ['localhost.evil.example', '127.0.0.1.evil.example', 'evil-localhost', '10.0.0.1', '[::2]', '0.0.0.0']) {
    t.throws(() => parseAddress('x', `http://${host}/`, false), { code: 'FST_OAUTH_OPTION_INVALID', message: /plain HTTP/ }, host)
    t.ok(parseAddress('x', `http://${host}/`, true), `${host} when it is allowed`)
  }
  for (const upstream of ['up.example', 'ftp://up.example', 'javascript:alert(1)', '/mcp', '']) {
    t.throws(() => parseAddress('x', upstream, true), { message: `x must be an http or https URL, got ${JSON.stringify(upstream)}` }, upstream)
  }
  for (const upstream of ['https://u:p@up.example/', 'https://u@up.example/', 'https://up.example/?', 'https://up.example/?a=b', 'https://up.example/#c', 'https://:p@up.example/']) {
    t.throws(() => parseAddress('x', upstream, true), { message: 'x must have no user, query or fragment, but "https://up.example/" has one' }, upstream)
  }
  t.end()
})

test('a request target is split into the path of the proxy target and the rest', t => {
  for (const [url, segments, own, rest] of [
    ['/forward/id', 2, '/forward/id', ''], ['/forward/id/', 2, '/forward/id', '/'], ['/forward/id?a/b', 2, '/forward/id', '?a/b'],
    ['/forward/id/a//b?c#d', 2, '/forward/id', '/a//b?c#d'], ['http://h:1/forward/id/a', 2, '/forward/id', '/a'], ['/x', 2, '/x', ''],
    ['//forward//id//a', 2, '//forward//id', '//a'], ['/forward/id/http://evil/', 2, '/forward/id', '/http://evil/'], ['/p', 1, '/p', '']
  ] as const) t.same(splitTarget(url, segments), { own, rest }, url)
  t.end()
})

test('no request path leads outside the upstream path, and its bytes are unchanged [R42]', t => {
  const segment = fc.string({ unit: fc.constantFrom('.', '%2e', '%2E', '%252e', '/', '%2f', '\\', '%5c', ';', 'a', '%41', '?', '%', '%25', '#', '%09', '%0a', '%0D', '%00', '%20') })
  fc.assert(fc.property(segment, fc.constantFrom('/', '/mcp', '/mcp/', '/a/b'), (rest, path) => {
    const suffix = rest.startsWith('?') || rest === '' ? rest : `/${rest}`
    let target: string
    try {
      target = targetOf({ origin: mcp.origin, path }, suffix)
    } catch {
      return
    }
    const lax = target.split('?', 1)[0]!.replaceAll(/%25/g, '%').replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '/')
      .replaceAll(/%0[09ad]/gi, '').replaceAll('%20', ' ').split('/').map(segment => segment.trim()).join('/')
    const url = new URL(target, mcp.origin)
    const base = path.replace(/\/$/, '')
    return url.origin === mcp.origin && `${url.pathname}/`.startsWith(`${base}/`) && `${new URL(lax, mcp.origin).pathname}/`.startsWith(`${base}/`) &&
      target.endsWith(suffix.replace(/^\/+/, ''))
  }), { numRuns: 5000 })
  t.equal(targetOf(mcp, '/.well-known/x?../..'), '/mcp/.well-known/x?../..', 'dots in names and in queries are no steps')
  t.equal(targetOf(mcp, '/...'), '/mcp/...')
  t.equal(targetOf(mcp, '/a%'), '/mcp/a%')
  t.equal(targetOf(mcp, '/a%20b/...%20'), '/mcp/a%20b/...%20', 'spaces in names are spaces')
  for (const rest of ['/.%09./admin', '/..%0a/admin', '/..%0D/admin', '/..%00', '/..%20/admin', '/%20../admin', '/.%2509./admin', '/%2e%20;x/admin', '/a%7f', '/%2e%2e%3f', '/%2e%2e%3fx', '/a/..%3b', '/..%23', '/%2e%3fa/b', '/%252e%252e%253f']) {
    t.throws(() => targetOf(mcp, rest), { code: 'FST_OAUTH_FORWARD_PATH_REFUSED' }, rest)
  }
  t.equal(targetOf({ ...mcp, path: '/mcp//' }, '//a//b'), '/mcp/a//b', 'one slash between the two, and the others unchanged')
  for (const rest of ['/a#b', '/#', '/a\\b', '/\\']) t.throws(() => targetOf(mcp, rest), { code: 'FST_OAUTH_FORWARD_PATH_REFUSED' }, `${rest} as it is`)
  const encoded = (times: number): string => `/%${'25'.repeat(times - 1)}41`
  t.equal(targetOf(mcp, encoded(7)), `/mcp${encoded(7)}`, 'a letter that is encoded seven times')
  for (const times of [8, 20]) t.throws(() => targetOf(mcp, encoded(times)), { code: 'FST_OAUTH_FORWARD_PATH_REFUSED' }, `a letter that is encoded ${times} times`)
  t.throws(() => targetOf(mcp, `/%${'25'.repeat(20)}2e`), { code: 'FST_OAUTH_FORWARD_PATH_REFUSED', statusCode: 400 }, 'encoded more often than anybody does')
  t.end()
})

test('RFC 9110 10.2.2: a Location inside the upstream path is rewritten to the path of the proxy', t => {
  for (const [location, address, expected] of [
    ['https://up.example/mcp/a?b#c', mcp, '/own/a?b#c'], ['https://up.example/mcp', mcp, '/own'], ['https://up.example/mcp/', mcp, '/own/'],
    ['a', mcp, '/own/a'], ['?q', mcp, '/own/here?q'], ['/', { ...mcp, path: '/' }, '/own/'], ['/a', { ...mcp, path: '/' }, '/own/a'],
    ['/mcp/', { ...mcp, path: '/mcp/' }, '/own/'], ['/mcp', { ...mcp, path: '/mcp/' }, '/own'], ['//other.example/mcp', mcp, 'https://other.example/mcp'],
    ['http://up.example/mcp', mcp, 'http://up.example/mcp'], ['../x', mcp, 'https://up.example/x'], ['http://[', mcp, 'http://[']
  ] as const) t.equal(locationFor(location, address, '/mcp/here', '/own'), expected, location)
  t.equal(locationFor('a', mcp, '/mcp/here', '//forward//id'), '/forward//id/a', 'and never on a host that is called like it')
  t.end()
})
