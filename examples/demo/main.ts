import type { RequestLog } from './request-log.ts'

const started = performance.now()
try {
  const { readableStream } = await import('./request-log.ts')
  const { openDatabase } = await import('./database/database.ts')
  const databaseUrl = process.env.DATABASE_URL || undefined
  const ports = { port: portFrom('PORT', 3000), asPort: portFrom('AS_PORT', 3001), partnerPort: portFrom('PARTNER_PORT', 3002) }
  progress(databaseUrl === undefined ? 'starting a PostgreSQL in this process, and loading modules' : 'connecting to DATABASE_URL, and loading modules')
  // The database compiles in threads of its own while the other modules load.
  const opening = openDatabase(databaseUrl)
  opening.catch(() => {})
  const { startExampleServer } = await import('./start.ts')
  const database = await opening
  const log: RequestLog = { level: 'info', stream: readableStream(process.stderr) }
  const server = await startExampleServer({ ...ports, database, log, onProgress: progress })
    .catch(async error => { await database.close(); throw error })
  const document = server.mcpUrl.replace(server.origin, `${server.origin}/.well-known/oauth-protected-resource`)
  progress('ready')
  console.log(`${server.mcpUrl}

curl -i ${server.mcpUrl}   # the 401
curl ${document}   # the document that it points at
curl -sI ${server.mcpUrl} | grep -i www-authenticate   # the challenge alone

In a browser: ${server.issuer}
Sign in as a customer, or as a member of staff who acts for one, and connect any MCP client to ${server.mcpUrl}
`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { server.close().then(() => database.close(), fail) })
} catch (error) {
  fail(error)
}

/** On stderr, as the log is: stdout has only what comes at the end. */
function progress (step: string): void {
  console.error(`${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s  ${step}`)
}

function fail (error: unknown): void {
  console.error(explain(error))
  process.exitCode = 1
}

function portFrom (variable: 'PORT' | 'AS_PORT' | 'PARTNER_PORT', otherwise: number): number {
  const text = process.env[variable]
  if (text === undefined || text === '') return otherwise
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new Error(`${variable} ${JSON.stringify(text)} is not a port`)
  return Number(text)
}

function explain (error: unknown): string {
  const { code, port, message } = error as NodeJS.ErrnoException & { port?: number }
  if (code === 'EADDRINUSE') return `Port ${port} is taken. Choose others with PORT, AS_PORT and PARTNER_PORT, 0 for a free one: PORT=0 AS_PORT=0 PARTNER_PORT=0 npm start`
  if (code === 'ECONNREFUSED') return 'No database answers at DATABASE_URL. Without it, the example starts a database of its own: npm start'
  if (code === 'EACCES') return `Port ${port} needs more rights. Choose others with PORT, AS_PORT and PARTNER_PORT.`
  return message
}
