import { Readable } from 'node:stream'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { Inspected } from '../../../lib/forward/inspection.ts'
import { headersOf, inspect } from '../../../lib/forward/inspection.ts'

const limits = { maxBytes: 100, maxMs: 10_000 }

async function look (status: number, headers: Record<string, string>, body: Buffer | string, method = 'POST'): Promise<Inspected> {
  return await inspect({ status, headers: Object.entries(headers).flat(), body: Readable.from([Buffer.from(body)], { objectMode: false }) }, method, limits)
}

test('a body that may contain a token error is read, and the caller still gets it', async t => {
  const json = '{"a":1}'
  for (const [status, headers, body, method] of [
    [200, { 'content-type': 'application/json' }, json, 'POST'], [201, { 'Content-Type': 'Application/JSON; charset=utf-8' }, json, 'POST'],
    [200, { 'content-type': 'application/problem+json' }, json, 'POST'], [400, {}, json, 'GET'], [401, { 'content-type': 'text/html' }, json, 'PUT'],
    [200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }, gzipSync(json), 'POST'],
    [200, { 'content-type': 'application/json', 'content-encoding': ' X-GZIP ' }, gzipSync(json), 'POST'],
    [200, { 'content-type': 'application/json', 'content-encoding': 'deflate' }, deflateSync(json), 'POST'],
    [200, { 'content-type': 'application/json', 'content-encoding': 'br' }, brotliCompressSync(json), 'POST'],
    [200, { 'content-type': 'application/json', 'content-encoding': 'identity' }, json, 'POST'],
    [299, { 'content-type': 'application/json ; charset=utf-8' }, json, 'POST'], [400, { 'content-length': '100' }, json, 'GET'], [599, {}, json, 'DELETE']
  ] as const) {
    const { answer, body: parsed, text } = await look(status, headers, body, method)
    t.same([parsed, text, answer.status], [{ a: 1 }, json, status], JSON.stringify(headers))
    t.same(answer.body, Buffer.from(body), 'byte by byte')
  }
})

test('bodies that cannot contain a token error are not read', async t => {
  for (const [status, headers, method] of [
    [200, { 'content-type': 'application/json' }, 'GET'], [200, { 'content-type': 'text/plain' }, 'POST'], [200, {}, 'POST'],
    [302, { 'content-type': 'application/json' }, 'POST'], [200, { 'content-type': 'text/event-stream' }, 'POST'],
    [500, { 'content-type': 'text/event-stream;charset=utf-8' }, 'POST'], [401, {}, 'HEAD'], [401, { 'content-length': '101' }, 'POST'],
    [200, { 'content-type': 'application/jsonl' }, 'POST'], [200, { 'content-type': 'x/application/json' }, 'POST'], [400, { 'content-length': '101' }, 'GET'],
    [300, { 'content-type': 'application/json' }, 'POST'], [399, { 'content-type': 'application/json' }, 'POST'],
    [200, { 'content-type': 'application/json' }, 'PUT'], [200, { 'content-type': 'application/json' }, 'HEAD']
  ] as const) {
    const { answer, body, text } = await look(status, headers, '{"a":1}', method)
    t.same([body, text], [undefined, undefined], `${status} ${JSON.stringify(headers)} ${method}`)
    t.equal((answer.body as Readable).readableDidRead, false)
  }
})

test('no body takes more memory than inspectBytes, also after decompression [R50]', async t => {
  for (const [encoding, compress] of [['gzip', gzipSync], ['x-gzip', gzipSync], ['deflate', deflateSync], ['br', brotliCompressSync]] as const) {
    t.equal((await look(401, { 'content-encoding': encoding }, compress(Buffer.alloc(100, ' ')))).text?.length, 100, encoding)
    const bomb = compress(Buffer.alloc(101, ' '))
    t.ok(bomb.length <= 100)
    const { text, body, answer } = await look(401, { 'content-encoding': encoding }, bomb)
    t.same([text, body], [undefined, undefined], encoding)
    t.same(answer.body, bomb)
  }
  t.equal((await look(401, {}, Buffer.alloc(100, ' '))).text?.length, 100)
  t.equal((await look(401, {}, Buffer.alloc(101, ' '))).text, undefined)
})

test('inspected bodies may be text without JSON, or fail to decompress', async t => {
  const plain = await look(401, {}, 'no')
  t.same([plain.text, plain.body], ['no', undefined])
  for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, br']) {
    const { text, body } = await look(401, { 'content-encoding': encoding }, 'no')
    t.same([text, body], [undefined, undefined], encoding)
  }
})

test('the headers of an error response are those of all its lines; a successful response has none', t => {
  const answer = (status: number): Inspected['answer'] => ({
    status, headers: ['WWW-Authenticate', 'Basic', 'x-a', '1', 'www-authenticate', 'Bearer'], body: Readable.from([])
  })
  for (const status of [200, 302, 399]) t.same([...headersOf(answer(status))], [], String(status))
  for (const status of [400, 401, 503]) t.same([...headersOf(answer(status))], [['www-authenticate', 'Basic, Bearer'], ['x-a', '1']], String(status))
  t.end()
})

test('the error of a body that breaks off has the cause for the log', async t => {
  const cause = new Error('it broke off')
  const body = new Readable({ read () { this.destroy(cause) } })
  await t.rejects(inspect({ status: 400, headers: ['content-type', 'text/plain'], body }, 'GET', limits), { code: 'FST_OAUTH_FORWARD_UPSTREAM_UNREACHABLE', cause })
})
