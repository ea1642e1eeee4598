/**
 * The client that the official conformance suite runs, once for each of its `auth/*` scenarios:
 *
 *     npx @modelcontextprotocol/conformance client --command 'npx tsx examples/mcp-conformance/client.ts' --suite auth
 *
 * What it is told comes in `MCP_CONFORMANCE_CONTEXT`; nothing in here knows what a scenario is about but by that.
 */
import { fileURLToPath } from 'node:url'
import { importPKCS8 } from 'jose'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { BrowserRedirect, ConnectOptions, RegisteredClient } from '../../plugins/entry-points/client.ts'
import {
  connect, createHttpClient, discoverResource, discoverServer, requestClientCredentials, requestIdentityAssertion, requestWithAssertion
} from '../../plugins/entry-points/client.ts'

interface Context {
  client_id?: string
  client_secret?: string
  issuer?: string
  private_key_pem?: string
  signing_algorithm?: string
  idp_client_id?: string
  idp_id_token?: string
  idp_issuer?: string
  valid_jwt?: string
}

/** The suite's authorization server says yes at once: nobody has to look at a page. */
const browser: BrowserRedirect = {
  async prepare () {
    const redirectUri = 'http://127.0.0.1:33418/callback'
    return {
      redirectUri,
      async visit (authorizationUrl) {
        const response = await fetch(authorizationUrl, { redirect: 'manual' })
        return new URL(response.headers.get('location')!, redirectUri)
      },
      async close () {}
    }
  }
}

/** The suite names no issuer for some clients that it registered; it is asked for, as an administrator would look it up. */
async function registered (url: string, context: Context, authentication: RegisteredClient['authentication']): Promise<RegisteredClient[]> {
  const httpClient = createHttpClient({ allowLoopback: true })
  const find = async (): Promise<string> =>
    (await discoverResource({ url, pointer: null, match: 'prefix', trust: null }, httpClient)).authorizationServers[0]!
  return [{ issuer: context.issuer ?? await find(), clientId: context.client_id!, authentication }]
}

async function waysIn (url: string, scenario: string, context: Context): Promise<Omit<ConnectOptions, 'url'>> {
  const secret = { method: 'client_secret_basic', clientSecret: context.client_secret! } as const
  switch (scenario) {
    case 'auth/client-credentials-basic':
      return { clients: await registered(url, context, secret), grant: requestClientCredentials }
    case 'auth/client-credentials-jwt': {
      const privateKey = await importPKCS8(context.private_key_pem!, context.signing_algorithm!)
      return { clients: await registered(url, context, { method: 'private_key_jwt', privateKey }), grant: requestClientCredentials }
    }
    case 'auth/cross-app-access-complete-flow':
    case 'auth/enterprise-managed-authorization':
      return {
        clients: await registered(url, context, secret),
        async grant (access, question) {
          const { httpClient, clock } = access
          const provider = {
            server: await discoverServer(context.idp_issuer!, httpClient),
            client: { clientId: context.idp_client_id!, authentication: { method: 'none' } as const },
            httpClient, clock, prover: null
          }
          const subject = { token: context.idp_id_token!, type: 'id_token' } as const
          const assertion = await requestIdentityAssertion(provider, { ...question, subject, audience: access.server.issuer })
          return await requestWithAssertion(access, { ...question, assertion })
        }
      }
    case 'auth/wif-jwt-bearer':
      return {
        clients: await registered(url, context, { method: 'none' }),
        grant: async (access, question) => await requestWithAssertion(access, { ...question, assertion: context.valid_jwt! })
      }
    case 'auth/pre-registration':
      return { clients: await registered(url, context, secret), browser }
    default:
      return {
        browser,
        clientMetadataUrl: 'https://conformance-test.local/client-metadata.json',
        clientMetadata: { client_name: 'Conformance client' },
        allowMissingMetadata: scenario.startsWith('auth/2025-03-26')
      }
  }
}

/** Connects, lists the tools and calls each of them. */
export async function runClient (url: string, env: Readonly<Record<string, string | undefined>>): Promise<void> {
  const context = JSON.parse(env.MCP_CONFORMANCE_CONTEXT ?? '{}') as Context
  const version = env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? ''
  const connection = await connect({ url, ...await waysIn(url, env.MCP_CONFORMANCE_SCENARIO ?? '', context) })
  // From 2026 on the protocol has no handshake, and a server of that time takes none.
  const client = new Client({ name: 'conformance', version: '1.0.0' }, version < '2026' ? {} : { versionNegotiation: { mode: { pin: version } } })
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: connection.fetch }))
    const { tools } = await client.listTools()
    for (const { name } of tools) await client.callTool({ name, arguments: {} })
  } finally {
    await client.close()
    await connection.close()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runClient(process.argv.at(-1)!, process.env)
