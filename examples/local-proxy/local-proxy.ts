import Fastify from 'fastify'
import type { Session } from '../../plugins/entry-points/client.ts'
import { connect, createLoopbackRedirect } from '../../plugins/entry-points/client.ts'
import { forward } from '../../plugins/entry-points/forward.ts'

export interface LocalProxyOptions {
  /** The protected MCP server that programs on this machine are to use. */
  mcpUrl: string
  /** 0 for a free one. */
  port: number
  /** Shows the URL at which the user signs in. */
  open: (url: URL) => unknown
  /** Gives the sign-in up, when aborted. */
  signal?: AbortSignal
  /** Hears of every request that was answered. */
  onAnswer?: (session: Session) => Promise<void>
}

export interface LocalProxy {
  /** The endpoint for programs on this machine, and what they have to show there. */
  readonly url: string
  readonly secret: string
  close (): Promise<void>
}

/**
 * What a desktop application runs for the MCP clients beside it: the user signs in once, here, and the clients know of no
 * authorization server, no token and no renewal.
 */
export async function startLocalProxy ({ mcpUrl, port, open, signal, onAnswer = async () => {} }: LocalProxyOptions): Promise<LocalProxy> {
  // No client waits for a connection that is only kept alive.
  const app = Fastify({ logger: { level: 'error', stream: process.stderr }, forceCloseConnections: true })
  const gone = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  gone.catch(() => {})
  // The redirect is waited for no longer than the page can be shown.
  const show = async (url: URL): Promise<unknown> => await Promise.race([gone, open(url)]).then(() => signal === undefined ? undefined : gone)
  const connection = await connect({
    url: mcpUrl, browser: createLoopbackRedirect({ open: show }), clientMetadata: { client_name: 'Local proxy' }
  })
  const close = async (): Promise<void> => {
    await app.close()
    await connection.close()
  }
  app.addHook('onResponse', () => onAnswer(connection.session))
  try {
    await app.register(forward)
    await app.listen({ port, host: '127.0.0.1' })
    await connection.authorize()
  } catch (error) {
    await close()
    throw error
  }
  const { url, secret } = app.forwardTargets.register({
    name: 'projects', identity: 'who sits at this machine', upstream: mcpUrl, credential: { session: connection.session }
  })
  return { url: url!, secret: secret!, close }
}
