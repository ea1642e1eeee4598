/** A route with `oauth: false`, over the same route of a server without this package. */
import { compareInOneProcess } from './support/one-process.js'
import { runAlone } from './support/report.js'

export async function bench () {
  const request = { path: '/' }
  return [await compareInOneProcess({
    title: 'An open route (`oauth: false`)',
    unit: 'CPU of the server, × the same server without this package',
    limit: 1.03,
    contenders: [
      { name: 'bare Fastify', role: 'reference', port: 'bare', request },
      { name: 'bare Fastify, once more', role: 'error', port: 'again', request },
      { name: 'this package', role: 'ours', port: 'ours', request }
    ]
  })]
}

await runAlone(import.meta, bench)
