import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import { createAuthorizationServer } from './authorization-server.ts'
import { createPartnerIssuer } from './partner-issuer.ts'
import { createResourceServer } from './resource-server.ts'
import { resourcesAt } from './resources.ts'

export interface ExampleServerOptions {
  /** Of the protected server; 0 for a free one. */
  port: number
  /** Of the authorization server; 0 for a free one. */
  asPort: number
  /** Of the authorization server of a partner; 0 for a free one. */
  partnerPort: number
  /** Fetches client ID metadata documents; for tests, whose documents are not on the internet. */
  fetch?: typeof fetch
}

export interface ExampleServer {
  /** `http://localhost:<port>` */
  readonly origin: string
  readonly mcpUrl: string
  readonly apiUrl: string
  readonly issuer: string
  /** The authorization server of a partner, whose opaque tokens are as good as the JWTs of `issuer`. */
  readonly partnerIssuer: string
  close (): Promise<void>
}

/** Starts the three servers, or none: when one port is taken, nothing is left open. */
export async function startExampleServer (options: ExampleServerOptions): Promise<ExampleServer> {
  for (let attempt = 1; ; attempt++) {
    // Identifiers contain the port, so it has to be known before there is a server that could choose one.
    const free = await findFreePorts()
    const port = options.port || free[0]
    const asPort = options.asPort || free[1]
    const partnerPort = options.partnerPort || free[2]
    try {
      return await startOn({ ...options, port, asPort, partnerPort })
    } catch (error) {
      // What was free may be taken by the time it is used.
      const { code, port: taken } = error as NodeJS.ErrnoException & { port?: number }
      const wasFound = code === 'EADDRINUSE' && ![options.port, options.asPort, options.partnerPort].includes(taken!)
      if (!wasFound || attempt === 3) throw error
    }
  }
}

async function startOn ({ port, asPort, partnerPort, fetch }: ExampleServerOptions): Promise<ExampleServer> {
  const origin = `http://localhost:${port}`
  const issuer = `http://localhost:${asPort}`
  const partner = { issuer: `http://localhost:${partnerPort}`, introspectionSecret: randomBytes(32).toString('base64url') }
  const resources = resourcesAt(origin)
  const authorizationServer = await createAuthorizationServer({
    issuer, resources: [resources.mcp, resources.api], ...(fetch === undefined ? {} : { fetch })
  })
  const partnerIssuer = await createPartnerIssuer({ partner, resources: [resources.mcp, resources.api] })
  const resourceServer = await createResourceServer({ resources, issuer, partner })
  const close = async (): Promise<void> => {
    await Promise.all([resourceServer, authorizationServer, partnerIssuer].map(server => server.close()))
  }
  try {
    await authorizationServer.listen({ port: asPort, host: 'localhost' })
    await partnerIssuer.listen({ port: partnerPort, host: 'localhost' })
    await resourceServer.listen({ port, host: 'localhost' })
  } catch (error) {
    await close()
    throw error
  }
  return {
    origin, issuer, partnerIssuer: partner.issuer, mcpUrl: resources.mcp.identifier, apiUrl: resources.api.identifier, close
  }
}

/** Three that differ: none is given back before all are known. */
async function findFreePorts (): Promise<[number, number, number]> {
  const servers = [createServer(), createServer(), createServer()] as const
  const find = async (server: Server): Promise<number> => {
    await once(server.listen(0, 'localhost'), 'listening')
    return (server.address() as AddressInfo).port
  }
  const ports: [number, number, number] = [await find(servers[0]), await find(servers[1]), await find(servers[2])]
  await Promise.all(servers.map(server => once(server.close(), 'close')))
  return ports
}
