import type { AuthInfo, CallToolResult, ServerContext } from '@modelcontextprotocol/server'
import { McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import type { Owner, Projects } from './projects.ts'

/** The scopes that calling a tool needs; a tool that is not here is nobody's. */
export const toolScopes: Readonly<Record<string, readonly string[]>> = {
  whoami: [],
  list_projects: ['projects:read'],
  create_project: ['projects:write']
}

/** The tools. They trust `authInfo`: the resource server has verified it before any of this runs. */
export function createMcpServer (projects: Projects): McpServer {
  const server = new McpServer({ name: 'projects', version: '1.0.0' })

  server.registerTool('whoami', {
    description: 'Says whose token this is, and whether it is bound to a key of the client (DPoP)'
  }, context => {
    const { clientId, scopes, extra } = authInfoOf(context)
    const { issuer, subject } = ownerOf(context)
    return answer({ issuer, subject, client: clientId, scopes, tokenType: extra?.tokenType })
  })

  server.registerTool('list_projects', {
    description: 'Lists the projects of the user'
  }, async context => answer(await projects.of(ownerOf(context))))

  server.registerTool('create_project', {
    description: 'Creates a project of the user',
    inputSchema: z.object({ name: z.string().min(1).max(100) })
  }, async ({ name }, context) => answer(await projects.create(ownerOf(context), name)))

  return server
}

function authInfoOf (context: ServerContext): AuthInfo {
  const authInfo = context.http?.authInfo
  if (authInfo === undefined) throw new Error('this server is not to be run without authorization')
  return authInfo
}

function ownerOf (context: ServerContext): Owner {
  const { issuer, subject, claims } = authInfoOf(context).extra ?? {}
  if (typeof issuer !== 'string' || typeof subject !== 'string') throw new Error('authInfo without a subject')
  return { issuer, subject, claims: claims as Owner['claims'] }
}

function answer (value: unknown): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value) }] }
}
