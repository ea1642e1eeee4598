import { decodeJwt } from 'jose'
import { startExampleServer } from '../demo/start.ts'
import { startLocalProxy } from './local-proxy.ts'

/** After so many requests the server takes the access token back, long before its time is over. */
const requestsPerToken = 3

const running: Array<{ close (): Promise<void> }> = []
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

try {
  const server = await startExampleServer({ port: 0, asPort: 0, partnerPort: 0 })
  running.push(server)
  let requests = 0
  const proxy = await startLocalProxy({
    mcpUrl: server.mcpUrl,
    port: portFrom('PROXY_PORT', 3400),
    signal: stopping.signal,
    open: url => console.log(`Sign in, in a browser:\n\n${url.href}\n`),
    async onAnswer (session) {
      if (++requests % requestsPerToken > 0) return
      const { jti } = decodeJwt((await session.token()).accessToken)
      await server.revocations.revoke({ issuer: server.issuer, tokenId: jti! })
      console.log(`The server has taken the access token back, after ${requests} requests. Go on: nobody will notice.`)
    }
  })
  running.push(proxy)
  const entry = { type: 'http', url: proxy.url, headers: { Authorization: `Bearer ${proxy.secret}` } }
  console.log(`For the configuration of an MCP client:\n\n${JSON.stringify({ mcpServers: { projects: entry } }, null, 2)}\n`)
} catch (error) {
  if (!stopping.signal.aborted) report(error)
  await stop()
}

function report (error: unknown): void {
  const { code, port, message } = error as NodeJS.ErrnoException & { port?: number }
  console.error(code === 'EADDRINUSE' ? `Port ${port} is taken. Choose another with PROXY_PORT, 0 for a free one: PROXY_PORT=0 npm run start:proxy` : message)
  process.exitCode = 1
}

/** What was started last is stopped first. */
async function stop (): Promise<void> {
  stopping.abort()
  for (let one = running.pop(); one !== undefined; one = running.pop()) await one.close()
}

function portFrom (variable: string, otherwise: number): number {
  const text = process.env[variable]
  if (text === undefined || text === '') return otherwise
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new Error(`${variable} ${JSON.stringify(text)} is not a port`)
  return Number(text)
}
