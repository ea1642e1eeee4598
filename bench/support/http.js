import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { median } from './statistics.js'

/** Starts a module of this folder as a process and waits until its server listens. */
export async function start (module, ...args) {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = once(child, 'exit').then(() => { throw new Error(`${module} ${args[0] ?? ''} ended`) })
  ended.catch(() => {})
  const heard = () => Promise.race([new Promise(resolve => child.once('message', resolve)), ended])
  const message = await heard()
  return {
    message,
    /** CPU time that the process has used, in microseconds. */
    async cpu () {
      const answer = heard()
      child.send('cpu')
      return (await answer).cpu
    },
    async stop () {
      child.kill()
      await once(child, 'exit')
    }
  }
}

const connections = 10

/**
 * Sends requests over ten connections, each its next one when it has the answer to the last.
 *
 * @param requests what `undici` takes, one for each request
 * @param status what each answer must have
 */
export async function send (port, requests, status = 200) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections })
  let next = 0
  let isDone = false
  const stayAwake = () => { if (!isDone) setImmediate(stayAwake) }
  stayAwake()
  await Promise.all(Array.from({ length: connections }, async () => {
    while (next < requests.length) {
      const request = requests[next++]
      const { statusCode, body } = await pool.request({ path: '/', method: 'GET', ...request })
      if (statusCode !== status) throw new Error(`status ${statusCode} in place of ${status}: ${await body.text()}`)
      await body.dump()
    }
  }))
  isDone = true
  await pool.close()
}

/** As many requests are measured together. */
const slice = 1000

/**
 * CPU time of the server for one request, after as many others as it takes to be warm: the median of several slices. The compiler of
 * the engine works in bursts, and one of them takes as long as thousands of requests. Each slice has connections of its own, also
 * of the warm-up: their ends make the engine compile again what it took for settled.
 */
export async function cpuPerRequest (server, port, { warmUp, requests, status }) {
  for (let i = 0; i < warmUp.length; i += 4 * slice) await send(port, warmUp.slice(i, i + 4 * slice), status)
  const took = []
  for (let i = 0; i < requests.length; i += slice) {
    const some = requests.slice(i, i + slice)
    const before = await server.cpu()
    await send(port, some, status)
    took.push((await server.cpu() - before) / some.length)
  }
  return median(took)
}

export const bearer = token => ({ headers: { authorization: `Bearer ${token}` } })

export const repeat = (value, count) => Array.from({ length: count }, () => value)
