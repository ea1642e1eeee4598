/** Requests that anybody can send: without a token, with garbage, and with a forged signature. Each answer has its challenge. */
import { forge } from './support/issuer.js'
import { bare, bareAgain, compareServers, ours, peers, traffic } from './support/protected-route.js'
import { runAlone } from './support/report.js'

const forged = tokens => {
  const { warmUp, requests } = traffic.new(tokens.map(forge))
  return { warmUp, requests, status: 401 }
}

export async function bench () {
  const contenders = [bare, bareAgain, ours, ...peers.filter(({ role }) => role === 'peer')]
  const unit = 'CPU of the server, × 200 of bare Fastify'
  const valid = { ...ours, name: 'this package, a new token that is valid', role: 'reference', requests: traffic.new }
  return [
    await compareServers({ title: 'No token → 401', unit, limit: 1.3, contenders, requests: traffic.none }),
    await compareServers({ title: 'Garbage → 401', unit, limit: 1.3, contenders, requests: traffic.garbage }),
    await compareServers({
      title: 'A forged signature → 401',
      unit: 'CPU of the server, × a new token that is valid, at this package',
      limit: 1,
      base: valid.name,
      contenders: [valid, { ...valid, name: 'the same, once more', role: 'error' }, ours, ...peers.filter(({ role }) => role === 'peer')],
      requests: forged
    })
  ]
}

await runAlone(import.meta, bench)
