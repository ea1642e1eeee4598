import type {
  CallToolResult, OAuthDiscoveryState, StoredOAuthClientInformation, StoredOAuthTokens, VersionNegotiationOptions
} from '@modelcontextprotocol/client'
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { Test } from 'tap'
import { test } from 'tap'
import { startExample } from '../support/example-server.ts'
import type { McpClientStorage } from '../support/mcp-client-storage.ts'
import { createMcpClientStorage, redirectUrl } from '../support/mcp-client-storage.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { createUserAgent } from '../support/user-agent.ts'

type Storage = McpClientStorage<StoredOAuthClientInformation, StoredOAuthTokens, OAuthDiscoveryState>

interface Session {
  readonly client: Client
  readonly storage: Storage
  readonly agent: UserAgent
  /** Calls a tool; when the server asks for more, the user is asked and the call made again. */
  call (name: string, args?: Record<string, unknown>): Promise<unknown>
}

/** A client that knows the URL of the endpoint and nothing else. */
async function connect (
  t: Test, url: string,
  { storage = createMcpClientStorage(), negotiation }: { storage?: Storage, negotiation?: VersionNegotiationOptions } = {}
): Promise<Session> {
  const agent = createUserAgent()
  const createClient = (): Client => new Client(
    { name: 'test', version: '1.0.0' }, negotiation === undefined ? {} : { versionNegotiation: negotiation })
  const createTransport = (): StreamableHTTPClientTransport =>
    new StreamableHTTPClientTransport(new URL(url), { authProvider: storage })
  const authorize = async (transport: StreamableHTTPClientTransport, error: unknown): Promise<void> => {
    if (!UnauthorizedError.isInstance(error)) throw error
    const callback = await agent.authorize(storage.authorizationUrl!)
    await transport.finishAuth(callback.searchParams)
  }

  let client = createClient()
  let transport = createTransport()
  try {
    await client.connect(transport)
  } catch (error) {
    await authorize(transport, error)
    await client.close()
    client = createClient()
    transport = createTransport()
    await client.connect(transport)
  }
  t.teardown(() => client.close())
  const callOnce = async (name: string, args: Record<string, unknown>): Promise<unknown> => {
    const { content } = await client.callTool({ name, arguments: args }) as CallToolResult
    const [first] = content
    return first?.type === 'text' ? JSON.parse(first.text) : undefined
  }
  return {
    client,
    storage,
    agent,
    async call (name, args = {}) {
      try {
        return await callOnce(name, args)
      } catch (error) {
        await authorize(transport, error)
        return await callOnce(name, args)
      }
    }
  }
}

const negotiations: ReadonlyArray<{ name: string, negotiation: VersionNegotiationOptions, version: string }> = [
  { name: 'the handshake of 2025', negotiation: { mode: 'legacy' }, version: '2025-11-25' },
  { name: 'stateless, as of 2026-07-28', negotiation: { mode: { pin: '2026-07-28' } }, version: '2026-07-28' },
  { name: 'the newest that both speak', negotiation: { mode: 'auto' }, version: '2026-07-28' }
]

for (const { name, negotiation, version } of negotiations) {
  test(`MCP client 2.x, ${name}: from the bare URL to a tool that knows who calls [F70]`, async t => {
    const { mcpUrl, issuer } = await startExample(t)
    const { client, storage, agent, call } = await connect(t, mcpUrl, { negotiation })

    t.equal(client.getNegotiatedProtocolVersion(), version)
    const { tools } = await client.listTools()
    t.same(tools.map(tool => tool.name).sort(), ['create_project', 'list_projects', 'whoami'])
    const { access_token: token, refresh_token: refreshToken } = storage.tokens()!
    t.type(refreshToken, 'string')
    t.equal(decodeProtectedHeader(token).typ, 'at+jwt')
    t.match(decodeJwt(token), { iss: issuer, aud: mcpUrl, sub: 'ada', client_id: storage.clientInformation()!.client_id })
    t.match(await call('whoami'), {
      subject: 'ada', client: storage.clientInformation()!.client_id, scopes: ['projects:read']
    })
    t.same(await call('list_projects'), [{ name: 'Analytical Engine' }])
    t.match(agent.pages.at(-1), 'Test client', 'the consent page names the client')
    t.match(agent.pages.at(-1), mcpUrl, 'and the resource')
    t.match(agent.pages.at(-1), 'See projects', 'and the scope')
  })
}

test('MCP client 2.x: a 403 for want of scope makes the client ask the user for more', async t => {
  const { mcpUrl } = await startExample(t)
  const { storage, agent, call } = await connect(t, mcpUrl)
  const shown = agent.pages.length
  t.notMatch(storage.tokens()!.scope, 'projects:write')

  t.same(await call('create_project', { name: 'Notes' }), { name: 'Notes' })
  t.match(storage.tokens()!.scope, 'projects:write')
  t.match(storage.tokens()!.scope, 'projects:read', 'what was granted before stays granted')
  t.equal(agent.pages.length, shown + 1, 'one more page: signed in already, the user is asked for consent alone')
  t.same(await call('list_projects'), [{ name: 'Analytical Engine' }, { name: 'Notes' }])
})

test('MCP client 2.x: a token that is refused is refreshed, and the user is not asked again', async t => {
  const { mcpUrl } = await startExample(t)
  const { storage, agent, call } = await connect(t, mcpUrl)
  const shown = agent.pages.length
  const { access_token: token, ...rest } = storage.tokens()!
  storage.saveTokens({ ...rest, access_token: `${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(86)}` })

  t.match(await call('whoami'), { subject: 'ada' })
  t.not(storage.tokens()!.refresh_token, rest.refresh_token, 'the refresh token of a public client is used once')
  t.equal(agent.pages.length, shown)
})

test('MCP client 2.x: a client that is known by its metadata document does not register', async t => {
  const clientMetadataUrl = 'https://client.example/metadata.json'
  const fetched: string[] = []
  const { mcpUrl } = await startExample(t, {
    fetch: async url => {
      fetched.push(String(url))
      return Response.json({
        client_id: clientMetadataUrl, client_name: 'Documented client', redirect_uris: [redirectUrl],
        grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none'
      })
    }
  })
  const storage: Storage = createMcpClientStorage({ clientMetadataUrl })
  const { agent, call } = await connect(t, mcpUrl, { storage })

  t.match(await call('whoami'), { subject: 'ada', client: clientMetadataUrl })
  t.match(agent.pages.at(-1), 'Documented client')
  t.same(fetched, [clientMetadataUrl])
})

test('MCP client 2.x: the user denies, and there is no token', async t => {
  const { mcpUrl } = await startExample(t)
  const storage: Storage = createMcpClientStorage()
  const transport = new StreamableHTTPClientTransport(new URL(mcpUrl), { authProvider: storage })
  const client = new Client({ name: 'test', version: '1.0.0' })
  t.teardown(() => client.close())
  await t.rejects(client.connect(transport))
  const callback = await createUserAgent().authorize(storage.authorizationUrl!, { decision: 'deny' })
  t.equal(callback.searchParams.get('error'), 'access_denied')
  t.equal(callback.searchParams.has('code'), false)
  t.equal(storage.tokens(), undefined)
})
