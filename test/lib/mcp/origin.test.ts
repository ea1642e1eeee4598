import { test } from 'tap'
import { createOriginChecks } from '../../../lib/mcp/origin.ts'
import { parseIdentifier } from '../../../lib/identifier.ts'

const remote = 'https://mcp.example.com/mcp'
const local = 'http://localhost:3000/mcp'

for (const [resource, allowed, origin, host, code] of [
  [remote, undefined, undefined, 'mcp.example.com', null],
  [remote, undefined, 'https://mcp.example.com', 'mcp.example.com', null],
  [remote, undefined, 'https://mcp.example.com', 'internal:8080', null],
  [remote, undefined, 'https://evil.example.com', 'mcp.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  [remote, undefined, 'http://mcp.example.com', 'mcp.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  [remote, undefined, 'https://mcp.example.com.evil.example', 'mcp.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  [remote, undefined, 'https://mcp.example.com, https://mcp.example.com', 'mcp.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  [remote, undefined, 'null', 'mcp.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  [remote, undefined, '', 'mcp.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  ['HTTPS://MCP.example.com:443/mcp', undefined, 'https://mcp.example.com', 'mcp.example.com', null],
  [remote, ['https://app.example.com'], 'https://app.example.com', 'mcp.example.com', null],
  [remote, ['https://app.example.com'], 'https://mcp.example.com', 'mcp.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  [remote, [], undefined, 'mcp.example.com', null],
  [local, undefined, 'http://localhost:3000', 'localhost:3000', null],
  [local, undefined, undefined, '127.0.0.1:3000', null],
  [local, undefined, undefined, '[::1]:3000', null],
  [local, undefined, undefined, 'localhost', null],
  [local, undefined, undefined, 'evil.example.com', 'FST_OAUTH_MCP_HOST_REFUSED'],
  [local, undefined, undefined, 'localhost.evil.example.com:3000', 'FST_OAUTH_MCP_HOST_REFUSED'],
  [local, undefined, undefined, undefined, 'FST_OAUTH_MCP_HOST_REFUSED'],
  [local, undefined, 'http://evil.example.com', 'evil.example.com', 'FST_OAUTH_MCP_ORIGIN_REFUSED'],
  [local, undefined, 'http://localhost:4000', 'localhost:3000', 'FST_OAUTH_MCP_ORIGIN_REFUSED']
] as const) {
  test(`${resource}${allowed === undefined ? '' : ` for ${JSON.stringify(allowed)}`}: ${origin ?? 'no origin'} asks ${host ?? 'no host'}`, t => {
    const { refuseOrigin, refuseHost } = createOriginChecks(parseIdentifier(resource), allowed)
    t.equal((refuseOrigin(origin) ?? refuseHost(host))?.code ?? null, code)
    t.end()
  })
}
