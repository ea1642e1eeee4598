import { createHash, randomBytes } from 'node:crypto'
import type { ExampleServer } from '../../examples/demo/start.ts'
import type { StartedExample } from './example-server.ts'
import { redirectUrl } from './mcp-client-storage.ts'
import type { Page, UserAgent, UserDecisions } from './user-agent.ts'
import { createUserAgent } from './user-agent.ts'

/** An authorization request, and what is needed to go on after it. */
export interface AuthorizationRequest {
  readonly url: URL
  readonly state: string
  readonly verifier: string
  readonly redirectUri: string
}

export interface TokenAnswer {
  readonly status: number
  readonly body: {
    readonly access_token?: string
    readonly refresh_token?: string
    readonly id_token?: string
    readonly expires_in?: number
    readonly scope?: string
    readonly error?: string
  }
}

/** A client of the example's authorization server, step by step: for what a whole client would hide. */
export interface ExampleClient {
  readonly clientId: string
  request (more?: Readonly<Record<string, string>>): AuthorizationRequest
  exchange (request: AuthorizationRequest, callback: URL): Promise<TokenAnswer>
  refresh (refreshToken: string): Promise<TokenAnswer>
}

/** @param resource what it wants to be let at. Default: the MCP endpoint. */
export async function registerClient ({ issuer, mcpUrl }: ExampleServer, resource = mcpUrl): Promise<ExampleClient> {
  const response = await fetch(`${issuer}/reg`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Test client',
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none'
    })
  })
  const { client_id: clientId } = await response.json() as { client_id: string }
  return clientOf(issuer, clientId, resource, redirectUrl)
}

export function clientOf (issuer: string, clientId: string, resource: string, redirectUri: string): ExampleClient {
  const token = async (parameters: Record<string, string>): Promise<TokenAnswer> => {
    const response = await fetch(`${issuer}/token`, {
      method: 'POST', body: new URLSearchParams({ client_id: clientId, resource, ...parameters })
    })
    return { status: response.status, body: await response.json() as TokenAnswer['body'] }
  }
  return {
    clientId,
    request (more = {}) {
      const verifier = randomBytes(32).toString('base64url')
      const state = randomBytes(8).toString('hex')
      const url = new URL(`${issuer}/auth`)
      url.search = new URLSearchParams({
        client_id: clientId,
        redirect_uri: redirectUri,
        response_type: 'code',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        resource,
        state,
        ...more
      }).toString()
      return { url, state, verifier, redirectUri }
    },
    exchange: ({ verifier, redirectUri: uri }, callback) => token({
      grant_type: 'authorization_code', code: callback.searchParams.get('code') ?? '', code_verifier: verifier, redirect_uri: uri
    }),
    refresh: refreshToken => token({ grant_type: 'refresh_token', refresh_token: refreshToken })
  }
}

export async function signInAsStaff (agent: UserAgent, { issuer }: ExampleServer, staff = 'sam'): Promise<Page> {
  return await agent.submit(await agent.open(`${issuer}/sign-in`), '/sign-in', { account: [], staff })
}

export async function signInAsCustomer (agent: UserAgent, { issuer }: ExampleServer, account = 'ada'): Promise<Page> {
  return await agent.submit(await agent.open(`${issuer}/sign-in`), '/sign-in', { account, staff: [] })
}

/** From the page of staff to that of the customer. */
export async function impersonate (
  agent: UserAgent, { issuer }: ExampleServer, customer = 'ada', mode: 'read-only' | 'read-write' = 'read-write'
): Promise<Page> {
  return await agent.submit(await agent.open(`${issuer}/staff`), '/staff/impersonate', { customer, mode })
}

/** What the customer's administrator does with the switch. */
export async function setApproval (
  agent: UserAgent, { issuer }: ExampleServer, organization: string, ai: 'on' | 'off'
): Promise<Page> {
  return await agent.submit(await agent.open(`${issuer}/organizations`), `/organizations/${organization}/ai`, { ai })
}

/** Calls a tool with a token, without a client around it. */
export async function callTool ({ mcpUrl }: ExampleServer, token: string, name = 'list_projects', args: object = {}): Promise<{ status: number, text: string }> {
  const response = await fetch(mcpUrl, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25'
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
  })
  return { status: response.status, text: await response.text() }
}

/** What the log has of the guard's decisions, the oldest first. */
export interface LoggedLine { reason: string, allowed: boolean, staff: string | null, customer: string | null, client: string | null, step: string | null, route: string | null }

export async function decisionsOf (agent: UserAgent, { issuer, database }: StartedExample): Promise<LoggedLine[]> {
  // The page waits for what is being written.
  await agent.open(`${issuer}/staff/log`)
  return (await database.query<LoggedLine>('select reason, allowed, staff, customer, client, step, route from decisions order by id')).rows
}

/** How many records of a kind the authorization server keeps. */
export async function count ({ database }: StartedExample, model: string): Promise<number> {
  const { rows: [row] } = await database.query<{ count: number }>('select count(*)::int as count from oidc_records where model = $1', [model])
  return row!.count
}

/** A member of staff who acts for a customer, in a browser. */
export async function startImpersonating (
  example: StartedExample, { staff = 'sam', customer = 'ada', mode = 'read-write' as 'read-write' | 'read-only' } = {}
): Promise<UserAgent> {
  const agent = createUserAgent()
  await signInAsStaff(agent, example, staff)
  await impersonate(agent, example, customer, mode)
  return agent
}

/** The customer's side says yes for every organization. */
export async function optIn (example: StartedExample): Promise<UserAgent> {
  const customer = createUserAgent()
  await signInAsCustomer(customer, example)
  await setApproval(customer, example, 'royal-institution', 'on')
  return customer
}

/** From the browser to a token. */
export async function connect (
  agent: UserAgent, client: ExampleClient, more: Record<string, string> = {}, decisions: UserDecisions = {}
): Promise<string> {
  const request = client.request(more)
  const { status, body } = await client.exchange(request, await agent.authorize(request.url, decisions))
  if (status !== 200) throw new Error(`${status} ${body.error}`)
  return body.access_token!
}
