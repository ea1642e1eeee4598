/** The proxy, over @fastify/reply-from, in front of one upstream. Ours reads small JSON answers to a POST to judge them. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { cpuPerRequest, repeat, start } from './support/http.js'
import { runAlone } from './support/report.js'
import { interleave, over } from './support/rounds.js'
import { amount, rounds } from './support/settings.js'
import { median } from './support/statistics.js'

const headers = { 'x-forward-secret': 'a-secret-that-is-not-to-be-guessed' }
const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'whoami', arguments: {} } })
const answer = JSON.stringify({ jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'ada' }] } })
const page = Buffer.alloc(100_000, 'a')
const loads = [
  { name: 'GET, 100 kB of text', request: { path: '/up/page', headers } },
  { name: 'POST, a small JSON-RPC call', request: { path: '/up/rpc', method: 'POST', body: call, headers: { ...headers, 'content-type': 'application/json' } } }
]
const contenders = [
  { name: '@fastify/reply-from', role: 'peer', proxy: 'reply-from' },
  { name: '@fastify/reply-from, once more', role: 'error', proxy: 'reply-from' },
  { name: 'this package', role: 'ours', proxy: 'ours' }
]

export async function bench () {
  const upstream = createServer((request, response) => {
    request.resume().once('end', () => {
      if (request.url === '/page') response.setHeader('content-type', 'text/plain').end(page)
      else response.setHeader('content-type', 'application/json').end(answer)
    })
  }).listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const origin = `http://127.0.0.1:${upstream.address().port}`
  const results = []
  for (const { name: load, request } of loads) {
    const samples = await interleave(contenders, Math.ceil(rounds * 0.6), async ({ proxy }) => {
      const server = await start('proxy.js', proxy, origin)
      try {
        return await cpuPerRequest(server, server.message.port, { warmUp: repeat(request, amount(3000, 2000)), requests: repeat(request, amount(2000, 1000)) })
      } finally {
        await server.stop()
      }
    })
    const base = samples.get(contenders[0].name)
    results.push({
      title: `The proxy: ${load}`,
      unit: 'CPU of the proxy, × @fastify/reply-from',
      limit: 1.1,
      base: `1 is ${median(base).toFixed(0)} µs.`,
      rows: contenders.map(({ name, role }) => ({ name, role, values: over(samples.get(name), base) }))
    })
  }
  upstream.close()
  upstream.closeAllConnections()
  return results
}

await runAlone(import.meta, bench)
