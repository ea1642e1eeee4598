import { test } from 'tap'
import type { OAuthResourceServerOptions, RouteOptions } from '../../plugins/index.ts'
import { createMcpTestServer, message } from '../support/mcp-server.ts'
import { accepted, answerOf, createTestServer, unavailable } from '../support/server.ts'

/** How a function or a store of the host's own can fail to answer. */
const failures: Record<string, () => unknown> = {
  'never answers': () => new Promise(() => {}),
  throws: () => { throw new Error('down') },
  rejects: async () => { throw new Error('down') },
  'rejects with nothing': async () => await (Promise.reject as (reason?: unknown) => Promise<never>).call(Promise)
}

interface Asked {
  readonly good: unknown
  readonly reason: string
  place (ask: () => never): { options?: Partial<OAuthResourceServerOptions>, rule?: object, route?: RouteOptions }
}

/** Tokens are bound to both, so somebody is asked about both. */
const bound = { claims: { organizations: 'org', teams: 'team' } }
const organization = (): string => 'acme'
const team = (): string => 'red'
const everybody: Record<string, Asked> = {
  revocations: { good: false, reason: 'revocations_unavailable', place: isRevoked => ({ options: { revocations: { isRevoked } } }) },
  'a token rule': { good: true, reason: 'token_rule_unavailable', place: check => ({ rule: { tokenRules: [{ name: 'mine', check }] } }) },
  organizationOf: { good: 'acme', reason: 'organization_unavailable', place: organizationOf => ({ options: { organizationOf }, rule: bound, route: { team } }) },
  teamOf: { good: 'red', reason: 'team_unavailable', place: teamOf => ({ options: { teamOf }, rule: bound, route: { organization } }) },
  policy: { good: true, reason: 'policy_unavailable', place: policy => ({ options: { policy } }) },
  'organization of the route': { good: 'acme', reason: 'organization_unavailable', place: organization => ({ rule: bound, route: { organization, team } }) },
  'policy of the route': { good: true, reason: 'policy_unavailable', place: policy => ({ route: { policy } }) },
  'authorizationDetails of the route': {
    good: true, reason: 'authorization_details_unavailable', place: authorizationDetails => ({ route: { authorizationDetails } })
  }
}

for (const [name, { good, reason, place }] of Object.entries(everybody)) {
  for (const [how, failure] of Object.entries(failures)) {
    test(`${name}, which ${how}: 503, and all is well afterwards`, async t => {
      let answer: () => unknown = failure
      const { options = {}, rule = {}, route = {} } = place((() => answer()) as () => never)
      const { app, issuer, get } = await createTestServer(t, { options: { lookupTimeoutMs: 20, ...options }, rule })
      let reached = 0
      const reasons: unknown[] = []
      app.addHook('onError', async (_request, _reply, error) => { reasons.push((error as { reason?: string }).reason) })
      app.get('/asked', { config: { oauth: route } }, async () => { reached++; return 'in' })
      const token = await issuer.token({ org: 'acme', team: 'red', authorization_details: [{ type: 'payment' }] })

      for (let i = 0; i < 2; i++) {
        const response = await get(token, { url: '/asked' })
        t.strictSame(answerOf(response), unavailable)
        t.equal(response.headers['retry-after'], '5')
      }
      t.strictSame(reasons, [reason, reason])
      t.equal(reached, 0)
      answer = () => good
      t.strictSame(answerOf(await get(token, { url: '/asked' })), accepted)
      answer = async () => good
      t.strictSame(answerOf(await get(token, { url: '/asked' })), accepted)
    })
  }
}

/** It is asked about each pair of scopes, so it has to answer at once: a promise is no answer. */
for (const [how, failure] of Object.entries({ ...failures, 'returns a promise': async () => true })) {
  test(`scopeImplies, which ${how}: 503 for routes, requireScopes and MCP tools, and all is well afterwards`, async t => {
    let answer: () => unknown = failure
    const scopeImplies = (() => answer()) as () => boolean
    const { app, issuer, get } = await createTestServer(t, { options: { scopeImplies } })
    app.get('/asked', { config: { oauth: { scopes: ['read'] } } }, async () => 'in')
    app.get('/required', async request => { request.requireScopes('read'); return 'in' })
    const token = await issuer.token({ scope: 'admin' })
    for (const url of ['/asked', '/required']) {
      const response = await get(token, { url })
      t.strictSame(answerOf(response), unavailable, url)
      t.equal(response.headers['retry-after'], '5')
    }
    const { post, handled } = await createMcpTestServer(t, { mcp: { tools: { whoami: ['read'] } }, options: { scopeImplies } })
    t.equal((await post(message('tools/call', { name: 'whoami' }), 'admin')).statusCode, 503)
    t.strictSame(handled, [])
    answer = () => true
    for (const url of ['/asked', '/required']) t.strictSame(answerOf(await get(token, { url })), accepted)
    t.equal((await post(message('tools/call', { name: 'whoami' }), 'admin')).statusCode, 200)
  })
}

for (const [how, failure] of Object.entries(failures)) {
  test(`resolveIssuer, which ${how}: 503, and all is well afterwards`, async t => {
    let answer: (identifier: string) => unknown = failure
    const resolveIssuer = ((identifier: string) => answer(identifier)) as NonNullable<OAuthResourceServerOptions['resolveIssuer']>
    const { issuer, clock, get } = await createTestServer(t, {
      options: { lookupTimeoutMs: 20, authorizationServers: ['https://another.example'], resolveIssuer }
    })
    const token = await issuer.token()
    for (let i = 0; i < 2; i++) t.strictSame(answerOf(await get(token)), unavailable)
    t.strictSame(issuer.requests, [])
    answer = identifier => identifier
    clock.advance(5)
    t.strictSame(answerOf(await get(token)), accepted)
  })

  test(`a store of sessions, which ${how}: 503, and all is well afterwards`, async t => {
    let answer: () => unknown = failure
    const sessions = { bind: () => null as never, ownerOf: () => answer() as never }
    const { post, handled } = await createMcpTestServer(t, { mcp: { sessions }, options: { lookupTimeoutMs: 20 } })
    const request = { headers: { 'mcp-session-id': 's' } }
    const response = await post(message('ping'), '', request)
    t.equal(response.statusCode, 503)
    t.equal(response.headers['retry-after'], '5')
    t.strictSame(handled, [])
    answer = () => null
    t.equal((await post(message('ping'), '', request)).statusCode, 200)
  })
}
