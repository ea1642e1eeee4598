import { createServer } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, LookupFunction } from 'node:net'
import type { Test } from 'tap'
import { test } from 'tap'
import { selfSigned } from '../../support/self-signed.ts'
import { addressRules, checkAddress, createGuardedFetch, guardedLookup, showUrl } from '../../../lib/http/guarded-fetch.ts'
import type { AuthorizationError } from '../../../lib/errors/authorization-error.ts'
import type { AddressRules } from '../../../lib/http/guarded-fetch.ts'
import { createHttpClient } from '../../../lib/http/http-client.ts'
import { failed } from '../../support/failed.ts'

const strict: AddressRules = { allowLoopback: false, allowedHosts: [] }
const inDevelopment = { allowLoopback: true, allowedHosts: [] }
const refusal = { name: 'AuthorizationError', code: 'FST_OAUTH_ADDRESS_REFUSED' }

async function startServer (t: Test, redirectTo: () => string): Promise<{ port: number, paths: string[] }> {
  const paths: string[] = []
  const server = createServer((request, response) => {
    paths.push(request.url!)
    if (request.url === '/away') response.writeHead(302, { location: redirectTo() })
    response.end('hello')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise(resolve => { server.closeAllConnections(); server.close(resolve) }))
  return { port: (server.address() as AddressInfo).port, paths }
}

/** Names that mean what a test says. */
function names (table: Record<string, string | string[]>): LookupFunction {
  return (hostname, options, callback) => {
    const found = table[hostname]
    if (found === undefined) callback(Object.assign(new Error('not found'), { code: 'ENOTFOUND' }), '')
    else if (options.all === true) callback(null, [found].flat().map(address => ({ address, family: address.includes(':') ? 6 : 4 })))
    else callback(null, [found].flat()[0]!, 4)
  }
}

test('URLs that are refused as they are written (MCPC-28, R9728-56, T-32)', t => {
  const urls = [
    'http://example.com/', 'javascript:alert(1)', 'file:///etc/passwd', 'data:text/plain,x', 'not a url', '', 'https://', 'ftp://example.com/',
    'https://user:password@example.com/', 'https://example.com/#fragment',
    'https://127.0.0.1/', 'https://127.1/', 'https://0x7f000001/', 'https://2130706433/', 'https://0177.0.0.1/', 'https://[::1]/',
    'https://[::ffff:127.0.0.1]/', 'https://[::ffff:7f00:1]/', 'https://[64:ff9b::7f00:1]/', 'https://localhost/', 'https://LOCALHOST/', 'https://localhost./',
    'https://a.localhost/', 'https://169.254.169.254/latest/meta-data', 'https://[fd00:ec2::254]/', 'https://10.0.0.1/', 'https://192.168.0.1:8443/',
    'https://100.100.100.200/', 'https://[fe80::1]/', 'https://0/', 'https://0.0.0.0/', 'http://localhost:3000/', 'http://127.0.0.1:3000/'
  ]
  for (const url of urls) t.throws(() => checkAddress(url, strict), refusal, url)
  t.equal(checkAddress('https://example.com/a?b=c', strict).href, 'https://example.com/a?b=c')
  t.equal(checkAddress('https://8.8.8.8/', strict).hostname, '8.8.8.8')
  t.end()
})

test('loopback is allowed where that is said, and nothing else with it (MCPC-28)', t => {
  for (const url of ['http://localhost:3000/', 'http://127.0.0.1/', 'https://127.1/', 'https://[::1]/', 'http://a.localhost/']) {
    t.ok(checkAddress(url, inDevelopment), url)
  }
  for (const url of ['https://10.0.0.1/', 'https://169.254.169.254/', 'http://example.com/', 'https://[::ffff:127.0.0.1]/', 'https://0.0.0.0/']) {
    t.throws(() => checkAddress(url, inDevelopment), refusal, url)
  }
  t.end()
})

test('hosts of a private network are allowed by name', t => {
  const rules = { allowLoopback: false, allowedHosts: ['10.0.0.1', 'login.corp.example'] }
  t.ok(checkAddress('https://10.0.0.1/', rules))
  t.ok(checkAddress('https://LOGIN.corp.example/', rules))
  t.throws(() => checkAddress('https://10.0.0.2/', rules), refusal)
  t.throws(() => checkAddress('http://login.corp.example/', rules), refusal, 'and only with TLS')
  t.end()
})

test('a refusal shows neither a password nor a query', t => {
  t.equal(showUrl('https://user:secret@example.com/a?token=secret#secret'), '"https://***@example.com/a"')
  try {
    checkAddress('https://127.0.0.1/cb?code=secret', strict)
    t.fail('it was not refused')
  } catch (error) {
    t.notMatch((error as Error).message, /secret/)
    t.match((error as Error).message, /127\.0\.0\.1/)
  }
  t.end()
})

test('a name is refused when one of its addresses is not public (MCPC-28)', t => {
  const lookup = names({ 'good.example': ['1.1.1.1', '2606:4700::1'], 'bad.example': ['1.1.1.1', '10.0.0.1'], 'local.example': '127.0.0.1' })
  const ask = (hostname: string, rules: AddressRules = strict, all = true): unknown => {
    let outcome: unknown
    guardedLookup(rules, lookup)(hostname, { all }, (error, address) => { outcome = error ?? address })
    return outcome
  }
  t.match(ask('good.example'), [{ address: '1.1.1.1' }, { address: '2606:4700::1' }])
  t.equal(ask('good.example', strict, false), '1.1.1.1')
  t.match(ask('bad.example'), refusal)
  t.match(ask('local.example', strict, false), refusal)
  t.equal(ask('local.example', inDevelopment, false), '127.0.0.1')
  t.equal(ask('local.example', { allowLoopback: false, allowedHosts: ['local.example'] }, false), '127.0.0.1')
  t.match(ask('nowhere.example'), { code: 'ENOTFOUND' })
  t.end()
})

test('the address that is connected to is the one that is checked (MCPC-28)', async t => {
  const { port, paths } = await startServer(t, () => '')
  let looks = 0
  // A name that meant something harmless a moment ago.
  const lookup: LookupFunction = (hostname, options, callback) => {
    looks++
    names({ 'rebind.example': '127.0.0.1' })(hostname, options, callback)
  }
  await t.rejects(createGuardedFetch({ lookup })(`https://rebind.example:${port}/`, {}), refusal)
  t.same([looks, paths], [1, []], 'it was looked up once and not connected to')
})

test('redirects are held to the same rules (MCPC-28)', async t => {
  let target: string = ''
  const { port, paths } = await startServer(t, () => target)
  const fetch = createGuardedFetch({ allowLoopback: true, lookup: names({ localhost: '127.0.0.1', 'inner.example': '10.0.0.1' }) })
  for (const away of ['http://169.254.169.254/', 'https://[::ffff:7f00:1]/', 'https://inner.example/', 'http://example.com/']) {
    target = away
    await t.rejects(fetch(`http://localhost:${port}/away`, { redirect: 'follow' }), refusal, target)
  }
  target = `http://127.0.0.1:${port}/here`
  t.equal(await (await fetch(`http://localhost:${port}/away`, { redirect: 'follow' })).text(), 'hello')
  t.equal(paths.at(-1), '/here')
})

test('what is no refusal stays what it is', async t => {
  const { port } = await startServer(t, () => '')
  const fetch = createGuardedFetch({ allowLoopback: true })
  t.equal((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'x' })).status, 200)
  await t.rejects(createGuardedFetch({ allowLoopback: true, lookup: names({}) })('https://nowhere.example/', {}), { name: 'TypeError' })
  const refused = await createGuardedFetch()('http://127.0.0.1/', {}).catch((error: unknown) => error as AuthorizationError)
  t.match(refused, refusal)
})

test('a certificate that nobody vouches for is refused (R9728-55)', async t => {
  const seen: string[] = []
  const server = createSecureServer(selfSigned, (request, response) => { seen.push(request.url!); response.end() })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise(resolve => { server.closeAllConnections(); server.close(resolve) }))
  const { port } = server.address() as AddressInfo
  await t.rejects(createGuardedFetch({ allowLoopback: true })(`https://localhost:${port}/`, {}), { cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' } })
  t.same(seen, [])
})

test('a host that is allowed is the same host however it is written (MCPC-28)', async t => {
  const asWritten = ['[fd00::1]', 'fd00::2', 'FD00:0:0::3', 'LOGIN.corp.example.', 'bücher.example', '010.0.0.1', 'no host']
  const rules = addressRules({ allowedHosts: asWritten })
  t.same(rules, { allowLoopback: false, allowedHosts: ['fd00::1', 'fd00::2', 'fd00::3', 'login.corp.example', 'xn--bcher-kva.example', '8.0.0.1', 'no host'] })
  for (const url of ['https://[fd00::1]/', 'https://[fd00:0::2]/', 'https://[fd00::3]/']) t.equal(checkAddress(url, createHttpClient({ allowedHosts: asWritten }).rules).href, new URL(url).href)
  t.throws(() => checkAddress('https://[fd00::4]/', rules), failed('FST_OAUTH_ADDRESS_REFUSED'))
  await t.rejects(createGuardedFetch({ allowedHosts: ['[fd00::1]'] })('https://[fd00::4]/', {}), failed('FST_OAUTH_ADDRESS_REFUSED'))
})
