import { OptionError } from '../errors/errors.ts'
import { isOrigin } from '../identifier.ts'
import { checkOptions } from '../options/check-options.ts'
import { show } from '../options/show.ts'
import { Type } from '../options/type.ts'
import { isScopeOfRoute } from '../policy/scopes.ts'
import type { McpSessionStore } from '../stores/mcp-sessions/mcp-session-store.ts'
import { prefixSpellingsOf } from './resource-uri.ts'

/** What calling something requires: a list of scopes, all of them needed; or the long form, which can also make it public. */
export type McpRequirement = readonly string[] | {
  /** All of these are needed. Default: none, any valid token will do. */
  readonly scopes?: readonly string[]
  /** Whether it can be called without a token. Default: false. */
  readonly public?: boolean
  /**
   * Of a tool: further scopes that a call needs, by its `arguments`, which nothing has checked yet. A function that throws,
   * or returns anything but a list of scopes, makes the response 503. Scopes that it alone names are not in the document.
   */
  readonly scopesFor?: (toolArguments: Readonly<Record<string, unknown>>) => readonly string[]
}

/** What calls of something undeclared get: `refuse`, a 403 whatever the token; `token`, any valid token will do. */
export type McpUndeclared = 'refuse' | 'token'

/** The options of `mcp`. */
export interface McpOptions {
  /** Tool → what calling it requires. */
  tools?: Readonly<Record<string, McpRequirement>>
  /** What calls of tools that are not among `tools` get. Default: `refuse`. */
  undeclaredTools?: McpUndeclared
  /** Prompt → what getting it, or completing its arguments, requires. */
  prompts?: Readonly<Record<string, McpRequirement>>
  /** What requests for prompts that are not among `prompts` get. Default: `refuse`. */
  undeclaredPrompts?: McpUndeclared
  /**
   * Beginning of a URI → what reading such a resource, subscribing to it, or completing a URI template that may lead to it
   * requires. The longest beginning that matches decides. A URI is held against it as it came and normalized (RFC 3986
   * section 6), and needs what both need.
   */
  resources?: Readonly<Record<string, McpRequirement>>
  /** What requests for resources that no beginning in `resources` matches get. Default: `refuse`. */
  undeclaredResources?: McpUndeclared
  /** JSON-RPC method → what calling it requires, on top of what its tool, prompt or resource requires. Default: any valid token. */
  methods?: Readonly<Record<string, McpRequirement>>
  /**
   * What a refused call of a tool gets: `http` (default), 401 or 403 with a challenge; `result`, 200 with a tool result that
   * has the challenge in `_meta["mcp/www_authenticate"]`, as ChatGPT reads it. It holds for single calls on routes that
   * spread `mcpRoute`.
   */
  toolChallenges?: 'http' | 'result'
  /**
   * The values of `Origin` that are allowed, exactly as browsers send them; those of browser extensions and desktop shells
   * have schemes of their own, as in `chrome-extension://<id>` or `tauri://localhost`. Default: the origin of the resource. Requests
   * without `Origin` are allowed.
   */
  allowedOrigins?: readonly string[]
  /** Records which user and client each session belongs to. Default: in the memory of this process. */
  sessions?: McpSessionStore
  /** What a request for a session that the store does not know gets: `pass` (default), the SDK decides; `refuse`, 404. */
  unknownSessions?: 'pass' | 'refuse'
}

const text = Type.String({ minLength: 1 })
const closed = { additionalProperties: false }
const anyFunction = Type.Function([], Type.Unknown())
const requirements = Type.Record(Type.String(), Type.Union([
  Type.Array(text),
  Type.Object({ scopes: Type.Optional(Type.Array(text)), public: Type.Optional(Type.Boolean()), scopesFor: Type.Optional(anyFunction) }, closed)
]))
const undeclared = Type.Enum(['refuse', 'token'])
const schema = Type.Object({
  tools: Type.Optional(requirements),
  undeclaredTools: Type.Optional(undeclared),
  prompts: Type.Optional(requirements),
  undeclaredPrompts: Type.Optional(undeclared),
  resources: Type.Optional(requirements),
  undeclaredResources: Type.Optional(undeclared),
  methods: Type.Optional(requirements),
  allowedOrigins: Type.Optional(Type.Array(text)),
  sessions: Type.Optional(Type.Object({ bind: anyFunction, ownerOf: anyFunction })),
  unknownSessions: Type.Optional(Type.Enum(['pass', 'refuse'])),
  toolChallenges: Type.Optional(Type.Enum(['http', 'result']))
}, closed)

const declarations = ['tools', 'prompts', 'resources', 'methods'] as const

/** @throws OptionError that names the option and its value */
export function checkMcpOptions (given: unknown): McpOptions {
  checkOptions('mcp', schema, given)
  const options = given as McpOptions
  for (const kind of declarations) {
    for (const [name, requirement] of Object.entries(options[kind] ?? {})) checkRequirement(`mcp.${kind}[${JSON.stringify(name)}]`, requirement)
  }
  if (Object.hasOwn(options.methods ?? {}, 'tools/call')) {
    throw new OptionError('mcp.methods["tools/call"] would hold for every tool; declare each tool in mcp.tools')
  }
  for (const beginning of Object.keys(options.resources ?? {})) checkBeginning(beginning)
  for (const origin of options.allowedOrigins ?? []) {
    if (origin.includes('*')) {
      throw new OptionError(`mcp.allowedOrigins has ${show(origin)}, which no request matches: wildcards are not supported; list each origin`)
    }
    if (!isOrigin(origin)) {
      throw new OptionError(`mcp.allowedOrigins has ${show(origin)}; expected an origin as browsers send it, such as https://app.example.com`)
    }
  }
  return options
}

function checkRequirement (name: string, requirement: McpRequirement): void {
  const { scopes, isPublic, scopesFor } = parseRequirement(requirement)
  const unfit = scopes.find(scope => !isScopeOfRoute(scope))
  if (unfit !== undefined) throw new OptionError(`${name}: ${show(unfit)} is not a scope of a resource`)
  const contradiction = scopes.length > 0 ? 'scopes' : scopesFor === null ? null : 'scopesFor'
  if (isPublic && contradiction !== null) throw new OptionError(`${name}: public: true and ${contradiction} contradict each other; remove one`)
  if (scopesFor !== null && !name.startsWith('mcp.tools')) throw new OptionError(`${name}: scopesFor is for tools, whose calls have arguments`)
}

/** No URI that is read has braces, and none is percent-encoded that deep: such a declaration would protect nothing. */
function checkBeginning (beginning: string): void {
  const name = `mcp.resources[${JSON.stringify(beginning)}]`
  const literal = beginning.replace(/[{}][^]*$/, '')
  if (literal !== beginning) throw new OptionError(`${name} is a URI template; declare how its URIs begin: ${JSON.stringify(literal)}`)
  try {
    prefixSpellingsOf(beginning)
  } catch (error) {
    throw new OptionError(`${name}: ${(error as Error).message}; declare the URI as clients write it`)
  }
}

/** A requirement in its long form, with every default. */
export interface ParsedRequirement {
  readonly scopes: readonly string[]
  readonly isPublic: boolean
  readonly scopesFor: ((toolArguments: Readonly<Record<string, unknown>>) => readonly string[]) | null
}

export function parseRequirement (requirement: McpRequirement): ParsedRequirement {
  if (isList(requirement)) return { scopes: requirement, isPublic: false, scopesFor: null }
  const { scopes = [], public: isPublic = false, scopesFor = null } = requirement
  return { scopes, isPublic, scopesFor }
}

function isList (requirement: McpRequirement): requirement is readonly string[] {
  return Array.isArray(requirement)
}
