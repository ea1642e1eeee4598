/** A protected route over HTTP, with tokens that never repeat. */
import { bare, compareServers, ours, peers, traffic } from './support/protected-route.js'
import { runAlone } from './support/report.js'

const oursWithoutCache = { ...ours, name: 'this package, `tokenCache: false`', server: 'oursWithoutCache' }
const raw = { name: 'bare Fastify and one raw check', server: 'raw', role: 'reference' }

export async function bench () {
  return [await compareServers({
    title: 'New tokens, over HTTP',
    unit: 'CPU of the server, × bare Fastify and one raw check',
    limit: 1.3,
    contenders: [raw, { ...raw, name: 'the same, once more', role: 'error' }, bare, ours, oursWithoutCache, ...peers],
    base: raw.name,
    requests: traffic.new
  })]
}

await runAlone(import.meta, bench)
