import { createServer, request as send } from 'node:http'

export interface TokenProxy {
  readonly url: string
  close (): Promise<void>
}

/**
 * Adds a token to what it passes on, for clients that cannot: the conformance suite knows of none. Host and Origin stay as
 * they are, and streams are streams. It listens on this machine alone, as whoever reaches it has the token.
 */
export async function startTokenProxy (target: string, token: string, port: number): Promise<TokenProxy> {
  const { hostname, port: targetPort, pathname } = new URL(target)
  const server = createServer((incoming, outgoing) => {
    const upstream = send({
      hostname, port: targetPort, path: incoming.url, method: incoming.method, headers: { ...incoming.headers, authorization: `Bearer ${token}` }
    }, response => {
      outgoing.writeHead(response.statusCode!, response.headers)
      outgoing.flushHeaders()
      response.pipe(outgoing)
      response.on('error', () => outgoing.destroy())
    })
    upstream.on('error', () => outgoing.destroy())
    outgoing.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, 'localhost', resolve))
  return {
    url: `http://localhost:${port}${pathname}`,
    async close () {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
  }
}
