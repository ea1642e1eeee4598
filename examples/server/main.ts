import { startExampleServer } from './start.ts'

try {
  const databaseUrl = process.env.DATABASE_URL
  const server = await startExampleServer({
    port: portFrom('PORT', 3000), asPort: portFrom('AS_PORT', 3001), partnerPort: portFrom('PARTNER_PORT', 3002),
    ...databaseUrl && { databaseUrl }
  })
  const document = server.mcpUrl.replace(server.origin, `${server.origin}/.well-known/oauth-protected-resource`)
  console.log(`${server.mcpUrl}

curl -i ${server.mcpUrl}   # the 401
curl ${document}   # the document it points at
curl -sI ${server.mcpUrl} | grep -i www-authenticate   # the challenge alone

In a browser: ${server.issuer}
Sign in as a customer, or as a member of staff who acts for one, and connect any MCP client to ${server.mcpUrl}
`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.close())
} catch (error) {
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
  if (code === 'ECONNREFUSED') return 'Nobody answers at DATABASE_URL. Without it, the example brings a database of its own: npm start'
  if (code === 'EACCES') return `Port ${port} is not for everybody. Choose others with PORT, AS_PORT and PARTNER_PORT.`
  return message
}
