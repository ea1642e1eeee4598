/** The metadata document (RFC 9728), over a bare route that sends the same bytes and headers. */
import { compareInOneProcess } from './support/one-process.js'
import { runAlone } from './support/report.js'

export async function bench () {
  const request = { path: '/same-bytes' }
  return [await compareInOneProcess({
    title: 'The metadata document',
    unit: 'CPU of the server, × a bare route with the same bytes',
    limit: 1.05,
    contenders: [
      { name: 'bare Fastify', role: 'reference', port: 'bare', request },
      { name: 'bare Fastify, once more', role: 'error', port: 'again', request },
      { name: 'this package', role: 'ours', port: 'ours', request: { path: '/.well-known/oauth-protected-resource' } },
      { name: 'mcpAuthMetadataRouter of the MCP SDK', role: 'peer', port: 'mcpSdk', request: { path: '/.well-known/oauth-protected-resource' } }
    ]
  })]
}

await runAlone(import.meta, bench)
