import type { OAuthDiscoveryState } from '@modelcontextprotocol/sdk/client/auth.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { Test } from 'tap'
import { test } from 'tap'
import { startExample } from '../support/example-server.ts'
import type { McpClientStorage } from '../support/mcp-client-storage.ts'
import { createMcpClientStorage } from '../support/mcp-client-storage.ts'
import { createUserAgent } from '../support/user-agent.ts'

type Storage = McpClientStorage<OAuthClientInformationMixed, OAuthTokens, OAuthDiscoveryState>

interface Session {
  readonly client: Client
  readonly storage: Storage
  /** Has the user authorize what the SDK asked for last. */
  authorize (): Promise<void>
  call (name: string, args?: Record<string, unknown>): Promise<unknown>
}

/** A client that knows the URL of the endpoint and nothing else. */
async function connect (t: Test, url: string): Promise<Session> {
  const storage: Storage = createMcpClientStorage()
  const agent = createUserAgent()
  const createTransport = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(new URL(url), { authProvider: storage })

  let transport = createTransport()
  const authorize = async (): Promise<void> => {
    const callback = await agent.authorize(storage.authorizationUrl!)
    await transport.finishAuth(callback.searchParams.get('code')!)
  }
  await t.rejects(new Client({ name: 'test', version: '1.0.0' }).connect(transport), { message: 'Unauthorized' })
  await authorize()
  transport = createTransport()
  const client = new Client({ name: 'test', version: '1.0.0' })
  await client.connect(transport)
  t.teardown(() => client.close())
  return {
    client,
    storage,
    authorize,
    async call (name, args = {}) {
      const { content } = await client.callTool({ name, arguments: args }) as CallToolResult
      const [first] = content
      return first?.type === 'text' ? JSON.parse(first.text) : undefined
    }
  }
}

test('MCP SDK 1.x: from the bare URL to a tool that knows who calls [F70]', async t => {
  const { mcpUrl } = await startExample(t)
  const { client, storage, call } = await connect(t, mcpUrl)

  const { tools } = await client.listTools()
  t.same(tools.map(tool => tool.name).sort(), ['create_project', 'list_projects', 'whoami'])
  t.match(await call('whoami'), {
    subject: 'ada', client: storage.clientInformation()!.client_id, scopes: ['projects:read']
  })
  t.same(await call('list_projects'), [{ name: 'Analytical Engine' }])
})

test('MCP SDK 1.x: a token that is refused is refreshed', async t => {
  const { mcpUrl } = await startExample(t)
  const { storage, call } = await connect(t, mcpUrl)
  const tokens = storage.tokens()!
  storage.saveTokens({ ...tokens, access_token: 'not.a.token' })

  t.match(await call('whoami'), { subject: 'ada' })
  t.not(storage.tokens()!.refresh_token, tokens.refresh_token)
})

// Holding a refresh token it refreshes on a 403, which cannot widen the scope, and gives up. Without one it steps up.
test('MCP SDK 1.x without a refresh token: a 403 for want of scope makes the client ask the user for more', async t => {
  const { mcpUrl } = await startExample(t)
  const { storage, authorize, call } = await connect(t, mcpUrl)
  const { refresh_token: _, ...tokens } = storage.tokens()!
  storage.saveTokens(tokens)

  await t.rejects(call('create_project', { name: 'Notes' }), { message: 'Unauthorized' })
  await authorize()
  t.same(await call('create_project', { name: 'Notes' }), { name: 'Notes' })
  t.same(await call('list_projects'), [{ name: 'Analytical Engine' }, { name: 'Notes' }], 'write covers read')
})
