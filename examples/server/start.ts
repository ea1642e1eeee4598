import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { createAuthorizationServer } from './authorization-server.ts'
import { createResourceServer } from './resource-server.ts'
import { resourcesAt } from './resources.ts'

export interface ExampleServerOptions {
  /** Of the protected server; 0 for a free one. */
  port: number
  /** Of the authorization server; 0 for a free one. */
  asPort: number
  /** Fetches client ID metadata documents; for tests, whose documents are not on the internet. */
  fetch?: typeof fetch
}

export interface ExampleServer {
  /** `http://localhost:<port>` */
  readonly origin: string
  readonly mcpUrl: string
  readonly apiUrl: string
  readonly issuer: string
  close (): Promise<void>
}

/** Starts both servers, or none: when one port is taken, nothing is left open. */
export async function startExampleServer (options: ExampleServerOptions): Promise<ExampleServer> {
  for (let attempt = 1; ; attempt++) {
    // Identifiers contain the port, so it has to be known before there is a server that could choose one.
    const [freePort, otherFreePort] = await findFreePorts()
    const port = options.port || freePort
    const asPort = options.asPort || otherFreePort
    try {
      return await startOn(port, asPort, options)
    } catch (error) {
      // What was free may be taken by the time it is used.
      const { code, port: taken } = error as NodeJS.ErrnoException & { port?: number }
      const wasFound = code === 'EADDRINUSE' && taken !== options.port && taken !== options.asPort
      if (!wasFound || attempt === 3) throw error
    }
  }
}

async function startOn (port: number, asPort: number, { fetch }: ExampleServerOptions): Promise<ExampleServer> {
  const origin = `http://localhost:${port}`
  const issuer = `http://localhost:${asPort}`
  const resources = resourcesAt(origin)
  const authorizationServer = await createAuthorizationServer({
    issuer, resources: [resources.mcp, resources.api], ...(fetch === undefined ? {} : { fetch })
  })
  const resourceServer = await createResourceServer({ resources, issuer })
  const close = async (): Promise<void> => {
    await Promise.all([resourceServer.close(), authorizationServer.close()])
  }
  try {
    await authorizationServer.listen({ port: asPort, host: 'localhost' })
    await resourceServer.listen({ port, host: 'localhost' })
  } catch (error) {
    await close()
    throw error
  }
  return { origin, issuer, mcpUrl: resources.mcp.identifier, apiUrl: resources.api.identifier, close }
}

/** Two that differ: neither is given back before both are known. */
async function findFreePorts (): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const
  const find = async (server: Server): Promise<number> => {
    await once(server.listen(0, 'localhost'), 'listening')
    return (server.address() as AddressInfo).port
  }
  const ports: [number, number] = [await find(servers[0]), await find(servers[1])]
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
