import type { RefusalDetail } from '../errors/detail.ts'
import { describeValue, printable } from '../errors/detail.ts'
import { InsufficientScopeError, MissingTokenError, withoutStackTrace } from '../errors/errors.ts'
import type { McpErrorCode } from '../errors/mcp-errors.ts'
import { McpError } from '../errors/mcp-errors.ts'
import { askAtOnce } from '../policy/decision.ts'
import type { ScopeImplies } from '../policy/scopes.ts'
import { isSatisfied, isScopeOfRoute, scopeDetail } from '../policy/scopes.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { McpCall } from './messages.ts'
import { isRecord } from './messages.ts'
import type { McpOptions, McpRequirement } from './options.ts'
import { parseRequirement } from './options.ts'
import { prefixSpellingsOf, spellingsOf } from './resource-uri.ts'
import type { McpTarget } from './targets.ts'
import { targetsOf } from './targets.ts'

/** Characters of the calls that a log entry names. */
const longestNames = 200

/** Decides which calls an access token covers. */
export interface McpPolicy {
  /** Whether anything can be called without a token. */
  readonly hasPublic: boolean
  /** Scope → the option that requires it. */
  readonly requiredScopes: ReadonlyMap<string, string>
  /**
   * Checks the calls of a request together: a refusal names every scope that all of them need.
   *
   * @param revision the protocol revision of the request, `null` when it does not say
   * @throws MissingTokenError
   * @throws InsufficientScopeError
   * @throws UnavailableError when `scopesFor` of a tool, or `scopeImplies`, fails
   * @throws McpError
   */
  check (calls: readonly McpCall[], accessToken: AccessToken | null, revision?: string | null): void
  /** The scopes that calls need; empty for calls that need none, are refused with any token, or cannot be read. */
  scopesOf (calls: readonly McpCall[]): readonly string[]
  /** Whether a request with this token, or with none, may call the tool; scopes that depend on arguments are left out. */
  mayCall (tool: string, accessToken: AccessToken | null): boolean
  /** What a call of the tool requires, as `securitySchemes` of a `tools/list` response say it. */
  securitySchemesOf (tool: string): McpSecurityScheme[]
}

/** One of `securitySchemes` of a tool. */
export type McpSecurityScheme = { readonly type: 'noauth' } | { readonly type: 'oauth2', readonly scopes: readonly string[] }

/** The requirement for a call: scopes, no token at all, or a refusal with any token (an undeclared target). */
type Requirement = readonly string[] | 'public' | McpTarget
type PolicyOptions = Pick<McpOptions, typeof declarations[number] | 'undeclaredTools' | 'undeclaredPrompts' | 'undeclaredResources'>

const declarations = ['tools', 'prompts', 'resources', 'methods'] as const

/** What a client sends before it knows what there is to call. None of it reaches a tool. */
const handshake = ['initialize', 'notifications/initialized', 'notifications/cancelled', 'server/discover', 'ping']

const anyToken: Requirement = []

export function createMcpPolicy (options: PolicyOptions, implies: ScopeImplies | null): McpPolicy {
  const tools = requirementsOf(options.tools)
  const prompts = requirementsOf(options.prompts)
  const methods = requirementsOf(options.methods)
  const openMethods = openMethodsOf(options)
  const scopesFor = scopeFunctionsOf(options.tools)

  const choices = { tool: options.undeclaredTools, prompt: options.undeclaredPrompts, resource: options.undeclaredResources }
  const undeclared = (target: McpTarget): Requirement =>
    choices[target.kind === 'template' ? 'resource' : target.kind] === 'token' ? anyToken : target
  const requirementOfUri = createResourceRequirements(requirementsOf(options.resources), undeclared)
  const requirementOfTarget = (target: McpTarget): Requirement => {
    const { kind, name } = target
    if (kind === 'tool') return tools.get(name) ?? undeclared(target)
    if (kind === 'prompt') return prompts.get(name) ?? undeclared(target)
    return requirementOfUri(target)
  }
  /** A requirement of the method counts on top of that of its target. */
  const requirementOf = (call: McpCall, revision: string | null): Requirement => {
    const ofMethod = methods.get(call.method)
    const targets = targetsOf(call, revision)
    const all = [ofMethod, ...targets.map(requirementOfTarget), ...targets.map(({ kind, name }) => kind === 'tool' ? scopesFor.get(name)?.(call) : undefined)]
      .filter(requirement => requirement !== undefined)
    if (all.length === 0) return openMethods.has(call.method) ? 'public' : anyToken
    return all.reduce(combine)
  }
  const covers = (scopes: readonly string[], accessToken: AccessToken): boolean =>
    isSatisfied({ alternatives: [scopes] }, accessToken.scopes, implies)

  return {
    hasPublic: openMethods.size > 0,
    requiredScopes: scopesOfOptions(options),
    check (calls, accessToken, revision = null) {
      const requirement = calls.map(call => requirementOf(call, revision)).reduce(combine, 'public')
      if (requirement === 'public') return
      const scopes = isScopes(requirement) ? requirement : []
      // Without a token the answer is the same for what is declared and for what is not.
      if (accessToken === null) throw withoutStackTrace(() => new MissingTokenError(scopes))
      if (!isScopes(requirement)) throw notAvailable(requirement)
      if (!covers(scopes, accessToken)) throw withoutStackTrace(() => new InsufficientScopeError(scopes, detailOf(calls, scopes, accessToken, revision)))
    },
    scopesOf (calls) {
      try {
        const requirement = calls.map(call => requirementOf(call, null)).reduce(combine, 'public')
        return isScopes(requirement) ? requirement : []
      } catch {
        return []
      }
    },
    mayCall (tool, accessToken) {
      const requirement = requirementOfTarget({ kind: 'tool', name: tool })
      if (!isScopes(requirement)) return requirement === 'public'
      return accessToken !== null && covers(requirement, accessToken)
    },
    securitySchemesOf (tool) {
      const requirement = requirementOfTarget({ kind: 'tool', name: tool })
      if (requirement === 'public') return [{ type: 'noauth' }]
      return isScopes(requirement) ? [{ type: 'oauth2', scopes: requirement }] : []
    }
  }
}

/** What was required for which calls, and what was granted, for the log. */
function detailOf (calls: readonly McpCall[], scopes: readonly string[], accessToken: AccessToken, revision: string | null): RefusalDetail {
  const { expected, received } = scopeDetail({ alternatives: [scopes] }, accessToken.scopes)
  const named = calls.map(call => [call.method, ...targetsOf(call, revision).map(({ name }) => describeValue(name))].join(' '))
  return { expected: `${expected} for ${printable(named.join(', '), longestNames)}`, received }
}

function isScopes (requirement: Requirement): requirement is readonly string[] {
  return Array.isArray(requirement)
}

function requirementsOf (declared: Readonly<Record<string, McpRequirement>> = {}): Map<string, Requirement> {
  return new Map(Object.entries(declared).map(([name, given]) => {
    const { scopes, isPublic } = parseRequirement(given)
    return [name, isPublic ? 'public' : [...new Set(scopes)]]
  }))
}

/** Tool → the scopes that a call needs by its arguments. */
function scopeFunctionsOf (tools: PolicyOptions['tools'] = {}): Map<string, (call: McpCall) => readonly string[]> {
  const functions = new Map<string, (call: McpCall) => readonly string[]>()
  for (const [name, given] of Object.entries(tools)) {
    const { scopesFor } = parseRequirement(given)
    if (scopesFor !== null) functions.set(name, ({ params }) => scopesByArguments(name, () => scopesFor(isRecord(params.arguments) ? params.arguments : {})))
  }
  return functions
}

/** @throws UnavailableError */
function scopesByArguments (tool: string, call: () => unknown): readonly string[] {
  const name = `mcp.tools[${JSON.stringify(tool)}].scopesFor`
  return askAtOnce(name, call, scopes => {
    if (Array.isArray(scopes) && scopes.every(scope => typeof scope === 'string' && isScopeOfRoute(scope))) return scopes as string[]
    throw new TypeError(`${name} returned ${describeValue(scopes)}; expected a list of scopes`)
  })
}

/** The combined requirements of two targets that are called together. If one is undeclared, the call is refused. */
function combine (one: Requirement, other: Requirement): Requirement {
  if (one === 'public') return other
  if (other === 'public' || !isScopes(one)) return one
  return isScopes(other) ? [...new Set([...one, ...other])] : other
}

/**
 * Finds the requirements of a resource: each spelling of its URI is compared with the declarations, and all matches count. A
 * template needs everything that any URI made from it may need.
 */
function createResourceRequirements (
  declared: ReadonlyMap<string, Requirement>, undeclared: (target: McpTarget) => Requirement
): (target: McpTarget) => Requirement {
  const prefixes = [...declared].flatMap(([prefix, requirement]) => prefixSpellingsOf(prefix).map(spelling => ({ spelling, requirement })))
  const requirementOfLongest = (uri: string, target: McpTarget): Requirement => {
    const matching = prefixes.filter(({ spelling }) => uri.startsWith(spelling))
    const length = Math.max(...matching.map(({ spelling }) => spelling.length))
    const longest = matching.filter(({ spelling }) => spelling.length === length)
    return longest.length === 0 ? undeclared(target) : longest.map(({ requirement }) => requirement).reduce(combine)
  }
  return target => {
    const isTemplate = target.kind === 'template'
    const spellings = spellingsOf(isTemplate ? target.name.replace(/\{[^]*$/, '') : target.name)
    if (spellings === null) return target
    const within = isTemplate ? prefixes.filter(prefix => spellings.some(spelling => prefix.spelling.startsWith(spelling))) : []
    return [...spellings.map(spelling => requirementOfLongest(spelling, target)), ...within.map(({ requirement }) => requirement)].reduce(combine)
  }
}

/** If a target is public, clients must be able to find it without a token: handshake and list of its kind are public too. */
function openMethodsOf (options: PolicyOptions): Set<string> {
  const isOpen = (kind: typeof declarations[number]): boolean =>
    Object.values(options[kind] ?? {}).some(given => parseRequirement(given).isPublic)
  const open = new Set<string>()
  if (declarations.some(isOpen)) for (const method of handshake) open.add(method)
  if (isOpen('tools')) open.add('tools/list')
  if (isOpen('prompts')) open.add('prompts/list')
  if (isOpen('resources')) open.add('resources/list').add('resources/templates/list')
  return open
}

function scopesOfOptions (options: PolicyOptions): Map<string, string> {
  const all = declarations.flatMap(kind => Object.entries(options[kind] ?? {}).flatMap(([name, given]) =>
    parseRequirement(given).scopes.map(scope => [scope, `mcp.${kind}[${JSON.stringify(name)}]`] as const)))
  return new Map(all)
}

const undeclaredCodes: Readonly<Record<McpTarget['kind'], McpErrorCode>> = {
  tool: 'FST_OAUTH_MCP_TOOL_UNDECLARED',
  prompt: 'FST_OAUTH_MCP_PROMPT_UNDECLARED',
  resource: 'FST_OAUTH_MCP_RESOURCE_UNDECLARED',
  template: 'FST_OAUTH_MCP_RESOURCE_UNDECLARED'
}

function notAvailable ({ kind, name }: McpTarget): McpError {
  const label = kind === 'template' ? 'resource' : kind
  const option = `${label}s`
  const received = describeValue(name)
  return withoutStackTrace(() => new McpError(undeclaredCodes[kind], {
    message: `${capitalized(kind === 'template' ? 'resource template' : kind)} ${received} is not available`,
    detail: {
      expected: `a ${label} that mcp.${option} declares`,
      received,
      fix: `declare it in mcp.${option}, or let any valid token through with mcp.undeclared${capitalized(option)}: 'token'`
    }
  }))
}

function capitalized (text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}`
}
