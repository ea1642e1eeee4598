// What the MCP conformance suite looks for, protected (PROTECTED=1) or not:
//
//   PROTECTED=1 npx tsx examples/mcp-conformance.ts
//   npx @modelcontextprotocol/conformance server --url http://localhost:3002/mcp
//
// The suite has no tokens and runs on Node.js 22 and later, so that it goes through a proxy that adds one.

import { startConformanceServer } from './mcp-conformance/server.ts'
import { startTokenProxy } from './mcp-conformance/token-proxy.ts'

const port = Number(process.env.PORT ?? 3002)
const isProtected = process.env.PROTECTED === '1'

if (isProtected) {
  const server = await startConformanceServer({ port: port + 1, isProtected, allowedOrigins: [`http://localhost:${port}`] })
  const proxy = await startTokenProxy(server.url, server.token, port)
  console.log(`${proxy.url} adds a token for ${server.url}`)
} else {
  const server = await startConformanceServer({ port, isProtected })
  console.log(server.url)
}
