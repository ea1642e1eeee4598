/**
 * The client that the official conformance suite runs, once for each of its `auth/*` scenarios:
 *
 *     npx @modelcontextprotocol/conformance client --command 'npx tsx examples/mcp-conformance/client.ts' --suite auth
 *
 * What it is told comes in `MCP_CONFORMANCE_CONTEXT`; nothing in here knows what a scenario is about but by that.
 */
import { importPKCS8 } from 'jose'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { BrowserRedirect, ConnectOptions, RegisteredClient } from 'fastify-oauth-resource-server'
import {
  connect, createOutbound, discoverResource, discoverServer, requestClientCredentials, requestIdentityAssertion, requestWithAssertion
} from 'fastify-oauth-resource-server'

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

const url = process.argv.at(-1)!
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? ''
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as Context

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
async function registered (authentication: RegisteredClient['authentication']): Promise<RegisteredClient[]> {
  const outbound = createOutbound({ allowLoopback: true })
  const find = async (): Promise<string> =>
    (await discoverResource({ url, pointer: null, match: 'prefix', trust: null }, outbound)).authorizationServers[0]!
  return [{ issuer: context.issuer ?? await find(), clientId: context.client_id!, authentication }]
}

async function waysIn (): Promise<Omit<ConnectOptions, 'url'>> {
  const secret = { method: 'client_secret_basic', clientSecret: context.client_secret! } as const
  switch (scenario) {
    case 'auth/client-credentials-basic':
      return { clients: await registered(secret), grant: requestClientCredentials }
    case 'auth/client-credentials-jwt': {
      const privateKey = await importPKCS8(context.private_key_pem!, context.signing_algorithm!)
      return { clients: await registered({ method: 'private_key_jwt', privateKey }), grant: requestClientCredentials }
    }
    case 'auth/cross-app-access-complete-flow':
    case 'auth/enterprise-managed-authorization':
      return {
        clients: await registered(secret),
        async grant (access, question) {
          const { outbound, clock } = access
          const provider = {
            server: await discoverServer(context.idp_issuer!, outbound),
            client: { clientId: context.idp_client_id!, authentication: { method: 'none' } as const },
            outbound, clock, prover: null
          }
          const subject = { token: context.idp_id_token!, type: 'id_token' } as const
          const assertion = await requestIdentityAssertion(provider, { ...question, subject, audience: access.server.issuer })
          return await requestWithAssertion(access, { ...question, assertion })
        }
      }
    case 'auth/wif-jwt-bearer':
      return {
        clients: await registered({ method: 'none' }),
        grant: async (access, question) => await requestWithAssertion(access, { ...question, assertion: context.valid_jwt! })
      }
    case 'auth/pre-registration':
      return { clients: await registered(secret), browser }
    default:
      return {
        browser,
        clientMetadataUrl: 'https://conformance-test.local/client-metadata.json',
        clientMetadata: { client_name: 'Conformance client' },
        allowMissingMetadata: scenario.startsWith('auth/2025-03-26')
      }
  }
}

const connection = await connect({ url, ...await waysIn() })
const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? ''
const client = new Client({ name: 'conformance', version: '1.0.0' }, version < '2026' ? {} : { versionNegotiation: { mode: { pin: version } } })
await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: connection.fetch }))
const { tools } = await client.listTools()
for (const { name } of tools) await client.callTool({ name, arguments: {} })
await client.close()
connection.close()
