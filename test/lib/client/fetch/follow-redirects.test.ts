import fc from 'fast-check'
import { test } from 'tap'
import type { Hop } from '../../../../lib/client/fetch/outgoing-request.ts'
import { followRedirects } from '../../../../lib/client/fetch/outgoing-request.ts'

const url = 'https://api.example.com/v1/things?q=1#part'
const ofTheBody = { 'content-encoding': 'gzip', 'content-language': 'en', 'content-length': '1', 'content-location': '/x', 'content-type': 'text/plain' }
const headersOf = (headers: Headers): Record<string, string> => Object.fromEntries(headers)

async function follow (method: string, steps: ReadonlyArray<readonly [number, string | null]>, more: { isRepeatable?: boolean, headers?: Record<string, string> } = {}) {
  const sent: Hop[] = []
  const init: RequestInit & { duplex?: string } = { method, credentials: 'omit', ...method !== 'GET' && { body: 'x', duplex: 'half' } }
  const send = async (hop: Hop): Promise<Response> => {
    sent.push(hop)
    const [status, location] = steps[sent.length - 1] ?? [200, null]
    return new Response(null, { status, headers: location === null ? {} : { location } })
  }
  const first: Hop = { url, method, headers: new Headers(more.headers), init }
  const response = await followRedirects(first, await send(first), { isRepeatable: more.isRepeatable ?? true, send })
  return { sent, response }
}

test('an answer that is no redirect, and one that says nowhere', async t => {
  for (const [status, location] of [[200, 'https://x.example'], [300, 'https://x.example'], [304, 'https://x.example'], [302, null]] as const) {
    const { sent, response } = await follow('GET', [[status, location]])
    t.strictSame([sent.map(hop => hop.url), response.status, response.redirected], [[url], status, false])
  }
})

test('the method and the body, as the Fetch standard has them', async t => {
  const kept = { body: 'x', duplex: 'half', credentials: 'omit' }
  const cases: ReadonlyArray<readonly [number, string, string]> = [
    [301, 'POST', 'GET'], [302, 'POST', 'GET'], [303, 'POST', 'GET'], [307, 'POST', 'POST'], [308, 'POST', 'POST'],
    [301, 'PUT', 'PUT'], [302, 'DELETE', 'DELETE'], [303, 'PUT', 'GET'], [303, 'GET', 'GET'], [303, 'HEAD', 'HEAD'], [302, 'GET', 'GET']
  ]
  for (const [status, method, next] of cases) {
    const { sent, response } = await follow(method, [[status, '/v2']], { headers: { ...ofTheBody, accept: '*/*' } })
    t.equal(sent[1]!.method, next, `${status} ${method}`)
    t.equal(sent[1]!.init.method, next)
    t.ok(response.redirected)
    t.strictSame(headersOf(sent[1]!.headers), { ...method === next && ofTheBody, accept: '*/*' })
    if (method === 'POST') t.strictSame(sent[1]!.init, next === 'POST' ? { method, ...kept } : { method: 'GET', credentials: 'omit' })
  }
})

test('where it goes', async t => {
  const { sent } = await follow('GET', [[302, '../v2/x'], [302, '//other.example/y#z'], [302, '?a']])
  t.strictSame(sent.map(hop => hop.url), [url, 'https://api.example.com/v2/x#part', 'https://other.example/y#z', 'https://other.example/y?a#z'])
})

test('credentials are removed from a redirect to another origin [MCPC-17]', async t => {
  const headers = { authorization: 'Bearer x', cookie: 'a=b', host: 'api.example.com', 'proxy-authorization': 'y', 'x-mine': '1' }
  const { sent } = await follow('GET', [[302, '/v2'], [302, 'https://api.example.com:8443/']], { headers })
  t.strictSame(headersOf(sent[1]!.headers), headers)
  t.strictSame(headersOf(sent[2]!.headers), { 'x-mine': '1' })
})

test('redirects that are not followed throw a TypeError', async t => {
  await t.rejects(follow('GET', [[302, 'https://']]), { name: 'TypeError', message: 'redirected to an invalid URL' })
  for (const location of ['ftp://x.example', 'javascript:alert(1)', 'data:,x']) await t.rejects(follow('GET', [[302, location]]), { name: 'TypeError', message: 'redirected to a URL that is not http or https' }, location)
  await t.rejects(follow('POST', [[307, '/']], { isRepeatable: false }), { message: 'redirected, and the body cannot be sent again' })
  t.equal((await follow('POST', [[303, '/']], { isRepeatable: false })).sent.length, 2, 'where none is needed any more')
  t.equal((await follow('GET', Array(20).fill([302, '/']))).sent.length, 21)
  await t.rejects(follow('GET', Array(21).fill([302, '/'])), { message: 'redirected too often' })
})

test('no chain of redirects takes credentials to another origin [MCPC-17]', async t => {
  const location = fc.oneof(fc.webUrl(), fc.webPath({ size: 'small' }).filter(path => !path.startsWith('//')))
  const step = fc.tuple(fc.constantFrom(301, 302, 303, 307, 308), location)
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 5 }), async steps => {
    const { sent } = await follow('POST', steps, { headers: { authorization: 'Bearer x' } })
    let left = false
    for (const hop of sent) {
      left ||= new URL(hop.url).origin !== new URL(url).origin
      if (hop.headers.has('authorization') === left) throw new Error(hop.url)
    }
  }), { numRuns: 100 })
})
