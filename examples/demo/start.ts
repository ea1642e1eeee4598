import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createServer } from 'node:net'
import type { Clock, WritableRevocationStore } from '../../plugins/index.ts'
import { createMemoryRevocationStore } from '../../plugins/index.ts'
import { createAuthorizationServer } from './authorization-server.ts'
import { browserClients } from './browser-clients.ts'
import type { Database } from './database/database.ts'
import { openDatabase } from './database/database.ts'
import { forgetExpired } from './database/oidc-adapter.ts'
import { prepareDatabase } from './database/prepare.ts'
import { createHost } from './host/host.ts'
import type { ImpersonationLimits } from './host/impersonations.ts'
import { createPartnerIssuer } from './partner-issuer.ts'
import { createProjects } from './projects.ts'
import type { RequestLog } from './request-log.ts'
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
  /** Origins whose pages may call the protected server. Default: those of the MCP inspector. */
  browserOrigins?: readonly string[]
  /** A PostgreSQL server. Default: a database in this process. */
  databaseUrl?: string
  /** One that is open already, and stays so. */
  database?: Database
  /** How long an impersonation lasts. Default: 600 seconds when nothing is done, 3600 in any case. */
  limits?: ImpersonationLimits
  /** The clock of the limits. Default: the system. */
  sessionClock?: Clock
  /** Default: errors alone, to stderr. */
  log?: RequestLog
  /** Is called with each step of the start. */
  onProgress? (step: string): void
}

export interface ExampleServer {
  /** `http://localhost:<port>` */
  readonly origin: string
  readonly mcpUrl: string
  readonly apiUrl: string
  /** The authorization server, and the pages for people. */
  readonly issuer: string
  /** The authorization server of a partner, whose opaque tokens are as good as the JWTs of `issuer`. */
  readonly partnerIssuer: string
  /** The secret of `resource-server` at the introspection endpoint of `issuer`. */
  readonly introspectionSecret: string
  /** The revocation store of the resources: what is written to it revokes tokens. */
  readonly revocations: WritableRevocationStore
  close (): Promise<void>
}

/** Starts the three servers, or none: when one port is taken, nothing is left open. */
export async function startExampleServer (options: ExampleServerOptions): Promise<ExampleServer> {
  const wanted = [options.port, options.asPort, options.partnerPort]
  for (let attempt = 1; ; attempt++) {
    // Identifiers contain the port, so it has to be known before there is a server that could choose one.
    const [port, asPort, partnerPort] = await findPorts(wanted)
    try {
      return await startOn({ ...options, port: port!, asPort: asPort!, partnerPort: partnerPort! })
    } catch (error) {
      // A free port may be taken by the time it is used.
      const { code, port: taken } = error as NodeJS.ErrnoException & { port?: number }
      if (code !== 'EADDRINUSE' || wanted.includes(taken!) || attempt === 3) throw error
    }
  }
}

async function startOn (options: ExampleServerOptions): Promise<ExampleServer> {
  const { port, asPort, partnerPort, fetch, limits = { idleSeconds: 600, totalSeconds: 3600 }, sessionClock = { now: () => Date.now() } } = options
  const { browserOrigins = browserClients, log = { level: 'error', stream: process.stderr }, onProgress = () => {} } = options
  const origin = `http://localhost:${port}`
  const issuer = `http://localhost:${asPort}`
  const partner = { issuer: `http://localhost:${partnerPort}`, introspectionSecret: randomBytes(32).toString('base64url') }
  const introspectionSecret = randomBytes(32).toString('base64url')
  const resources = resourcesAt(origin)
  const revocations = createMemoryRevocationStore()
  const opened: Array<() => Promise<unknown>> = []
  // In reverse order.
  const close = async (): Promise<void> => { for (let one = opened.pop(); one !== undefined; one = opened.pop()) await one() }
  try {
    if (options.database === undefined) onProgress(options.databaseUrl === undefined ? 'starting a PostgreSQL in this process' : 'connecting to DATABASE_URL')
    const database = options.database ?? await openDatabase(options.databaseUrl)
    if (options.database === undefined) opened.push(database.close)
    onProgress('creating tables and demonstration data')
    await prepareDatabase(database)
    onProgress('starting three servers')
    const host = createHost(database, limits, sessionClock)
    const projects = createProjects(database, issuer)

    const authorizationServer = await createAuthorizationServer({
      issuer, host, projects, revocations, resources: [resources.mcp, resources.api, resources.reports],
      introspectionSecret, log, ...fetch !== undefined && { fetch }
    })
    opened.push(() => authorizationServer.close())
    const partnerIssuer = await createPartnerIssuer({ partner, log, resources: [resources.mcp, resources.api] })
    opened.push(() => partnerIssuer.close())
    const resourceServer = await createResourceServer({ resources, issuer, partner, introspectionSecret, host, projects, revocations, browserOrigins, log })
    opened.push(() => resourceServer.close())
    opened.push(keepHouse(async () => {
      await host.impersonations.settle()
      await forgetExpired(database)
      await host.grants.forgetExpired()
    }, error => authorizationServer.log.error(error)))

    await authorizationServer.listen({ port: asPort, ...listenAs('authorization server') })
    await partnerIssuer.listen({ port: partnerPort, ...listenAs('authorization server of the partner') })
    await resourceServer.listen({ port, ...listenAs('protected server') })
  } catch (error) {
    await close()
    throw error
  }
  return {
    origin,
    issuer,
    partnerIssuer: partner.issuer,
    introspectionSecret,
    revocations,
    mcpUrl: resources.mcp.identifier,
    apiUrl: resources.api.identifier,
    close
  }
}

/** On the loopback interface. The log line of each address names the server. */
function listenAs (name: string): { host: string, listenTextResolver (address: string): string } {
  return { host: 'localhost', listenTextResolver: address => `${name} listening at ${address}` }
}

/** Ended impersonations and expired records are refused when they are next used; this deletes those that are not used any more. */
function keepHouse (work: () => Promise<void>, onError: (error: unknown) => void): () => Promise<void> {
  let working: Promise<void> | null = null
  const timer = setInterval(() => {
    working ??= work().catch(onError).finally(() => { working = null })
  }, 5_000)
  timer.unref()
  return async () => {
    clearInterval(timer)
    await working
  }
}

/** Ports that differ, in the place of each 0. The probing servers stay open until all ports are known. */
async function findPorts (wanted: readonly number[]): Promise<number[]> {
  const servers: Server[] = []
  try {
    for (const port of wanted) {
      const server = createServer()
      await once(server.listen(port, 'localhost'), 'listening')
      servers.push(server)
    }
    return servers.map(server => (server.address() as AddressInfo).port)
  } finally {
    await Promise.all(servers.map(server => once(server.close(), 'close')))
  }
}
