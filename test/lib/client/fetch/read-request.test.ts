import { test } from 'tap'
import { readRequest } from '../../../../lib/client/fetch/outgoing-request.ts'

const url = 'https://api.example.com/v1'

test('Fetch 2.2.1: the methods that fetch writes in capitals are, and no others', async t => {
  const methodOf = async (method: string): Promise<unknown> => {
    const request = await readRequest(url, { method }, 0)
    t.equal(request.init.method, request.method)
    return request.method
  }
  for (const method of ['delete', 'get', 'head', 'options', 'post', 'put']) t.equal(await methodOf(method), method.toUpperCase())
  for (const method of ['patch', 'Patch', 'repost', 'posted']) t.equal(await methodOf(method), method)
  t.equal((await readRequest(url, {}, 0)).method, 'GET')
})

test('a body of any kind but a stream can be sent again [R51]', async t => {
  const isRepeatable = async (body: unknown): Promise<boolean> => (await readRequest(url, { method: 'POST', body: body as string }, 0)).isRepeatable
  for (const body of ['text', new Uint8Array(1), new DataView(new ArrayBuffer(1)), new ArrayBuffer(1), new SharedArrayBuffer(1), new URLSearchParams(), new FormData(), new Blob([]), new File([], 'x')]) {
    t.equal(await isRepeatable(body), true, Object.prototype.toString.call(body))
  }
  for (const body of [new Blob(['x']).stream(), { async * [Symbol.asyncIterator] () { yield 'x' } }, {}]) t.equal(await isRepeatable(body), false)
})

test('the settings of a Request are kept, and those of the second argument override them', async t => {
  const given = { method: 'POST', redirect: 'manual', credentials: 'omit', integrity: 'sha256-x', keepalive: true, mode: 'cors', referrer: `${url}/page`, referrerPolicy: 'no-referrer' } as const
  const { init } = await readRequest(new Request(url, given), { redirect: 'error', credentials: 'include' }, 0)
  const { signal, ...rest } = init
  t.strictSame(rest, { ...given, redirect: 'error', credentials: 'include' })
  t.ok(signal)
  t.notOk('referrer' in (await readRequest(new Request(url), {}, 0)).init, 'the default of a Request is no referrer')
  const navigation = Object.defineProperty(new Request(url), 'mode', { value: 'navigate' })
  t.notOk('mode' in (await readRequest(navigation, {}, 0)).init, 'no other request may have the mode of a navigation')
  t.strictSame((await readRequest(url, { credentials: 'omit' }, 0)).init, { credentials: 'omit', method: 'GET' }, 'a URL has no settings')
})

test('the body of a Request is kept up to the limit, and is a stream beyond it', async t => {
  const read = async (limit: number): Promise<[boolean, unknown, string]> => {
    const { isRepeatable, init } = await readRequest(new Request(url, { method: 'POST', body: '12345' }), {}, limit)
    return [isRepeatable, (init as { duplex?: string }).duplex, await new Response(init.body).text()]
  }
  t.strictSame(await read(5), [true, undefined, '12345'])
  t.strictSame(await read(4), [false, 'half', '12345'])
})

test('Fetch 5.4: a signal of null in the second argument takes the signal of the Request away', async t => {
  const { signal, init } = await readRequest(new Request(url, { method: 'POST', body: 'x' }), { signal: null }, 10)
  t.equal(signal, null)
  t.notOk('signal' in init)
})
