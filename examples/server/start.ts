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
  // Identifiers contain the port, so it has to be known before there is a server that could choose one.
  const port = options.port === 0 ? await findFreePort() : options.port
  const asPort = options.asPort === 0 ? await findFreePort() : options.asPort
  const origin = `http://localhost:${port}`
  const issuer = `http://localhost:${asPort}`
  const resources = resourcesAt(origin)

  const authorizationServer = await createAuthorizationServer({
    issuer, resources: [resources.mcp, resources.api], ...(options.fetch === undefined ? {} : { fetch: options.fetch })
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

async function findFreePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, 'localhost', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
