import { Readable } from 'node:stream'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { test } from 'tap'
import type { Inspected } from '../../../lib/forward/inspection.ts'
import { inspect } from '../../../lib/forward/inspection.ts'

const limits = { maxBytes: 100, maxMs: 10_000 }

async function look (status: number, headers: Record<string, string>, body: Buffer | string, method = 'POST'): Promise<Inspected> {
  return await inspect({ status, headers: Object.entries(headers).flat(), body: Readable.from([Buffer.from(body)], { objectMode: false }), isWhole: false }, method, limits)
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
    [200, { 'content-type': 'application/json', 'content-encoding': 'identity' }, json, 'POST']
  ] as const) {
    const { answer, body: parsed, text } = await look(status, headers, body, method)
    t.same([parsed, text, answer.status, answer.isWhole], [{ a: 1 }, json, status, true], JSON.stringify(headers))
    t.same(Buffer.concat(await answer.body.toArray() as Buffer[]), Buffer.from(body), 'byte by byte')
  }
})

test('bodies that cannot contain a token error are not read', async t => {
  for (const [status, headers, method] of [
    [200, { 'content-type': 'application/json' }, 'GET'], [200, { 'content-type': 'text/plain' }, 'POST'], [200, {}, 'POST'],
    [302, { 'content-type': 'application/json' }, 'POST'], [200, { 'content-type': 'text/event-stream' }, 'POST'],
    [500, { 'content-type': 'text/event-stream;charset=utf-8' }, 'POST'], [401, {}, 'HEAD'], [401, { 'content-length': '101' }, 'POST'],
    [200, { 'content-type': 'application/jsonl' }, 'POST']
  ] as const) {
    const { answer, body, text } = await look(status, headers, '{"a":1}', method)
    t.same([body, text], [undefined, undefined], `${status} ${JSON.stringify(headers)} ${method}`)
    t.same([answer.body.readableDidRead, answer.isWhole], [false, false])
  }
})

test('no body takes more memory than inspectBytes, also after decompression [R50]', async t => {
  const bomb = gzipSync(Buffer.alloc(101, ' '))
  t.ok(bomb.length <= 100)
  const { text, body, answer } = await look(401, { 'content-encoding': 'gzip' }, bomb)
  t.same([text, body], [undefined, undefined])
  t.same(Buffer.concat(await answer.body.toArray() as Buffer[]), bomb)
  t.equal((await look(401, {}, Buffer.alloc(100, ' '))).text?.length, 100)
  t.equal((await look(401, {}, Buffer.alloc(101, ' '))).text, undefined)
})

test('inspected bodies may be text without JSON, or fail to decompress', async t => {
  t.match(await look(401, {}, 'no'), { text: 'no', body: undefined })
  for (const encoding of ['gzip', 'br', 'zstd', 'gzip, br']) t.match(await look(401, { 'content-encoding': encoding }, 'no'), { text: undefined, body: undefined })
})
