import { cpuPerRequest, repeat, send, start } from './http.js'
import { interleave, over } from './rounds.js'
import { amount, rounds } from './settings.js'
import { median } from './statistics.js'

/**
 * Compares servers that share one process, in slices that follow each other closely.
 *
 * @param contenders a list of `{ name, role, port, request }`, the first of them is 1
 */
export async function compareInOneProcess ({ title, unit, limit, module = 'open-server.js', args = [], contenders }) {
  const server = await start(module, ...args)
  for (const { port, request } of contenders) await send(server.message[port], repeat(request, amount(16_000, 6000)))
  const samples = await interleave(contenders, rounds * 2, ({ port, request }) =>
    cpuPerRequest(server, server.message[port], { warmUp: repeat(request, 300), requests: repeat(request, 1000) }), 2)
  await server.stop()
  const base = samples.get(contenders[0].name)
  return {
    title,
    unit,
    limit,
    base: `1 is ${median(base).toFixed(0)} µs.`,
    rows: contenders.map(({ name, role }) => ({ name, role, values: over(samples.get(name), base) }))
  }
}
