/** A protected route over HTTP, with one token in every request. */
import { bare, bareAgain, compareServers, ours, peers, traffic } from './support/protected-route.js'
import { runAlone } from './support/report.js'

export async function bench () {
  return [await compareServers({
    title: 'A hot token, over HTTP', unit: 'CPU of the server, × bare Fastify', limit: 1.12, contenders: [bare, bareAgain, ours, ...peers], requests: traffic.hot
  })]
}

await runAlone(import.meta, bench)
