import type { AccessToken } from '../token/access-token.ts'
import { InsufficientScopeError, MissingTokenError, withoutStackTrace } from '../errors/errors.ts'
import type { ScopeImplies } from '../policy/scopes.ts'
import { isSatisfied } from '../policy/scopes.ts'
import { McpError } from '../errors/mcp-errors.ts'
import type { McpCall } from './messages.ts'
import { targetOf } from './messages.ts'
import type { McpOptions, McpRule } from './options.ts'
import { readRule } from './options.ts'

/** Says who may call what. */
export interface McpPolicy {
  /** Whether anything can be called without a token. */
  readonly hasPublic: boolean
  /** Every scope that is asked for somewhere. */
  readonly scopes: readonly string[]
  /**
   * Holds the calls of a request against the rules, all of them at once: what is refused names everything it needs.
   *
   * @throws MissingTokenError
   * @throws InsufficientScopeError
   * @throws McpError
   */
  check (calls: readonly McpCall[], accessToken: AccessToken | null): void
  /** Whether the holder of this token, or of none, may call the tool. */
  mayCall (tool: string, accessToken: AccessToken | null): boolean
}

/** `refused`: no token suffices. */
type Need = 'public' | 'refused' | readonly string[]
type PolicyOptions = Pick<McpOptions, 'tools' | 'undeclaredTools' | 'prompts' | 'resources' | 'methods'>

/** What a client calls before it knows that there is something to call. None of it reaches a tool. */
const handshake = ['initialize', 'notifications/initialized', 'notifications/cancelled', 'server/discover', 'ping']

const anyToken: Need = []

export function createMcpPolicy (options: PolicyOptions, implies: ScopeImplies | null): McpPolicy {
  const tools = needsOf(options.tools)
  const prompts = needsOf(options.prompts)
  const methods = needsOf(options.methods)
  // The longest first: it is the one that says most.
  const resources = [...needsOf(options.resources)].sort(([one], [other]) => other.length - one.length)
  const undeclared: Need = options.undeclaredTools === 'token' ? anyToken : 'refused'

  const all = [...tools.values(), ...prompts.values(), ...methods.values(), ...resources.map(([, need]) => need)]
  const open = new Set<string>()
  if (all.includes('public')) for (const method of handshake) open.add(method)
  if ([...tools.values()].includes('public')) open.add('tools/list')
  if ([...prompts.values()].includes('public')) open.add('prompts/list')
  if (resources.some(([, need]) => need === 'public')) open.add('resources/list').add('resources/templates/list')

  const needOfSubject = (call: McpCall): Need | null => {
    const subject = targetOf(call)
    if (subject === null) return null
    if (call.method === 'tools/call') return tools.get(subject) ?? undeclared
    if (call.method === 'prompts/get') return prompts.get(subject) ?? anyToken
    return needOfUri(subject)
  }
  const needOfUri = (uri: string): Need => {
    const found = (spelling: string): Need => resources.find(([beginning]) => spelling.startsWith(beginning))?.[1] ?? anyToken
    // `notes://public/../private` begins like one thing and may be served as another: it needs what both need.
    return URL.canParse(uri) ? together(found(uri), found(new URL(uri).href)) : found(uri)
  }
  /** A rule for the method counts on top of the rule for what it is about. */
  const needOf = (call: McpCall): Need => {
    const needs = [methods.get(call.method), needOfSubject(call)].filter(need => need !== undefined && need !== null)
    if (needs.length === 0) return open.has(call.method) ? 'public' : anyToken
    return needs.reduce(together)
  }
  const covers = (scopes: readonly string[], accessToken: AccessToken): boolean =>
    isSatisfied({ alternatives: [scopes] }, accessToken.scopes, implies)

  return {
    hasPublic: all.includes('public'),
    scopes: [...new Set(all.flatMap(need => typeof need === 'string' ? [] : need))],
    check (calls, accessToken) {
      const needs = calls.map(needOf)
      const need = needs.length === 0 ? 'public' : needs.reduce(together)
      if (need === 'public') return
      if (accessToken === null) {
        // What nobody may call is not told from what somebody may.
        throw withoutStackTrace(() => new MissingTokenError(need === 'refused' ? [] : need))
      }
      if (need === 'refused') throw withoutStackTrace(() => new McpError('FST_OAUTH_MCP_TOOL_UNDECLARED'))
      if (!covers(need, accessToken)) throw withoutStackTrace(() => new InsufficientScopeError(need))
    },
    mayCall (tool, accessToken) {
      const need = tools.get(tool) ?? undeclared
      if (typeof need === 'string') return need === 'public'
      return accessToken !== null && covers(need, accessToken)
    }
  }
}

function needsOf (rules: Readonly<Record<string, McpRule>> = {}): Map<string, Need> {
  return new Map(Object.entries(rules).map(([name, rule]) => {
    const { scopes, isPublic } = readRule(rule)
    return [name, isPublic ? 'public' : [...new Set(scopes)]]
  }))
}

/** What two things need that are called together. */
function together (one: Need, other: Need): Need {
  if (one === 'refused' || other === 'refused') return 'refused'
  if (one === 'public') return other
  if (other === 'public') return one
  return [...new Set([...one, ...other])]
}
