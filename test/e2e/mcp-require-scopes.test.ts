import type { AddressInfo } from 'node:net'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { McpServer, createMcpHandler, requireScopes } from '@modelcontextprotocol/server'
import { test } from 'tap'
import { bearer } from '../support/app.ts'
import { call, createMcpTestServer } from '../support/mcp-server.ts'
import { parseChallenges } from '../../lib/challenge/parse.ts'

test("a call that the SDK's own requireScopes refuses is not counted as accepted [E12]", async t => {
  const handle = toNodeHandler(createMcpHandler(() => {
    const server = new McpServer({ name: 'test', version: '1.0.0' })
    server.registerTool('whoami', { scopeChallenge: requireScopes('notes:read') }, () => ({ content: [{ type: 'text', text: 'ann' }] }))
    return server
  }))
  const { app, issuer } = await createMcpTestServer(t, {
    routes: app => {
      app.post('/sdk', app.mcpRoute, async ({ raw, headers, method, body }, reply) => {
        reply.hijack()
        const { auth } = raw as { auth?: object }
        await handle({ method, url: '/sdk', headers, ...auth && { auth }, [Symbol.asyncIterator]: () => raw[Symbol.asyncIterator]() } as Parameters<typeof handle>[0], reply.raw, body)
      })
    }
  })
  await app.listen({ port: 0 })
  const send = async (scope: string): Promise<Response> => await fetch(`http://localhost:${(app.server.address() as AddressInfo).port}/sdk`, {
    method: 'POST',
    headers: { ...bearer(await issuer.token({ scope })), 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify(call('whoami'))
  })
  const refused = await send('')
  await refused.text()
  t.equal(refused.status, 403)
  t.equal(parseChallenges(refused.headers.get('www-authenticate')!)[0]!.parameters.get('scope'), 'notes:read')
  t.match(app.oauthCounters, { accepted: 0, refusedElsewhere: 1, refused: [] })
  const accepted = await send('notes:read')
  await accepted.text()
  t.equal(accepted.status, 200)
  t.match(app.oauthCounters, { accepted: 1, refusedElsewhere: 1, refused: [] })
})
