import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { join } from 'node:path'
import type { Test } from 'tap'
import { test } from 'tap'
import type { ClientFetch, Refresh, Session, TokenSet, TokenStore } from '../../plugins/entry-points/client.ts'
import { createFetch, createMemoryTokenStore, createRefresh, createSession } from '../../plugins/entry-points/client.ts'
import { createFileTokenStore } from '../../plugins/entry-points/stores/file.ts'
import { failureOf } from '../support/client-session.ts'
import { startExample } from '../support/example-server.ts'
import { obtainToken } from '../support/obtain-token.ts'

interface Connected {
  readonly mcpUrl: string
  readonly tokens: TokenSet
  readonly refresh: Refresh
  /** How many token requests were made. */
  readonly requests: () => number
  readonly open: (store: TokenStore) => Session
}

/** A user who authorized, at an authorization server that rotates and takes a token that comes twice for stolen. */
async function connect (t: Test): Promise<Connected> {
  const { mcpUrl } = await startExample(t)
  const { accessToken, refreshToken, as, client } = await obtainToken(mcpUrl, 'projects:write')
  let requests = 0
  const refresh = createRefresh({
    server: as,
    clientId: client.client_id,
    authentication: { method: 'none' },
    resource: mcpUrl,
    fetch: async (url, init) => {
      requests++
      return await fetch(url, init)
    }
  })
  const open = (store: TokenStore): Session => {
    const session = createSession({ tokenStore: store, refresh })
    t.teardown(() => session.close())
    return session
  }
  return {
    mcpUrl, refresh, open, requests: () => requests,
    tokens: { accessToken, tokenType: 'Bearer', refreshToken, expiresAt: null, scopes: ['projects:write'] }
  }
}

const dead = 'not.a.token'

/** The session of the tokens, whose access token is dead by now. */
async function signInDead (session: Session, tokens: TokenSet): Promise<void> {
  await session.signIn({ ...tokens, accessToken: dead })
}

interface Caller {
  call (name: string, args?: Record<string, unknown>): Promise<unknown>
}

const sdks: Readonly<Record<string, (t: Test, url: string, fetch: ClientFetch) => Promise<Caller>>> = {
  'SDK 1': async (t, url, fetch) => {
    const client = new Client1({ name: 'test', version: '1.0.0' })
    t.teardown(() => client.close())
    await client.connect(new Transport1(new URL(url), { fetch }))
    return { call: async (name, args = {}) => textOf(await client.callTool({ name, arguments: args }) as CallToolResult) }
  },
  'SDK 2': async (t, url, fetch) => {
    const client = new Client2({ name: 'test', version: '1.0.0' })
    t.teardown(() => client.close())
    await client.connect(new Transport2(new URL(url), { fetch }))
    return { call: async (name, args = {}) => textOf(await client.callTool({ name, arguments: args }) as CallToolResult) }
  }
}

function textOf ({ content: [first] }: CallToolResult): unknown {
  return first?.type === 'text' ? JSON.parse(first.text) : undefined
}

for (const [sdk, createClient] of Object.entries(sdks)) {
  test(`MCP ${sdk}: parallel calls with a dead token are one token request, and none is carried out twice (F64, F65, R23)`, async t => {
    const { mcpUrl, tokens, open, requests } = await connect(t)
    const session = open(createMemoryTokenStore())
    await session.signIn(tokens)
    const { call } = await createClient(t, mcpUrl, createFetch({ session, resource: mcpUrl }))
    t.match(await call('whoami'), { subject: 'ada' })
    t.equal(requests(), 0)

    await signInDead(session, tokens)
    await Promise.all(Array.from({ length: 20 }, (_none, i) => call('create_project', { name: `Project ${i}` })))
    t.equal(requests(), 1)
    const projects = await call('list_projects') as unknown[]
    t.equal(projects.length, 21, 'each once, and the one that was there')
    t.equal(requests(), 1)
  })
}

test('two sessions over one file and a rotating issuer: no refresh token comes twice (F66, R37, R38, RFSH-05, RFSH-07)', async t => {
  const { mcpUrl, tokens, open, requests, refresh } = await connect(t)
  const path = join(t.testdir(), 'tokens.json')
  await open(createFileTokenStore({ path })).signIn(tokens)

  const used = new Set<string>()
  for (let round = 1; round <= 5; round++) {
    const store = createFileTokenStore({ path })
    const { generation, tokens: current } = (await store.read())!
    used.add(current!.refreshToken!)
    await store.write({ ...current!, accessToken: `${dead}${round}` }, generation)
    // What is held in memory is as dead: each of them is a process of its own.
    const answers = await Promise.all([1, 2].flatMap(() => {
      const mcpFetch = createFetch({ session: open(createFileTokenStore({ path })), resource: mcpUrl })
      const ping = { jsonrpc: '2.0', id: 1, method: 'ping' }
      return [1, 2, 3].map(async () => (await mcpFetch(mcpUrl, {
        method: 'POST',
        body: JSON.stringify(ping),
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
      })).status)
    }))
    t.notOk(answers.includes(401), `round ${round}: ${answers.join()}`)
    t.equal(requests(), round, 'one token request')
  }
  t.equal(used.size, 5, 'it rotates')

  // That the issuer would have noticed is what makes this a test.
  const [stolen] = used
  t.match(await failureOf(refresh({ ...tokens, refreshToken: stolen! }, new AbortController().signal)), { outcome: 'over', oauthError: 'invalid_grant' })
  const session = open(createFileTokenStore({ path }))
  await session.start()
  t.match(await failureOf(session.refresh((await session.token()).accessToken)), { code: 'FST_OAUTH_SESSION_OVER' }, 'all of it is revoked')
  t.equal((await createFileTokenStore({ path }).read())!.tokens, null)
})
