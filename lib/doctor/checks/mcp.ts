import type { Check, CheckResult } from '../check.ts'
import { fails, failsWith, holds, notApplicable } from '../check.ts'
import type { Exchange } from '../exchange.ts'
import { headerOf } from '../exchange.ts'
import type { Subject } from '../subject.ts'
import { Unchecked, initializeBody, notRefused } from '../subject.ts'

/** The versions of the protocol with HTTP authorization. */
const versions = ['2025-03-26', '2025-06-18', '2025-11-25']

/** A request of MCP without a token, by POST. */
async function post (subject: Subject, body: string, version: string, headers: ReadonlyArray<readonly [string, string]> = []): Promise<Exchange> {
  return await subject.send({ method: 'POST', body, headers: [['MCP-Protocol-Version', version], ...headers] })
}

function initialize (subject: Subject): Promise<Exchange> {
  return subject.once('initialize', async () => await post(subject, initializeBody(), '2025-11-25'))
}

const message = (method: string, params: object): string => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

async function inMcp (subject: Subject, check: () => Promise<CheckResult>): Promise<CheckResult> {
  if (!await subject.isMcpEndpoint()) return notApplicable('the URL is not an MCP endpoint (--mcp says that it is)')
  // One that serves POST only would have been found by POST.
  if ((await subject.unauthenticated()).response.status === 404) throw new Unchecked(notRefused)
  return await check()
}

/** What clients of the Model Context Protocol need. */
export const mcpChecks: readonly Check[] = [
  {
    id: 'mcp-initialize',
    group: 'MCP',
    title: 'initialize without a token gets 401',
    level: 'required',
    rfc: 'MCP authorization, protocol requirements',
    why: 'It is the first request of every client. With any other status the client does not begin to authorize.',
    fix: 'Protect POST of the endpoint, before the body is read.',
    run: async subject => await inMcp(subject, async () => {
      const exchange = await initialize(subject)
      return failsWith(exchange.response.status === 401 ? null : `it got ${exchange.response.status}`, 'it got 401', exchange)
    })
  },
  {
    id: 'mcp-pointer',
    group: 'MCP',
    title: 'That 401 has resource_metadata',
    level: 'required',
    rfc: 'MCP authorization, protected resource metadata discovery',
    why: 'Clients of the protocol 2025-06-18 use nothing else to find the document.',
    fix: 'Add resource_metadata to the challenge of every 401, for every HTTP method.',
    run: async subject => await inMcp(subject, async () => {
      const exchange = await initialize(subject)
      if (exchange.response.status !== 401) return notApplicable('there is no 401')
      const value = headerOf(exchange.response, 'www-authenticate') ?? ''
      return failsWith(/resource_metadata *=/i.test(value) ? null : 'it has not', 'it has', exchange)
    })
  },
  {
    id: 'mcp-versions',
    group: 'MCP',
    title: 'Requests of every protocol version get 401',
    level: 'required',
    rfc: 'MCP authorization, MCP transports',
    why: 'A client that sees 400 takes the server for an older one, and goes on without authorization.',
    fix: 'Check the token before MCP-Protocol-Version and the body.',
    run: async subject => await inMcp(subject, async () => {
      const exchanges = [
        ...await Promise.all(versions.map(async version => await post(subject, initializeBody(version), version))),
        await post(subject, message('server/discover', {}), '2026-07-28', [['Mcp-Method', 'server/discover']])
      ]
      const other = exchanges.find(({ response: { status } }) => status !== 401)
      return failsWith(other === undefined ? null : `one of them got ${other.response.status}`, 'they do', ...other === undefined ? exchanges : [other])
    })
  },
  {
    id: 'mcp-methods',
    group: 'MCP',
    title: 'GET and DELETE of the endpoint are protected, or not served',
    level: 'required',
    rfc: 'MCP authorization, token requirements; MCP transports',
    why: 'GET reads the messages of a session, and DELETE ends it.',
    fix: 'Protect every method of the endpoint; answer 405 to those that it does not serve.',
    run: async subject => await inMcp(subject, async () => {
      for (const method of ['GET', 'DELETE']) {
        const exchange = await subject.send({ method, headers: [['Mcp-Session-Id', 'doctor']] })
        if (exchange.response.status < 400 || exchange.response.status >= 500) return fails(`${method} got ${exchange.response.status}`, [exchange])
      }
      return holds('they are')
    })
  },
  {
    id: 'mcp-session',
    group: 'MCP',
    title: 'A session id is no credential',
    level: 'required',
    rfc: 'MCP authorization, token requirements; MCP security best practices',
    why: 'Session ids are in logs and can be guessed; every request is authorized by itself.',
    fix: 'Check the token before the session.',
    run: async subject => await inMcp(subject, async () => {
      const exchange = await post(subject, message('tools/list', {}), '2025-11-25', [['Mcp-Session-Id', 'doctor']])
      return failsWith(exchange.response.status === 401 ? null : `a request with one got ${exchange.response.status}`, 'a request with one got 401', exchange)
    })
  }
]
