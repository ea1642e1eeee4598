import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { test } from 'tap'
import { createLoopbackRedirect } from '../../../../lib/client/oauth/redirects.ts'
import { failed } from '../../../support/failed.ts'

const authorization = new URL('https://login.example.com/authorize')

test('RFC 8252 7.3: the browser returns to a loopback port [MCPC-27]', async t => {
  const opened: string[] = []
  let shown: Promise<Response> | null = null
  const browser = createLoopbackRedirect({
    open (url) {
      opened.push(url.href)
      shown = fetch(`${prepared.redirectUri}?state=s1&code=c`)
    }
  })
  const prepared = await browser.prepare(null)
  t.teardown(() => prepared.close())
  t.match(prepared.redirectUri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/)
  const back = await prepared.visit(authorization, 's1')
  t.equal(back.href, `${prepared.redirectUri}?state=s1&code=c`)
  t.same(opened, [authorization.href])
  const response = await shown!
  t.equal(response.status, 200)
  t.match(await response.text(), /close this window/)
  t.match(Object.fromEntries(response.headers), { 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'content-security-policy': /default-src 'none'/, 'content-type': 'text/html; charset=utf-8', connection: 'close' })
})

test('a request with another state gets 404 and does not end the wait [MCPC-21]', async t => {
  const statuses: number[] = []
  const browser = createLoopbackRedirect({
    path: '/back',
    page: 'mine',
    async open () {
      const { redirectUri } = prepared
      for (const [url, init] of [
        [`${redirectUri}?state=other&code=c`], [`${redirectUri}?code=c`], [`${redirectUri}/more?state=s1`], [`${redirectUri}?state=s1`, { method: 'POST' }], [new URL('/favicon.ico', redirectUri).href]
      ] as Array<[string, RequestInit?]>) statuses.push((await fetch(url, init)).status)
      statuses.push(await statusFor(redirectUri, 'evil.example'))
      for (const target of ['//', 'http://[', '//evil.example/back?state=s1&code=c', 'http://evil.example/back?state=s1&code=c', '*']) statuses.push(await statusForTarget(redirectUri, target))
      statuses.push((await fetch(`${redirectUri}?state=s1&error=access_denied`)).status)
    }
  })
  const prepared = await browser.prepare(null)
  t.teardown(() => prepared.close())
  t.equal((await prepared.visit(authorization, 's1')).searchParams.get('error'), 'access_denied')
  t.same(statuses.slice(0, 11), Array.from({ length: 11 }, () => 404))
})

/** As a page would come that has a name of its own for this machine. */
function statusFor (redirectUri: string, host: string): Promise<number> {
  return new Promise(resolve => {
    request(`${redirectUri}?state=s1&code=c`, { headers: { host } }, response => { response.resume(); resolve(response.statusCode!) }).end()
  })
}

/** With a request target that a `fetch` would not send. */
function statusForTarget (redirectUri: string, target: string): Promise<number> {
  const { hostname, port, host } = new URL(redirectUri)
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: target, headers: { host } }, response => { response.resume(); resolve(response.statusCode!) }).on('error', reject).end()
  })
}

test('a second visit to the same redirect URI waits for its own state alone', async t => {
  const browser = createLoopbackRedirect({ open: async () => { await fetch(`${prepared.redirectUri}?state=${states.shift()}`) } })
  const states = ['s1', 's2']
  const prepared = await browser.prepare(null)
  t.teardown(() => prepared.close())
  for (const state of [...states]) t.equal((await prepared.visit(authorization, state)).searchParams.get('state'), state)
})

test('two visits to the same redirect URI at once get each their own response', async t => {
  const prepared = await createLoopbackRedirect({ open () {} }).prepare(null)
  t.teardown(() => prepared.close())
  const visits = ['s1', 's2'].map(async state => (await prepared.visit(authorization, state)).searchParams.get('code'))
  for (const state of ['s2', 's1']) t.equal((await fetch(`${prepared.redirectUri}?state=${state}&code=of-${state}`)).status, 200)
  t.same(await Promise.all(visits), ['of-s1', 'of-s2'])
  const again = await fetch(`${prepared.redirectUri}?state=s1&code=again`)
  t.same([again.status, await again.text()], [404, 'No sign-in is pending here.'], 'a response is taken once, and the browser says so')
})

test('the wait ends if the user does not return or the browser cannot be opened', async t => {
  const late = await createLoopbackRedirect({ open () {}, timeoutMs: 1 }).prepare(null)
  t.teardown(() => late.close())
  await t.rejects(late.visit(authorization, 's1'), failed('FST_OAUTH_INTERACTION_ABORTED'))
  const broken = await createLoopbackRedirect({ open () { throw new Error('no browser') } }).prepare(null)
  t.teardown(() => broken.close())
  await t.rejects(broken.visit(authorization, 's1'), { message: 'no browser' })
})

/** Whether a program at this address could be reached. */
function accepts (port: string, host: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(Number(port), host, () => { socket.destroy(); resolve(true) }).on('error', () => { resolve(false) })
  })
}

test('RFC 8252 8.3: the redirect listens on the loopback address alone, on a free port as on one of last time', async t => {
  const addresses = Object.values(networkInterfaces()).flatMap(found => found ?? []).filter(({ address, scopeid = 0 }) => address !== '127.0.0.1' && scopeid === 0)
  const browser = createLoopbackRedirect({ open () {} })
  const first = await browser.prepare(null)
  const second = await browser.prepare(first.redirectUri)
  for (const { redirectUri } of [first, second]) {
    const { port } = new URL(redirectUri)
    t.equal(await accepts(port, '127.0.0.1'), true)
    for (const { address } of addresses) t.equal(await accepts(port, address), false, address)
  }
  await Promise.all([first.close(), second.close()])
})

test('close does not wait for connections that a browser opened ahead', async t => {
  const prepared = await createLoopbackRedirect({ open () {} }).prepare(null)
  const socket = connect(Number(new URL(prepared.redirectUri).port), '127.0.0.1')
  await once(socket, 'connect')
  await prepared.close()
  t.pass()
  socket.destroy()
})

test('the port of last time is taken again, if it is free', async t => {
  const browser = createLoopbackRedirect({ open () {} })
  const first = await browser.prepare(null)
  const second = await browser.prepare(first.redirectUri)
  t.not(second.redirectUri, first.redirectUri)
  await first.close()
  const third = await browser.prepare(first.redirectUri)
  t.equal(third.redirectUri, first.redirectUri)
  const port = Number(new URL(third.redirectUri).port)
  await t.rejects(createLoopbackRedirect({ open () {}, port }).prepare(second.redirectUri), { code: 'EADDRINUSE' }, 'a port that was asked for is that port')
  await Promise.all([second.close(), third.close()])
  const fixed = await createLoopbackRedirect({ open () {}, port }).prepare('http://127.0.0.1:1/callback')
  t.equal(new URL(fixed.redirectUri).port, String(port))
  await fixed.close()
})
