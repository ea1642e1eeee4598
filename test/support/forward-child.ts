import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { forward } from '../../plugins/entry-points/forward.ts'
import { createTestSession } from './forward-proxy.ts'

/** A proxy in a process of its own, so that what it uses can be told from what a test uses. It ends with the test. */
export type FromProxy = { readonly port: number } | ProxyUsage

export interface ProxyUsage {
  /** The most memory that the process ever had, in bytes. */
  readonly peakBytes: number
  /** Connections of both sides that are in use: those that are only kept do not count. */
  readonly sockets: number
}

const [upstream, secret] = process.argv.slice(2) as [string, string]
const app = Fastify({ forceCloseConnections: true }) as FastifyInstance
await app.register(forward, { routes: { '/up': { upstream, credential: { session: createTestSession() }, secret } } })
await app.listen({ port: 0, host: '127.0.0.1' })

const tell = (message: FromProxy): void => { process.send!(message) }
process.on('message', () => {
  tell({
    peakBytes: process.resourceUsage().maxRSS * 1024,
    sockets: process.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
  })
})
process.once('disconnect', () => { app.close().catch(() => { process.exitCode = 1 }) })
tell({ port: (app.server.address() as AddressInfo).port })
